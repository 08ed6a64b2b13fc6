"""`--set path.to.key=value` in Helm's syntax.

Source: https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set and `helm` itself for
what that page leaves open: numbers with a leading zero and fractions stay text, `{}` and `[]` are empty lists.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.errors import Path
from injector.core.model import JsonObject

_HIGHEST_INDEX = 65536
_WORDS = {"true": True, "false": False, "null": None, "0": 0}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_LONGEST_INTEGER = 2**63
Assignments: TypeAlias = list[tuple[Path, Any]]


class FlagFault(ValueError):  # noqa: N818 -- named like the other faults
    """A `--set` flag that cannot be understood; the text says why and what would be valid."""


@dataclass(slots=True)
class _Cursor:
    """A place in the flag's text."""

    text: str
    at: int = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def until(self, stops: str) -> str:
        """The text up to one of `stops` or the end; a backslash takes the next character as it is."""
        taken = ""
        while self.peek() and self.peek() not in stops:
            character = self.take()
            taken += self.take() if character == "\\" else character
        return taken


def parse_flag(text: str) -> Assignments:
    """The paths a flag sets, each with its value, in order. Raises FlagFault."""
    cursor = _Cursor(text)
    assignments: Assignments = []
    while cursor.peek():
        path = _parse_path(cursor)
        value = _parse_list(cursor) if cursor.peek() == "{" else _typed(cursor.until(","))
        assignments.append((path, value))
        if cursor.peek() == ",":
            cursor.take()
        elif cursor.peek():
            raise FlagFault(f"after the list comes {cursor.peek()!r}; valid: a comma or the end")
    if not assignments:
        raise FlagFault("nothing to set; valid: path.to.key=value")
    return assignments


def _parse_path(cursor: _Cursor) -> Path:
    path: list[str | int] = []
    while True:
        step = cursor.until(".[=,")
        stop = cursor.take()
        if not step:
            raise FlagFault(f"a key is missing before {stop or 'the end'!r}; valid: path.to.key=value")
        path.append(step)
        while stop == "[":
            path.append(_parse_index(cursor))
            stop = cursor.take()
            if stop not in (".", "[", "="):
                raise FlagFault(f"after an index comes {stop or 'the end'!r}; valid: '.', '[' or '='")
        if stop == "=":
            return tuple(path)
        if stop != ".":
            raise FlagFault(f"key {step!r} has no value; valid: {step}=value")


def _parse_index(cursor: _Cursor) -> int:
    text = cursor.until("]")
    if cursor.take() != "]" or not text.isascii() or not text.isdigit() or int(text) > _HIGHEST_INDEX:
        raise FlagFault(f"index {text!r} is not valid; valid: a number from 0 to {_HIGHEST_INDEX} in square brackets")
    return int(text)


def _parse_list(cursor: _Cursor) -> list[Any]:
    cursor.take()
    items: list[Any] = []
    while True:
        text = cursor.until(",}")
        stop = cursor.take()
        if not stop:
            raise FlagFault("a list does not end; valid: {a,b}")
        if text or items or stop == ",":
            items.append(_typed(text.strip()))
        if stop == "}":
            return items


def _typed(text: str) -> Any:
    if text == "[]":
        return []
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text) and text[0] != "0" and -_LONGEST_INTEGER <= int(text) < _LONGEST_INTEGER:
        return int(text)
    return text


def apply_assignments(base: JsonObject, assignments: Sequence[tuple[Path, Any]]) -> JsonObject:
    """`base` with every path set; lists grow as needed. Raises FlagFault where a path leads through a scalar."""
    result: Any = base
    for path, value in assignments:
        result = _assigned(result, path, value)
    return result if isinstance(result, dict) else {}


def _assigned(tree: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        if not isinstance(tree, list | None):
            raise FlagFault(f"index {step} is for a list, but {tree!r} stands there")
        items = [*(tree or []), *[None] * (step + 1 - len(tree or []))]
        items[step] = _assigned(items[step], rest, value)
        return items
    if not isinstance(tree, dict | None):
        raise FlagFault(f"key {step!r} is for a mapping, but {tree!r} stands there")
    return {**(tree or {}), step: _assigned((tree or {}).get(step), rest, value)}
