"""What a command writes: results to standard output, everything else to standard error, colours on a terminal only."""

import os
import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

from injector.reports.paint import Paint, colored, plain, visible


def write(text: str) -> None:
    """Write a result to standard output, as it is."""
    sys.stdout.write(text)


def show(text: str) -> None:
    """Write a text for people, in the colours of `output_paint`, to standard output."""
    sys.stdout.write(visible(text, is_painted=output_paint() is colored))


def warn(lines: Iterable[str]) -> None:
    """Write lines to standard error."""
    sys.stderr.writelines(f"{visible(line)}\n" for line in lines)


def output_paint() -> Paint:
    """Colours where standard output is a terminal and $NO_COLOR is not set (https://no-color.org)."""
    return colored if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else plain


_SHOWN_AFTER_SECONDS = 1.0
_SHOWN_EVERY_SECONDS = 0.1
_CLEAR_LINE = "\r\x1b[K"

Item = TypeVar("Item")


def progress(items: Iterable[Item], what: str) -> Iterator[Item]:
    """`items`; on a terminal standard error counts them where that takes long, as in `120 pods looked at`."""
    if not sys.stderr.isatty():
        yield from items
        return
    due = monotonic() + _SHOWN_AFTER_SECONDS
    is_shown = False
    try:
        for count, item in enumerate(items, 1):
            yield item
            if monotonic() > due:
                sys.stderr.write(f"{_CLEAR_LINE}{count:,} {what}")
                sys.stderr.flush()
                is_shown, due = True, monotonic() + _SHOWN_EVERY_SECONDS
    finally:
        if is_shown:
            sys.stderr.write(_CLEAR_LINE)
