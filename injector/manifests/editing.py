"""A changed value written back into the text that it was read from: only the lines of what changed are touched.

Comments, quoting, key order and blank lines of everything else are not reproduced but left alone.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.model import JsonObject
from injector.core.yaml.nodes import Alias, Collection, Mapping, Node, Scalar
from injector.core.yaml.nodes import Sequence as List
from injector.core.yaml.reader import key_of
from injector.core.yaml.writer import QUOTES, lines, quoted_like
from injector.manifests.parsing import Manifest, children, read

_DASH = re.compile(r"^(?P<indentation> *)-(?=\s)", re.MULTILINE)
_JSON_LAYOUT = re.compile(r'\s*\{\r?\n(?P<indentation> +)"')


class CannotSpliceError(Exception):
    """The text cannot take the change where it stands: anchors, merge keys, or lines that hold several things."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Put `text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


Edits: TypeAlias = Iterator[_Edit]


def splice(manifest: Manifest, after: JsonObject) -> Manifest:
    """`manifest`, whose text ends with a line feed, changed so that it reads as `after`.

    Where that cannot be done in place, the whole document is written anew, without its comments. JSON stays JSON.
    """
    text, root = manifest.text, manifest.root
    if not isinstance(root, Mapping) or root.is_flow:
        return Manifest(_anew(text, root, after), after, None)
    try:
        changed = read(_Splicer(text, root).spliced(manifest.value, after))
        if changed.value == after:
            return changed
    except (CannotSpliceError, ValueError):
        pass
    return read(_anew(text, root, after))


def is_written_anew(manifest: Manifest) -> bool:
    """Whether a document is in the form in which one is written anew as a whole: nothing in it is its author's hand."""
    value = manifest.value
    return isinstance(value, dict) and manifest.text == _anew(manifest.text, manifest.root, value)


