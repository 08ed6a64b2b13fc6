"""Colours of a text for a terminal."""

import re
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


# What moves a cursor, clears a screen, or shows text in another order: control characters, and those that embed and
# isolate directions (https://www.unicode.org/reports/tr9/). A line break of Windows is none of them.
_CONTROL = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\r(?!\n)"
_UNSEEN = re.compile(_CONTROL)
_UNSEEN_OR_STYLE = re.compile(rf"\x1b\[(?:0|{'|'.join(map(str, sorted(set(STYLES.values()))))})m|{_CONTROL}")


def visible(text: str, *, is_painted: bool = False) -> str:
    """The text with each character spelt out that a terminal would obey instead of showing it.

    Whoever names a pod or writes its annotations decides what is in a report. `is_painted`: styles are kept.
    """
    return (_UNSEEN_OR_STYLE if is_painted else _UNSEEN).sub(_spelt, text)


def _spelt(found: re.Match[str]) -> str:
    text = found[0]
    return text if len(text) > 1 else f"\\x{ord(text):02x}" if text < "\u0100" else f"\\u{ord(text):04x}"
