"""A changed value written back into the text that it was read from: only the lines of what changed are touched.

Comments, quoting, key order and blank lines of everything else are not reproduced but left alone.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from injector.core.model import JsonObject
from injector.manifests.parsing import Node, children, dump, parse, root_of

_JSON_LAYOUT = re.compile(r'\s*\{\r?\n(?P<indentation> +)"')


_QUOTES: Mapping[str | None, Callable[[str], str]] = {
    '"': lambda text: json.dumps(text, ensure_ascii=False),
    "'": lambda text: "'" + text.replace("'", "''") + "'",
}


class CannotSpliceError(Exception):
    """The text cannot take the change where it stands: anchors, merge keys, or lines that hold several things."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Put `text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


Edits: TypeAlias = Iterator[_Edit]


def splice(text: str, before: JsonObject, after: JsonObject) -> str:
    """`text`, which reads as `before` and ends with a line feed, changed so that it reads as `after`.

    Where that cannot be done in place, the whole document is written anew, without its comments. JSON stays JSON.
    """
    if text.lstrip().startswith("{"):
        return _json(text, after)
    node = root_of(text)
    if _is_flow(node):
        return _json(text, after)
    try:
        changed = _Splicer(text, node).spliced(before, after)
        if parse(changed) == after:
            return changed
    except (CannotSpliceError, ValueError):
        pass
    return dump(after, 0, indents_lists=_indents_lists(node)) + "\n"


def _json(text: str, after: JsonObject) -> str:
    layout = _JSON_LAYOUT.match(text)
    written = json.dumps(after, indent=len(layout["indentation"]) if layout else None, ensure_ascii=False)
    return written + text[len(text.rstrip()) :]


class _Splicer:
    """One text and what is known of its layout."""

    __slots__ = ("_indents_lists", "_root", "_shared", "_text")

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._root = root
        self._indents_lists = _indents_lists(root)
        self._shared = _shared(root)

    def spliced(self, before: JsonObject, after: JsonObject) -> str:
        """The text with the change in it."""
        in_order = sorted(self._of_value(self._root, before, after), key=lambda edit: (edit.start, edit.end))
        changed = self._text
        for edit in reversed(in_order):
            changed = changed[: edit.start] + edit.text + changed[edit.end :]
        return changed

    def _of_value(self, node: Node, before: Any, after: Any) -> Edits:
        if before is after or _same(before, after):
            return
        if isinstance(node, MappingNode) and not node.flow_style and isinstance(after, dict) and before and after:
            yield from self._of_mapping(node, before, after)
        elif isinstance(node, SequenceNode) and not node.flow_style and isinstance(after, list) and before and after:
            yield from self._of_list(node, before, after)
        elif isinstance(node, ScalarNode) and node.style in _QUOTES and isinstance(after, str) and "\n" not in after:
            # The user's way of quoting stays.
            yield _Edit(node.start_mark.index, node.end_mark.index, _QUOTES[node.style](after))
        else:
            raise CannotSpliceError

    def _of_mapping(self, node: MappingNode, before: JsonObject, after: JsonObject) -> Edits:
        entries = {key.value: (key, value) for key, value in node.value}
        if entries.keys() != before.keys():
            raise CannotSpliceError
        column = node.start_mark.column
        for key in before:
            key_node, value_node = entries[key]
            if key not in after:
                yield self._removed_lines(key_node.start_mark.index, self._end(value_node))
            elif not _same(before[key], after[key]):
                yield from self._of_entry(key_node, value_node, before[key], after[key])
        for previous, added in _runs(before, after):
            text = dump(added, column, indents_lists=self._indents_lists)
            if previous is None:
                yield _Edit(node.start_mark.index, node.start_mark.index, f"{text}\n{' ' * column}")
            else:
                yield self._behind(self._end(entries[previous][1]), column, text)

    def _of_entry(self, key: ScalarNode, value: Node, before: Any, after: Any) -> Edits:
        if self._shared & {id(value)}:
            raise CannotSpliceError
        try:
            yield from list(self._of_value(value, before, after))
        except CannotSpliceError:
            column = key.start_mark.column
            text = dump({key.value: after}, column, indents_lists=self._indents_lists)
            yield _Edit(key.start_mark.index, self._end(value), text)

    def _of_list(self, node: SequenceNode, before: list[Any], after: list[Any]) -> Edits:
        places = _places(before, after)
        kept = [place for place in places if place is not None]
        if kept != sorted(kept) or not kept:
            raise CannotSpliceError
        for index in range(len(before)):
            if index not in kept:
                yield self._removed_lines(self._dash(node, index), self._end(node.value[index]))
        yield from self._of_items(node, before, after, places)

    def _of_items(self, node: SequenceNode, before: list[Any], after: list[Any], places: list[int | None]) -> Edits:
        column = node.start_mark.column
        added: list[Any] = []
        for item, place in zip(after, places, strict=True):
            if place is None:
                added.append(item)
                continue
            if added:
                start = self._above_comments(self._dash(node, place))
                text = dump(added, column, indents_lists=self._indents_lists)
                yield _Edit(start, start, f"{' ' * column}{text}\n")
                added = []
            yield from self._of_item(node, place, before[place], item)
        if added:
            text = dump(added, column, indents_lists=self._indents_lists)
            yield self._behind(self._end(node.value[-1]), column, text)

    def _of_item(self, node: SequenceNode, place: int, before: Any, after: Any) -> Edits:
        item = node.value[place]
        if _same(before, after):
            return
        if id(item) in self._shared:
            raise CannotSpliceError
        try:
            yield from list(self._of_value(item, before, after))
        except CannotSpliceError:
            text = dump([after], node.start_mark.column, indents_lists=self._indents_lists)
            yield _Edit(self._dash(node, place), self._end(item), text)

    def _end(self, node: Node) -> int:
        """Where the last character of a value stands, before comments and blank lines behind it."""
        last = node
        while not _is_flow(last) and (below := list(children(last))):
            last = below[-1]
        start, end = last.start_mark.index, last.end_mark.index
        return start + len(self._text[start:end].rstrip())

    def _behind(self, end: int, column: int, text: str) -> _Edit:
        at = self._text.index("\n", end) + 1
        return _Edit(at, at, f"{' ' * column}{text}\n")

    def _removed_lines(self, start: int, end: int) -> _Edit:
        line = self._line_start(start)
        if self._text[line:start].strip():
            raise CannotSpliceError
        return _Edit(line, self._text.index("\n", end) + 1, "")

    def _dash(self, node: SequenceNode, index: int) -> int:
        """Where the dash of an item stands: in the list's column, on the item's line or above it."""
        line = self._line_start(node.value[index].start_mark.index)
        while self._text[line : line + node.start_mark.column + 1].lstrip(" ") != "-":
            if line <= self._line_start(node.start_mark.index):
                raise CannotSpliceError
            line = self._line_start(line - 1)
        return line + node.start_mark.column

    def _above_comments(self, start: int) -> int:
        """The start of the line of `start`, or of the comments that stand directly above it."""
        line = self._line_start(start)
        while line > 0 and self._text[self._line_start(line - 1) : line].lstrip().startswith("#"):
            line = self._line_start(line - 1)
        return line

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1