def _anew(text: str, root: Node | None, value: JsonObject) -> str:
    if not isinstance(root, Mapping) or root.is_flow:
        return _json(text, value)
    return _block(value, 0, indents_lists=_indents_lists(text, root)) + "\n"


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
        self._indents_lists = _indents_lists(text, root)
        self._shared = _shared(root)

    def spliced(self, before: JsonObject, after: JsonObject) -> str:
        """The text with the change in it."""
        in_order = sorted(self._of_value(self._root, before, after), key=lambda edit: (edit.start, edit.end))
        written, end = list[str](), 0
        for edit in in_order:
            if edit.start < end:
                raise CannotSpliceError
            written += [self._text[end : edit.start], edit.text]
            end = edit.end
        return "".join([*written, self._text[end:]])

    def _of_value(self, node: Node, before: Any, after: Any) -> Edits:
        if before is after or _same(before, after):
            return
        if isinstance(node, Mapping) and not node.is_flow and isinstance(after, dict) and before and after:
            yield from self._of_mapping(node, before, after)
        elif isinstance(node, List) and not node.is_flow and isinstance(after, list) and before and after:
            yield from self._of_list(node, before, after)
        elif isinstance(node, Scalar) and node.style in QUOTES and isinstance(after, str) and "\n" not in after:
            # The user's way of quoting stays.
            yield _Edit(node.start.index, node.end.index, quoted_like(after, node.style))
        else:
            raise CannotSpliceError

    def _of_mapping(self, node: Mapping, before: JsonObject, after: JsonObject) -> Edits:
        entries = {key_of(key): (key, value) for key, value in node.entries}
        if entries.keys() != before.keys():
            raise CannotSpliceError
        first = node.children[0].start
        for key in before:
            key_node, value_node = entries[key]
            if key not in after:
                yield self._removed_lines(key_node.start.index, self._end(value_node))
            elif not _same(before[key], after[key]):
                yield from self._of_entry(key_node, value_node, before[key], after[key])
        for previous, added in _runs(before, after):
            text = _block(added, first.column, indents_lists=self._indents_lists)
            if previous is None:
                yield _Edit(first.index, first.index, f"{text}\n{' ' * first.column}")
            else:
                yield self._behind(self._end(entries[previous][1]), first.column, text)

    def _of_entry(self, key: Node, value: Node, before: Any, after: Any) -> Edits:
        if self._shared & {id(value)}:
            raise CannotSpliceError
        try:
            yield from list(self._of_value(value, before, after))
        except CannotSpliceError:
            column = key.start.column
            text = _block({key_of(key): after}, column, indents_lists=self._indents_lists)
            yield _Edit(key.start.index, self._end(value), text)

    def _of_list(self, node: List, before: list[Any], after: list[Any]) -> Edits:
        places = _places(before, after)
        kept = [place for place in places if place is not None]
        if kept != sorted(kept) or not kept:
            raise CannotSpliceError
        for index in range(len(before)):
            if index not in kept:
                yield self._removed_lines(self._dash(node, index), self._end(node.children[index]))
        yield from self._of_items(node, before, after, places)

    def _of_items(self, node: List, before: list[Any], after: list[Any], places: list[int | None]) -> Edits:
        column = _dash_column(self._text, node)
        added: list[Any] = []
        for item, place in zip(after, places, strict=True):
            if place is None:
                added.append(item)
                continue
            if added:
                start = self._above_comments(self._dash(node, place))
                text = _block(added, column, indents_lists=self._indents_lists)
                yield _Edit(start, start, f"{' ' * column}{text}\n")
                added = []
            yield from self._of_item(node, place, before[place], item)
        if added:
            text = _block(added, column, indents_lists=self._indents_lists)
            yield self._behind(self._end(node.children[-1]), column, text)

    def _of_item(self, node: List, place: int, before: Any, after: Any) -> Edits:
        item = node.children[place]
        if _same(before, after):
            return
        if id(item) in self._shared:
            raise CannotSpliceError
        try:
            yield from list(self._of_value(item, before, after))
        except CannotSpliceError:
            text = _block([after], _dash_column(self._text, node), indents_lists=self._indents_lists)
            yield _Edit(self._dash(node, place), self._end(item), text)

    def _end(self, node: Node) -> int:
        """Where the last character of a value stands, before comments and blank lines behind it."""
        last = node
        while not _is_flow(last) and (below := list(children(last))):
            last = below[-1]
        start, end = last.start.index, last.end.index
        return start + len(self._text[start:end].rstrip())

    def _behind(self, end: int, column: int, text: str) -> _Edit:
        at = self._text.index("\n", end) + 1
        return _Edit(at, at, f"{' ' * column}{text}\n")

    def _removed_lines(self, start: int, end: int) -> _Edit:
        line = self._line_start(start)
        if self._text[line:start].strip():
            raise CannotSpliceError
        return _Edit(line, self._text.index("\n", end) + 1, "")

    def _dash(self, node: List, index: int) -> int:
        """Where the dash of an item stands: in the list's column, on the item's line or above it."""
        column = _dash_column(self._text, node)
        line = self._line_start(node.children[index].start.index)
        while self._text[line : line + column + 1].lstrip(" ") != "-":
            if line <= self._line_start(node.start.index):
                raise CannotSpliceError
            line = self._line_start(line - 1)
        return line + column

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
    return not isinstance(node, Collection) or node.is_flow


def _shared(root: Node) -> set[int]:
    """The identities of nodes that aliases stand for."""
    shared: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Alias):
            shared.add(id(node.target))
        pending.extend(children(node))
    return shared


def _dash_column(text: str, node: List) -> int:
    """The column of the dashes of a block list; where it has an anchor or a tag, that is where it begins."""
    if text[node.start.index] == "-":
        return node.start.column
    first = _DASH.search(text, text.index("\n", node.start.index))
    if first is None:
        raise CannotSpliceError
    return len(first["indentation"])


def _indents_lists(text: str, node: Node) -> bool:
    """Whether the first list of the text that stands below a key stands further in than the key."""
    pending = deque([node])
    while pending:
        next_node = pending.popleft()
        for key, value in next_node.entries if isinstance(next_node, Mapping) else ():
            if isinstance(value, List) and not value.is_flow:
                return _dash_column(text, value) > key.start.column
        pending.extend(children(next_node))
    return False


def _block(value: Any, column: int, *, indents_lists: bool) -> str:
    """`value` as block YAML, each line but the first indented to `column`, no line feed behind."""
    first, *rest = lines(value, indents_lists=indents_lists)
    return "\n".join([first, *(f"{' ' * column}{line}" if line else line for line in rest)])
