"""The installed command, run as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

INJECTOR = Path(sys.executable).parent / "injector"


def run(
    *arguments: str | Path, given: str = "", environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """The finished command; `given` is its standard input, `environment` is added to that of the tests."""
    return subprocess.run(
        [INJECTOR, *map(str, arguments)],
        input=given,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
