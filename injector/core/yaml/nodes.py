"""YAML documents as trees of nodes that know where in the text they are, composed from LibYAML's events.

PyYAML's own composer is not used: it refuses an anchor that is defined again, and recurses in C as deep as the text
asks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

import yaml

from injector.core.errors import InjectorError
from injector.core.yaml.bounds import DOCUMENTS, Bounds
from injector.core.yaml.spelling import MOST_COMMAS, UNEXPECTED_COLON, Spelling

BYTE_ORDER_MARK = "\ufeff"
_ONLY_VERSION = (1, 1)
_SCALAR = yaml.ScalarEvent
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class YamlError(InjectorError, ValueError):
    """A text that this YAML does not allow: `problem`, on `line` (counted from 1)."""

    def __init__(self, problem: str, line: int) -> None:
        """Hold both; the text of the error is `line 3: PROBLEM`."""
        super().__init__(f"line {line}: {problem}")
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text: `index` counts characters, `line` and `column` from 0."""

    source: str
    index: int

    @property
    def line(self) -> int:
        """Takes time in proportion to what is before the place: for messages, not for loops."""
        return len(_LINE_BREAK.findall(self.source, 0, self.index))

    @property
    def column(self) -> int:
        """Takes time in proportion to the length of its line."""
        return self.index - self.source.rfind("\n", 0, self.index) - 1


# Nodes are filled while the document is read, and there are many of them. So they are not frozen, which takes twice the
# time, and hold numbers in place of marks, which the garbage collector would go through again and again.
@dataclass(slots=True, eq=False)
class _Placed:
    source: str
    start_index: int
    end_index: int

    @property
    def start(self) -> Mark:
        """Where the node begins: at its anchor or tag, if it has one."""
        return Mark(self.source, self.start_index)

    @property
    def end(self) -> Mark:
        """Where the node ends; of a block collection, where the next thing begins."""
        return Mark(self.source, self.end_index)


@dataclass(slots=True, eq=False)
class Scalar(_Placed):
    """Text, its tag ("" for none) and its style: "" for plain, else its quote or `|` or `>`."""

    text: str
    tag: str
    style: str


@dataclass(slots=True, eq=False)
class Collection(_Placed):
    """What lists and mappings have in common.

    `size` is the number of values in it, itself and those of aliases included, and not positive as long as its end is
    not read. `height` is the number of collections inside each other, this one included.
    """

    is_flow: bool
    size: int
    height: int = 1
    children: list["Node"] = field(default_factory=list)


class Sequence(Collection):
    """A list; its children are its items."""

    __slots__ = ()


class Mapping(Collection):
    """A mapping; its children are its keys and values in turn."""

    __slots__ = ()

    @property
    def entries(self) -> Iterator[tuple["Node", "Node"]]:
        """Its keys and values as they are written: repeated keys and merge keys included."""
        children = iter(self.children)
        return zip(children, children, strict=True)


@dataclass(slots=True, eq=False)
class Alias(_Placed):
    """A reference to a node that stands before it."""

    target: "Scalar | Sequence | Mapping"


Node: TypeAlias = Scalar | Sequence | Mapping | Alias


def compose_all(text: str, bounds: Bounds = DOCUMENTS) -> Iterator[Node]:
    """The root node of each document in `text`, one after the other. Raises YamlError."""
    if len(text) > bounds.characters:
        raise YamlError(f"longer than {bounds.characters:,} characters", 1)
    spelling = Spelling(text.removeprefix(BYTE_ORDER_MARK))
    given = 0
    while True:
        try:
            for node in islice(_documents(spelling, bounds), given, None):
                given += 1
                yield node
        except _SpelledOtherwiseError as otherwise:
            spelling = otherwise.spelling
        else:
            return


def compose(text: str, bounds: Bounds = DOCUMENTS) -> Node | None:
    """The root node of the first document, which is all that Kubernetes reads; None where there is none."""
    return next(compose_all(text, bounds), None)


