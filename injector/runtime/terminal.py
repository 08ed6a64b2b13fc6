"""What a command writes: results to standard output, everything else to standard error, colours on a terminal only."""

import os
import sys
from collections.abc import Iterable

from injector.reports.paint import Paint, colored, plain


def write(text: str) -> None:
    """Write a result to standard output, as it is."""
    sys.stdout.write(text)


def warn(lines: Iterable[str]) -> None:
    """Write lines to standard error."""
    sys.stderr.writelines(f"{line}\n" for line in lines)


def output_paint() -> Paint:
    """Colours where standard output is a terminal and $NO_COLOR is not set (https://no-color.org)."""
    return colored if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else plain
