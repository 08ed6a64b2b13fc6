"""The outline of a template: its document with every branch in it, and under what each part is there.

The text of all branches is written once, one after the other, with placeholders for expressions, and read as YAML.
Where a part begins in that text says which `if` and `for` it is in. Whether the text of any single way through the
branches gives the same parts is tried, so that no template is misread: see `check_ways`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any, TypeAlias

from injector.core.render.placeholders import CLOSE, OPEN, PLACEHOLDER
from injector.core.yaml.nodes import Mapping as MappingNode
from injector.core.yaml.nodes import Node as YamlNode
from injector.core.yaml.nodes import Scalar, Sequence, YamlError, compose_all
from injector.core.yaml.reader import key_of, value_of
from injector.policy.cel import Expression, Name
from injector.policy.values import CannotSayError, Value

_MOST_ALTERNATIVES = 64
_MOST_PAIRS = 2_000
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Condition:
    """A branch of an `if`: it is number `branch` of those of `group`, and taken where `test` holds."""

    group: int
    branch: int
    test: Expression = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """A `for` over the list `source`: each item has the name `item`, and its place the name `place`."""

    group: int
    source: Expression = field(compare=False, repr=False)
    item: Name = field(compare=False)
    place: Name = field(compare=False)


Guard: TypeAlias = Condition | Loop
Guards: TypeAlias = tuple[Guard, ...]
# Which branch of each group is taken; of a loop 1 where it has items, 0 where it has none.
Way: TypeAlias = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of the template between two tags, under its guards."""

    text: str
    guards: Guards
    line: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a scalar holds: a constant, or text and numbers of placeholders; `is_lone`: a value that keeps its type."""

    constant: Any = None
    parts: tuple[str | int, ...] = ()
    is_lone: bool = False
    is_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: its contents by the guards under which each holds, beyond those of the leaf's place."""

    contents: tuple[tuple[Guards, Content], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a mapping, with its key, or an item of a list, and the guards beyond those around."""

    guards: Guards
    value: "Node"
    key: Content | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Collection:
    """A mapping or list. In block style it is nothing where none of its parts is there."""

    is_mapping: bool
    is_flow: bool
    parts: tuple[Part, ...]
    line: int


Node: TypeAlias = Leaf | Collection


@dataclass(slots=True)
class Source:
    """The text of all branches, the values of its placeholders, and how many branches each group has."""

    pieces: list[Piece] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    branches: dict[int, int] = field(default_factory=dict)

    def add_text(self, text: str, guards: Guards, line: int) -> None:
        """Add text of the template."""
        if text:
            self.pieces.append(Piece(text, guards, line))

    def add_value(self, value: Value, guards: Guards, line: int) -> None:
        """Add a placeholder for a value."""
        self.pieces.append(Piece(f"{OPEN}{len(self.values)}{CLOSE}", guards, line))
        self.values.append(value)

    def text(self, way: Way | None = None) -> str:
        """The text of all branches, or of one way through them."""
        return "".join(piece.text for piece in self.pieces if way is None or _is_on(piece.guards, way))

    def outline(self) -> Collection:
        """The outline. Raises CannotSayError where the branches cannot be read as parts of one document."""
        root = _Reader(self.pieces, self.branches).root()
        check_ways(self, root)
        return root


def check_ways(source: Source, root: Collection) -> None:
    """Try single ways through the branches: each has to give what the outline gives for it. Raises CannotSayError.

    Tried are a first way, and those that differ from it in one branch or two. What is tried finds every template whose
    structure depends on how branches meet, since a branch meets its neighbours only.
    """
    for way in _ways(source.branches):
        text = source.text(way)
        expected = _plain(_Reader([Piece(text, (), 1)], {}).root(), {})
        if _plain(root, way) != expected:
            taken = [piece for piece in source.pieces if piece.guards and _is_on(piece.guards, way)]
            raise CannotSayError(
                "the structure of the document depends on how branches meet: let each hold whole entries or items",
                taken[0].line if taken else 1,
            )


def _ways(branches: Mapping[int, int]) -> Iterator[Way]:
    first = dict.fromkeys(branches, 0)
    others = [(group, branch) for group, count in branches.items() for branch in range(1, count)]
    yield first
    for single in others:
        yield {**first, single[0]: single[1]}
    for number, (one, other) in enumerate(combinations(others, 2)):
        if number == _MOST_PAIRS:
            return
        yield {**first, one[0]: one[1], other[0]: other[1]}


def _is_on(guards: Guards, way: Way) -> bool:
    return all(way.get(each.group) == (each.branch if isinstance(each, Condition) else 1) for each in guards)


def _plain(node: Node, way: Way) -> Any:
    """What a node is on one way: contents in mappings and lists; None where it is nothing."""
    if isinstance(node, Leaf):
        content = next((content for guards, content in node.contents if _is_on(guards, way)), None)
        return None if content is None or content.is_nothing else content
    parts = [part for part in node.parts if _is_on(part.guards, way)]
    if not parts and node.parts and not node.is_flow:
        return None
    if node.is_mapping:
        pairs = [(part.key, _plain(part.value, way)) for part in parts]
        return dict.fromkeys(["a mapping"]) | {key: value for key, value in pairs if value is not None}
    items = [value for part in parts if (value := _plain(part.value, way)) is not None]
    return None if parts and not items else items


class _Reader:
    """Reads pieces as one document."""

    def __init__(self, pieces: list[Piece], branches: Mapping[int, int]) -> None:
        self._pieces = pieces
        self._branches = branches
        self._starts = [0]
        for piece in pieces:
            self._starts.append(self._starts[-1] + len(piece.text))
        self._text = "".join(piece.text for piece in pieces)

    def root(self) -> Collection:
        try:
            documents = list(compose_all(self._text))
            if not documents or (isinstance(documents[0], Scalar) and not documents[0].text):
                return Collection(is_mapping=True, is_flow=True, parts=(), line=1)
            if len(documents) > 1 or not isinstance(documents[0], MappingNode):
                raise CannotSayError("it gives no partial Pod in every branch", 1)
            found = self._node(documents[0], ())
        except YamlError as error:
            line = self._line(self._index_of_line(error.line))
            raise CannotSayError(f"its branches together are no YAML: {error.problem}", line) from error
        assert isinstance(found, Collection)  # noqa: S101 -- a mapping is one
        return found

    def _index_of_line(self, line: int) -> int:
        index = 0
        for _ in range(line - 1):
            index = self._text.find("\n", index) + 1
        return index

    def _piece(self, index: int) -> Piece:
        return self._pieces[min(bisect_right(self._starts, index), len(self._pieces)) - 1]

    def _line(self, index: int) -> int:
        """The line of the template that gave the character at `index`."""
        at = min(bisect_right(self._starts, index), len(self._pieces)) - 1
        return self._pieces[at].line + self._pieces[at].text.count("\n", 0, index - self._starts[at])

    def _node(self, node: YamlNode, around: Guards) -> Node:
        line = self._line(node.start_index)
        if isinstance(node, Scalar):
            return self._leaf(node, around, line)
        if isinstance(node, Sequence):
            parts = tuple(self._item(item, node, around) for item in node.children)
            return Collection(is_mapping=False, is_flow=node.is_flow, parts=parts, line=line)
        if isinstance(node, MappingNode):
            return Collection(
                is_mapping=True, is_flow=node.is_flow, parts=tuple(self._entries(node, around)), line=line
            )
        raise CannotSayError("an alias of YAML", line)

    def _entries(self, node: MappingNode, around: Guards) -> Iterator[Part]:
        for key, value in node.entries:
            line = self._line(key.start_index)
            if not isinstance(key, Scalar) or key.text == "<<":
                raise CannotSayError("a key that is no text, or merges mappings", line)
            guards = self._piece(key.start_index).guards
            if len(self._spans(key)) > 1 and len({each.guards for each in self._spans(key)}) > 1:
                raise CannotSayError("a key that depends on branches inside it", line)
            part = self._part(value, guards, line)
            yield Part((*_beyond(around, guards, line), *part.guards), part.value, _key(key), line)

    def _part(self, value: YamlNode, around: Guards, line: int) -> Part:
        if isinstance(value, Scalar) and not value.text and not value.style:
            return Part((), Leaf((((), Content(is_nothing=True)),), line), None, line)
        if _is_block(value):
            # Where it begins is where the first of its parts does, which may be under guards of its own.
            return Part((), self._node(value, around), None, line)
        guards = self._common(value)
        return Part(_beyond(around, guards, line), self._node(value, guards), None, line)

    def _item(self, item: YamlNode, sequence: Sequence, around: Guards) -> Part:
        """An item, under the guards of its dash."""
        line = self._line(item.start_index)
        if sequence.is_flow:
            return self._part(item, around, line)
        guards = self._piece(self._text.rfind("-", 0, item.start_index)).guards
        part = self._part(item, guards, line)
        return Part((*_beyond(around, guards, line), *part.guards), part.value, None, line)

    def _common(self, node: YamlNode) -> Guards:
        """The guards that hold for all of a node, which is no block."""
        spans = self._spans(node)
        common = spans[0].guards
        for piece in spans:
            common = _shared(common, piece.guards)
        return common

    def _spans(self, node: YamlNode) -> list[Piece]:
        """The pieces that a node is in, cut to it."""
        start, end = node.start_index, max(node.end_index, node.start_index + 1)
        if isinstance(node, Scalar) and node.style in ("|", ">"):
            end = min(end, self._starts[-1])
        first = min(bisect_right(self._starts, start), len(self._pieces)) - 1
        last = min(bisect_right(self._starts, end - 1), len(self._pieces)) - 1
        return [
            Piece(
                piece.text[max(0, start - self._starts[at]) : max(0, end - self._starts[at])], piece.guards, piece.line
            )
            for at, piece in enumerate(self._pieces[first : last + 1], first)
        ]

    def _leaf(self, node: Scalar, around: Guards, line: int) -> Leaf:
        spans = self._spans(node)
        beyond = [_beyond(around, piece.guards, line) for piece in spans]
        if not any(beyond):
            return Leaf((((), _content(node, line)),), line)
        groups: dict[int, list[Condition]] = {}
        for guard in (guard for guards in beyond for guard in guards):
            if isinstance(guard, Loop):
                raise CannotSayError("a loop inside a text: use `| join(…)`", line)
            groups.setdefault(guard.group, [])
            if guard not in groups[guard.group]:
                groups[guard.group].append(guard)
        return Leaf(tuple(self._alternatives(spans, beyond, groups, line)), line)

    def _alternatives(
        self, spans: list[Piece], beyond: list[Guards], groups: Mapping[int, list[Condition]], line: int
    ) -> list[tuple[Guards, Content]]:
        """The contents by the branches that are taken; the last one holds where no other does."""
        whole = {group for group, conditions in groups.items() if len(conditions) == self._branches[group]}
        around = {group: _needed(conditions[0], beyond) for group, conditions in groups.items()}
        ways = list(product(*([*conditions, None] for conditions in groups.values())))
        if len(ways) > _MOST_ALTERNATIVES:
            raise CannotSayError("a text with so many branches inside it", line)
        found: list[tuple[Guards, Content]] = []
        for taken in ways:
            chosen = tuple(guard for guard in taken if guard)
            entered = {group for group, needed in around.items() if set(needed) <= set(chosen)}
            missed = {group for group, guard in zip(groups, taken, strict=True) if guard is None}
            # A branch is taken in each `if` that is reached and has them all in this text, and in no other.
            if missed & entered & whole or (set(groups) - missed) - entered:
                continue
            raw = "".join(piece.text for piece, guards in zip(spans, beyond, strict=True) if set(guards) <= set(chosen))
            found.append((chosen, _alone(raw, line)))
        if whole == set(groups):
            found[-1] = ((), found[-1][1])
        return found


def _is_block(node: YamlNode) -> bool:
    return isinstance(node, MappingNode | Sequence) and not node.is_flow


def _needed(guard: Guard, beyond: Iterable[Guards]) -> Guards:
    """The guards that are around a guard."""
    for guards in beyond:
        if guard in guards:
            return guards[: guards.index(guard)]
    return ()


def _alone(raw: str, line: int) -> Content:
    """The content of a scalar whose text is `raw`."""
    documents = list(compose_all(f"x: {raw}\n"))
    value = documents[0].children[1] if documents and isinstance(documents[0], MappingNode) else None
    if len(documents) != 1 or not isinstance(value, Scalar) or len(documents[0].children) != 2:  # type: ignore[union-attr]  # noqa: PLR2004
        raise CannotSayError("branches inside a value that is no text in each of them", line)
    return _content(value, line)


def _content(node: Scalar, line: int) -> Content:
    """What a scalar holds, as `core.render.document` reads it."""
    if not PLACEHOLDER.search(node.text):
        if not (node.text or node.style or node.tag):
            return Content(is_nothing=True)
        return Content(constant=value_of(node))
    if node.tag not in ("", _TEXT_TAG):
        raise CannotSayError("a tag of YAML", line)
    lone = PLACEHOLDER.fullmatch(node.text)
    if lone and not node.style and not node.tag:
        return Content(parts=(int(lone[1]),), is_lone=True)
    first, *rest = PLACEHOLDER.split(node.text)
    parts: list[str | int] = [first]
    for number, text in zip(rest[::2], rest[1::2], strict=True):
        parts += [int(number), text]
    return Content(parts=tuple(part for part in parts if part != ""))


def _key(node: Scalar) -> Content:
    return _content(node, 0) if PLACEHOLDER.search(node.text) else Content(constant=key_of(node))


def _shared(one: Guards, other: Guards) -> Guards:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return one[:length]


def _beyond(around: Guards, guards: Guards, line: int) -> Guards:
    if guards[: len(around)] != around:
        raise CannotSayError("a branch ends inside of what it began", line)
    return guards[len(around) :]


def are_exclusive(one: Guards, other: Guards) -> bool:
    """Whether two parts are never there together: they are in two branches of one `if`."""
    for left, right in zip(one, other, strict=False):
        if left != right:
            return isinstance(left, Condition) and isinstance(right, Condition) and left.group == right.group
    return False


def refuse_repeated(parts: Iterable[Part], what: str) -> None:
    """Raise CannotSayError where two parts of one name could be there together."""
    by_name: dict[Any, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.key, []).append(part)
    for name, same in by_name.items():
        for one, other in (pair for pair in combinations(same, 2) if not are_exclusive(pair[0].guards, pair[1].guards)):
            shown = name.constant if name is not None else what
            raise CannotSayError(
                f"{what} {shown!r} may be there twice, on lines {one.line} and {other.line}", other.line
            )