def _runs(before: JsonObject, after: JsonObject) -> Iterator[tuple[str | None, JsonObject]]:
    """The new keys of `after`, in runs, each with the key of `before` that it follows; None at the front."""
    previous: str | None = None
    run: JsonObject = {}
    for key, value in after.items():
        if key not in before:
            run[key] = value
            continue
        if run:
            yield previous, run
        previous, run = key, {}
    if run:
        yield previous, run


def _places(before: Sequence[Any], after: Sequence[Any]) -> list[int | None]:
    """For each item of `after` its place in `before`: that of the same name, else of the same value; None if new.

    As many mappings without a name as there were, such as the objects of a List, are those that were there.
    """
    if len(before) == len(after) and all(isinstance(item, dict) and "name" not in item for item in (*before, *after)):
        return list(range(len(after)))
    free = {_identity(item): index for index, item in reversed(list(enumerate(before)))}
    return [free.pop(_identity(item), None) for item in after]


def _identity(item: Any) -> str:
    return f"name {item['name']}" if isinstance(item, dict) and "name" in item else repr(item)


def _same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1, as JSON does."""
    return bool(one == other) and (one is other or repr(one) == repr(other) or isinstance(one, dict))


def _is_flow(node: Node) -> bool:
    return not isinstance(node, (MappingNode, SequenceNode)) or bool(node.flow_style)


def _shared(root: Node) -> set[int]:
    """The identities of nodes that stand in several places: anchors with aliases."""
    seen: set[int] = set()
    shared: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            shared.add(id(node))
            continue
        seen.add(id(node))
        pending.extend(children(node))
    return shared


def _indents_lists(node: Node) -> bool:
    """Whether the first list of the text that stands below a key stands further in than the key."""
    pending = [node]
    while pending:
        found = pending.pop(0)
        for key, value in found.value if isinstance(found, MappingNode) else ():
            if isinstance(value, SequenceNode) and not value.flow_style:
                return bool(value.start_mark.column > key.start_mark.column)
        pending.extend(children(found))
    return False