class _SpelledOtherwiseError(Exception):
    """LibYAML reads the text as goyaml does when it is spelled like this."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()
        self.spelling = spelling


def _documents(spelling: Spelling, bounds: Bounds) -> Iterator[Node]:
    try:
        parser = spelling.parser()
        while (event := parser.get_event()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                _refuse_other_versions(event)
                yield _Composer(spelling, bounds).document(parser)
    except yaml.MarkedYAMLError as error:
        if error.problem == UNEXPECTED_COLON and not spelling.colon:
            raise _SpelledOtherwiseError(spelling.with_colons_replaced()) from None
        mark = error.problem_mark or error.context_mark
        raise YamlError(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        raise YamlError(f"not YAML: {error.reason}: #x{error.character:04x}", 1) from None
    except UnicodeEncodeError as error:
        line = spelling.text.count("\n", 0, error.start) + 1
        raise YamlError(f"not YAML: {spelling.text[error.start]!a} is half of a character", line) from None


def _refuse_other_versions(event: Any) -> None:
    version = event.version
    if version is not None and version != _ONLY_VERSION:
        raise YamlError(f"YAML {version[0]}.{version[1]} is not supported", event.start_mark.line + 1)


class _Composer:
    """One document while it is read."""

    def __init__(self, spelling: Spelling, bounds: Bounds) -> None:
        self._spelling = spelling
        self._bounds = bounds
        self._aliased_at_most = bounds.aliased_by(spelling.text)
        self._aliased = 0
        self._values = 0
        self._anchors: dict[str, Scalar | Sequence | Mapping] = {}
        self._open: list[Sequence | Mapping] = []

    def document(self, parser: Any) -> Node:
        """The root node; takes the events up to the end of the document."""
        source, most_values, get_event = self._spelling.text, self._bounds.values, parser.get_event
        root: list[Node] = []
        children, in_flow = root, False
        while True:
            event = get_event()
            kind = type(event)
            if kind is _SCALAR:
                self._values += 1
                style = event.style
                node: Scalar | Sequence | Mapping = Scalar(
                    source, event.start_mark.index, event.end_mark.index, event.value, event.tag or "", style
                )
                children.append(node)
                if in_flow and not style:
                    self._refuse_flow(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                node = self._opened(event, Mapping if kind is yaml.MappingStartEvent else Sequence)
                children.append(node)
                children, in_flow = node.children, node.is_flow
            elif kind is yaml.AliasEvent:
                children.append(self._alias(event))
                continue
            elif kind is yaml.DocumentEndEvent:
                return root[0]
            else:
                self._close(event)
                children, in_flow = (self._open[-1].children, self._open[-1].is_flow) if self._open else (root, False)
                continue
            if event.anchor:
                self._anchors[event.anchor] = node
            if self._values > most_values:
                raise YamlError(f"more than {most_values:,} values", event.start_mark.line + 1)

    def _opened(self, event: Any, kind: type[Sequence | Mapping]) -> Sequence | Mapping:
        start, end = event.start_mark.index, event.end_mark.index
        node = kind(self._spelling.text, start, end, event.flow_style, size=-self._values)
        self._values += 1
        self._open.append(node)
        self._refuse_depth(len(self._open), event)
        return node

    def _close(self, event: Any) -> None:
        node = self._open.pop()
        node.end_index = event.end_mark.index
        node.size += self._values
        self._raise_height(node)

    def _refuse_flow(self, event: Any) -> None:
        """Look at a plain scalar inside brackets or braces, where goyaml reads more than LibYAML does as structure."""
        if "?" in event.value:
            raise YamlError("'?' must be quoted inside of brackets and braces", event.start_mark.line + 1)
        if event.tag and not event.value and self._spelling.has_comma_in_tag(event):
            if self._spelling.commas == MOST_COMMAS:
                raise YamlError("a tag must be followed by a blank", event.start_mark.line + 1)
            raise _SpelledOtherwiseError(self._spelling.with_comma_replaced(event.end_mark.index))

    def _alias(self, event: Any) -> Alias:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise YamlError(f"unknown anchor {event.anchor!r}", event.start_mark.line + 1)
        if isinstance(target, Scalar):
            self._count_aliased(1, event)
        else:
            if target.size <= 0:
                raise YamlError(f"anchor {event.anchor!r} contains itself", event.start_mark.line + 1)
            self._count_aliased(target.size, event)
            self._refuse_depth(len(self._open) + target.height, event)
            self._raise_height(target)
        return Alias(self._spelling.text, event.start_mark.index, event.end_mark.index, target)

    def _raise_height(self, child: Collection) -> None:
        """Make the innermost open collection at least as high as `child` makes it."""
        if self._open:
            self._open[-1].height = max(self._open[-1].height, child.height + 1)

    def _count_aliased(self, size: int, event: Any) -> None:
        self._values += size
        self._aliased += size
        if self._aliased > self._aliased_at_most:
            problem = f"its aliases stand for more than {self._aliased_at_most:,} values"
            raise YamlError(problem, event.start_mark.line + 1)

    def _refuse_depth(self, depth: int, event: Any) -> None:
        if depth > self._bounds.depth:
            raise YamlError(f"nested deeper than {self._bounds.depth} levels", event.start_mark.line + 1)
