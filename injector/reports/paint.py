"""Colours of a text for a terminal."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

Paint: TypeAlias = Callable[[str, str], str]
"""From a text and one of the keys of STYLES to the text as the terminal takes it."""

# The parameters of Select Graphic Rendition (ECMA-48, 8.3.117).
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = 1, 2, 31, 32, 33, 36

STYLES: Mapping[str, int] = {
    "title": _BOLD,
    "inject": _GREEN,
    "skip": _YELLOW,
    "refuse": _RED,
    "warning": _YELLOW,
    "group": _BOLD,
    "hunk": _CYAN,
    "+": _GREEN,
    "-": _RED,
    "dim": _DIM,
}


def plain(text: str, _: str) -> str:
    """No colours."""
    return text


def colored(text: str, style: str) -> str:
    """The text in the colour of `style`, a key of STYLES."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"
