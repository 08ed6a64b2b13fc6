"""The installed command, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

INJECTOR = Path(sys.executable).parent / "injector"


def run(*arguments: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    """The finished command; `given` is its standard input."""
    return subprocess.run(
        [INJECTOR, *map(str, arguments)], input=given, capture_output=True, text=True, check=False, timeout=60
    )
