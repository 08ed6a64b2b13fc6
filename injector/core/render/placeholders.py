"""Placeholders stand for values while a template produces text.

Jinja writes text. So that a value never becomes part of that text, each `{{ expression }}` writes a placeholder, which
is a number between two private-use characters, and its value is kept aside under that number. What a macro returns is
document text and no value: it is carried as a `Fragment`, which only a lone `{{ call() }}` can place.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain, islice, repeat
from math import isfinite
from typing import Any, NoReturn

from jinja2 import Undefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from injector.core.opaque import ItemName, Nonce, Opaque, Text
from injector.core.render.limits import MAXIMUM_VALUES, SHORT, Budget, size_of
from injector.core.shared import as_shared

OPEN, CLOSE = "\ue000", "\ue001"
CONSTANT = "c"
PLACEHOLDER = re.compile(f"{OPEN}({CONSTANT}?[0-9]+){CLOSE}")

MAXIMUM_PLACEHOLDERS = 20_000
MAXIMUM_PIECES = 1_000_000
_STEPS_OF_A_ROUND = 10
_PLACEHOLDERS = tuple(f"{OPEN}{number}{CLOSE}" for number in range(2_000))
_ONLY_TEXT = {str}
_SCALARS = frozenset((str, bool, type(None), Opaque, Nonce, Text, ItemName))
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class Fragment:
    """Document text that a macro returned. It can be placed, not joined, compared or passed through filters."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """Carry `text`, which is trusted: it came from the template, with placeholders for values."""
        self.text = text

    def placed(self, column: int) -> str:
        """The text without surrounding line breaks, its further lines indented to `column`."""
        return self.text.strip("\n").replace("\n", "\n" + " " * column)

    def _refuse(self, *_: object) -> NoReturn:
        raise SecurityError("a macro makes document text: its result can only stand alone, as in {{ macro() }}")

    __str__ = __add__ = __radd__ = __len__ = __iter__ = __eq__ = __bool__ = __getitem__ = _refuse
    __hash__ = None  # type: ignore[assignment]


class Constants:
    """The values that are the same in every rendering, by the number of their placeholder."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        """Start without values."""
        self.values: list[Any] = []

    def emit(self, value: Any) -> str:
        """Keep `value` aside and return its placeholder. Raises as `Rendering.emit` does."""
        self.values.append(as_shared(_json_value(value)))
        return f"{OPEN}{CONSTANT}{len(self.values) - 1}{CLOSE}"


class Rendering(Budget):
    """The values of one rendering, by the number of their placeholder, and the steps that it took."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        """Start without values."""
        self.steps = 0
        self.values: list[Any] = []

    def collect(self, pieces: Iterable[str]) -> tuple[str, ...]:
        """The pieces of text that a template gives while it runs, as many as a rendering may have."""
        return tuple(islice(pieces, MAXIMUM_PIECES))

    def emit(self, value: Any) -> str:
        """Keep `value` aside and return its placeholder; a Fragment is returned as the text it is.

        Raises UndefinedError for an undefined name, TypeError for a value that JSON does not have, SecurityError past
        the limit of expressions.
        """
        kind = type(value)
        if kind is str:
            if len(value) > SHORT:
                self.spend(size_of(value))
        elif kind is Fragment:
            return value.placed(0)  # type: ignore[no-any-return]
        elif kind not in _SCALARS:
            value = _json_value(value)
            self.spend(size_of(value))
        values = self.values
        number = len(values)
        values.append(value)
        try:
            return _PLACEHOLDERS[number]
        except IndexError:
            pass
        if number > MAXIMUM_PLACEHOLDERS:
            raise SecurityError(f"the template has more than {MAXIMUM_PLACEHOLDERS} expressions for one pod")
        return f"{OPEN}{number}{CLOSE}"

    def emit_all(self, values: list[Any]) -> Sequence[str]:
        """The placeholders of values that are all kept aside. Raises as `emit` does."""
        number = len(self.values)
        if {*map(type, values)} != _ONLY_TEXT or max(map(len, values)) > SHORT:
            return list(map(self.emit, values))
        placeholders = _PLACEHOLDERS[number : number + len(values)]
        if len(placeholders) < len(values):
            return list(map(self.emit, values))
        self.values += values
        return placeholders

    def count(self, rounds: int) -> None:
        """Spend the steps of so many rounds of loops."""
        self.spend(rounds * _STEPS_OF_A_ROUND)


class RenderingContext(Context):
    """The names that one rendering sees, with a short way to keep its values aside."""

    def __init__(self, environment: Any, *args: Any, **kwargs: Any) -> None:
        """Emit values into the rendering that runs."""
        super().__init__(environment, *args, **kwargs)
        self._rendering = environment.rendering.get()
        self.emit = self._rendering.emit

    def emit_rows(self, items: Iterable[Any], literals: Sequence[str], places: Sequence[int], width: int | None) -> str:
        """The text of a loop: for each item the `literals`, and between them its values at `places`, kept aside.

        `width`: how many values an item has; with None it is a value itself. Whatever pods' authors may write many of
        passes here, so that all the work on one item is done by functions of C.
        Raises as `emit` does, and ValueError for an item of another width.
        """
        rows = [*items]
        if width is not None and {*map(len, rows)} - {width}:
            raise ValueError(f"an item of the loop must have {width} values")
        if not rows or not places:
            return literals[0] * len(rows)
        columns, size = [rows] if width is None else [*zip(*rows, strict=True)], len(places)
        marks = self._rendering.emit_all(
            [*chain.from_iterable(zip(*[columns[place] for place in places], strict=True))]
        )
        pieces: list[Iterable[str]] = [repeat(literals[0], len(rows))]
        for number, literal in enumerate(literals[1:]):
            pieces += [marks[number::size], repeat(literal)]
        return "".join(chain.from_iterable(zip(*pieces)))  # noqa: B905 -- literals are repeated without end


def as_text(value: Any) -> str:
    """How a value reads inside text: booleans as YAML writes them, null as nothing, the rest as Python prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def json_number(value: float) -> float:
    """The number, if JSON readers and writers take it. Raises ValueError."""
    if not (_SMALLEST <= value <= _LARGEST if type(value) is int else isfinite(value)):
        shown = "a number of more than 64 bits" if type(value) is int else str(value)
        raise ValueError(f"{shown}: a document can hold finite numbers of 64 bits")
    return value


def _json_value(value: Any) -> Any:
    if type(value) in (int, float):
        return json_number(value)
    if type(value) in _SCALARS or type(value) in (dict, list):
        return value
    if isinstance(value, Undefined):
        str(value)  # a strict undefined raises when it is used, and says which name it is
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (tuple, set, frozenset)) or hasattr(value, "__next__"):
        return list(islice(value, MAXIMUM_VALUES))
    if isinstance(value, dict):
        return dict(value)
    raise TypeError(f"an expression gave a {type(value).__name__}; a document can hold text, numbers, lists, mappings")
