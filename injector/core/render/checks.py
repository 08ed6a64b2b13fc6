"""An overlay is held against the type of a Pod: fixed parts when its document is compiled, values when it is filled.

Types, ranges and enumerations are checked. Names are not: they can be wrong because of the pod that the overlay is
merged into, which its author has to be told in another way.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from injector.core.errors import InjectorError, Path, format_path
from injector.core.validation import ANYTHING, STRING, Finding, Listed, Mapped, Message, Scalar, Type, wrong
from injector.core.yaml.nodes import Mapping, Node
from injector.core.yaml.nodes import Scalar as ScalarNode
from injector.core.yaml.nodes import Sequence as SequenceNode

Fill: TypeAlias = Callable[[Sequence[Any]], Any]


class FieldError(InjectorError, ValueError):
    """Fields of a Pod have values that they cannot have: `findings`."""

    def __init__(self, *findings: Finding) -> None:
        """The message names the path of each field, its value, and what is valid."""
        super().__init__("; ".join(f"{format_path(path)}: {message}" for path, message in findings))
        self.findings = findings

    def below(self, *steps: str | int) -> "FieldError":
        """The same of a value that is at `steps` in another one."""
        return FieldError(*(Finding((*steps, *path), message) for path, message in self.findings))


class Place(NamedTuple):
    """What a node of a document may hold, and where it is."""

    kind: Type
    path: Path


def places_of(root: Node, kind: Type, findings: list[Finding]) -> dict[int, Place]:
    """The places of a document's nodes by their identity, as far as `kind`, the type of the whole, knows them.

    A key that is an expression has the place of its mapping. Collections in the place of something else are added to
    `findings`.
    """
    places: dict[int, Place] = {}
    remaining = [(root, Place(kind, ()))]
    while remaining:
        node, place = remaining.pop()
        places[id(node)] = place
        if isinstance(node, (SequenceNode, Mapping)):
            remaining += _below(node, place)
            findings += _misplaced(node, place)
    return places


def _below(node: SequenceNode | Mapping, place: Place) -> Iterator[tuple[Node, Place]]:
    kind, path = place
    if isinstance(node, Mapping):
        for key, value in node.entries:
            name = key.text if isinstance(key, ScalarNode) else ""
            field = kind.fields.get(name) if isinstance(kind, Message) else None
            if isinstance(kind, Mapped) or field:
                yield value, Place(kind.value if isinstance(kind, Mapped) else field or ANYTHING, (*path, name))
            elif isinstance(key, ScalarNode):
                yield key, place
    elif isinstance(kind, Listed):
        yield from ((item, Place(kind.item, (*path, index))) for index, item in enumerate(node.children))


def _misplaced(node: SequenceNode | Mapping, place: Place) -> Iterator[Finding]:
    kinds = Listed if isinstance(node, SequenceNode) else (Mapped, Message)
    if not isinstance(place.kind, kinds) and place.kind is not ANYTHING:
        what = "a list" if isinstance(node, SequenceNode) else "a mapping"
        yield Finding(place.path, f"must be {place.kind.expected}, got {what}")


def checked(fill: Fill, place: Place, *, is_text: bool) -> Fill:
    """The function that fills a part of a document, its result checked; `is_text`: that is a string in any case."""
    kind, path = place
    if kind is ANYTHING or (is_text and kind is STRING):
        return fill
    if not isinstance(kind, Scalar):
        return _checked_deeply(fill, place)
    accepts = kind.accepts

    def check(values: Sequence[Any]) -> Any:
        value = fill(values)
        if value is not None and not accepts(value):
            raise FieldError(Finding(path, f"{wrong(kind.expected, value)}{_hint(kind, value)}"))
        return value

    return check


def _checked_deeply(fill: Fill, place: Place) -> Fill:
    def check(values: Sequence[Any]) -> Any:
        value = fill(values)
        findings: list[Finding] = []
        if value is not None:
            place.kind.read(value, place.path, findings)
        if findings:
            raise FieldError(*findings)
        return value

    return check


def _hint(kind: Scalar, value: Any) -> str:
    """Text that would be right as a number is mostly an expression in quotes."""
    is_number = isinstance(value, str) and value.isdecimal() and kind.schema.get("type") == "integer"
    return "; a number is written without quotes" if is_number else ""
