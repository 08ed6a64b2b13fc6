"""A document taken apart by its indentation, so that what most documents share is parsed once.

Whatever pods ask for, the texts that a template gives are made of the same blocks: a variable, a port, a few keys of a
container. To parse a text as a whole costs ten times what filling it costs, and each choice of annotations gives
another one. So each block is parsed by itself and kept. Texts that indentation alone does not explain, and those with a
fault, are read as a whole: `compile_document` has the last word on what a text means.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from injector.core.pod_fields import pod_type
from injector.core.render.checks import FieldError, Fill
from injector.core.render.document import DocumentError, RowFill, compile_document, compile_part
from injector.core.render.placeholders import CLOSE, OPEN
from injector.core.shared import SharedList, SharedMapping, is_clean
from injector.core.validation import Finding, Listed, Message, Type

if TYPE_CHECKING:
    from injector.core.cache import Cache

Kept: TypeAlias = "Cache[Any, Fill]"

# Lines that mean what their indentation says: one key or item each, values that end where the line does, and blocks of
# text that are indented deeper. Nothing that refers to other places, no comments, no texts of several lines.
_PLAIN = r"(?:[^\s\"'#:{}\[\],&*!|>%@`?-]|-(?=[^\s-]|-\S))(?:[^\s#:{}\[\]&*!|>%@`]|:(?=\S)|[ ](?=[^\s#]))*+"
_QUOTED = r"\"(?:[^\"\\\n]|\\[^\n])*+\"|'[^'\n]*+'"
_FLOW = rf"(?:[^\"'#{{}}\[\]&*!|>%@`\n]|{_QUOTED})"
for _ in range(3):
    _FLOW = rf"(?:{_FLOW}|[\[{{]{_FLOW}*+[\]}}])"
_VALUE = rf"(?:{_QUOTED}|{_PLAIN}|[\[{{]{_FLOW}*+[\]}}])[ ]*"
_KEY = r"(?:[\w/$.][\w/$.-]*+|\"[\w/$.-]++\"):"
_TEXT = r"[|>]-?\n(?:(?P=indent)[ ]++[^\n]*+\n|[ ]*\n)*+"
_LINE = rf"(?P<indent>[ ]*+)(?:-[ ]++(?:{_KEY})?|{_KEY})(?:[ ]*+(?:{_TEXT}|{_VALUE}\n|\n))|[ ]*\n"
_LINES = re.compile(f"(?:{_LINE})*+")
_NUMBERED = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_MARK = f"{OPEN}{CLOSE}"
_ITEM = "- "
# Shorter blocks are not worth taking apart.
_SHORT = 120


class _WholeError(Exception):
    """The text has to be read as a whole."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A block that was parsed by itself, and the numbers of its placeholders in the whole text."""

    part: Fill
    numbers: tuple[int, ...]

    def fill(self, values: Sequence[Any]) -> Any:
        """The block's mapping, or a list of its items; None where no item is left."""
        return self.part([values[number] for number in self.numbers])

    @property
    def size(self) -> int:
        """How many items it has, if it is one of a list."""
        return 1

    def folded(self) -> "_Block":
        """The block, filled already where it has no placeholders."""
        return self if self.numbers else _Fixed(self.part(()))


@dataclass(frozen=True, slots=True)
class _Fixed:
    """A block without placeholders; of a list it has `size` items."""

    value: Any
    size: int = 1

    def fill(self, _: Sequence[Any]) -> Any:
        return self.value

    def folded(self) -> "_Block":
        return self


@dataclass(frozen=True, slots=True)
class _MappingBlock:
    """A mapping: blocks of its entries, and entries whose values are blocks by their keys."""

    parts: tuple[tuple[str, "_Block"], ...]

    def fill(self, values: Sequence[Any]) -> dict[str, Any]:
        filled, clean, key = SharedMapping(), True, ""
        try:
            for key, block in self.parts:
                value: Any = block.fill(values)
                if not key:
                    filled.update(value)
                    clean = clean and type(value) is SharedMapping
                elif value is not None:
                    filled[key] = value
                    clean = clean and is_clean(value)
        except FieldError as error:
            raise (error.below(key) if key else error) from None
        return filled if clean else dict(filled)

    @property
    def size(self) -> int:
        return 1

    def folded(self) -> "_Block":
        block = _MappingBlock(tuple((key, part.folded()) for key, part in self.parts))
        return _Fixed(block.fill(())) if all(type(part) is _Fixed for _, part in block.parts) else block


@dataclass(frozen=True, slots=True)
class _ListBlock:
    """A list: blocks of its items, of which a mapping is one item."""

    parts: tuple["_Block", ...]

    def fill(self, values: Sequence[Any]) -> list[Any] | None:
        filled, clean, block = SharedList(), True, None
        try:
            for block in self.parts:
                value: Any = block.fill(values)
                if type(block) is _MappingBlock:
                    filled.append(value)
                    clean = clean and is_clean(value)
                elif value is not None:
                    filled += value
                    clean = clean and type(value) is SharedList
        except FieldError as error:
            raise self._placed(error, block) from None
        if not filled:
            return None
        return filled if clean else list(filled)

    def _placed(self, error: FieldError, failed: "_Block | None") -> FieldError:
        """The error of one of the blocks, which only knows its own items, with places in the list."""
        before = sum(block.size for block in takewhile(lambda block: block is not failed, self.parts))
        if isinstance(failed, _MappingBlock):
            return error.below(before)
        return FieldError(*(Finding((before, *path[1:]), message) for path, message in error.findings))

    @property
    def size(self) -> int:
        """How many items there are, with those that are left out."""
        return sum(block.size for block in self.parts)

    def folded(self) -> "_Block":
        parts: list[_Block] = []
        for block, same in groupby(self.parts, lambda block: type(block.folded()) is _Fixed):
            blocks = tuple(same)
            whole = _ListBlock(blocks)
            parts += [_Fixed(whole.fill(()), whole.size)] if block else [each.folded() for each in blocks]
        return parts[0] if len(parts) == 1 and type(parts[0]) is _Fixed else _ListBlock(tuple(parts))


@dataclass(frozen=True, slots=True)
class _Run:
    """Items of a list that differ in their texts alone: the part for one, and the numbers of them all in turn."""

    part: RowFill
    numbers: tuple[int, ...]
    size: int

    def fill(self, values: Sequence[Any]) -> list[Any]:
        return self.part.rows(itemgetter(*self.numbers)(values), len(self.numbers) // self.size)

    def folded(self) -> "_Block":
        return self


_Block: TypeAlias = Leaf | _Fixed | _MappingBlock | _ListBlock | _Run


@dataclass(frozen=True, slots=True)
class InBlocks:
    """A text as blocks: a function that makes an overlay of the values for its placeholders."""

    root: _Block

    def __call__(self, values: Sequence[Any]) -> Any:
        """The overlay. Raises FieldError."""
        return self.root.fill(values)

    def folded(self) -> "InBlocks":
        """The same, with what has no placeholders filled once for all: worth it for a text that comes again."""
        return InBlocks(self.root.folded())


def compile_blocks(
    text: str, constants: Sequence[Any], kept: Kept, spend: Callable[[int], None] = lambda _: None
) -> Fill:
    """What `compile_document` gives for `text`, made of blocks that are `kept` for these `constants`.

    `spend` is called with the number of characters before they are read. Raises what `compile_document` raises.
    """
    if _LINES.fullmatch(text):
        with suppress(_WholeError):
            return InBlocks(_Reader(constants, kept, spend).document(text))
    spend(len(text))
    return compile_document(text, constants)


class _Reader:
    """One text while it is taken apart."""

    def __init__(self, constants: Sequence[Any], kept: Kept, spend: Callable[[int], None]) -> None:
        self._constants, self._kept, self._spend = constants, kept, spend

    def document(self, text: str) -> _Block:
        text = text.lstrip("\n")
        indent = _indent_of(text)
        if text.startswith(_ITEM, indent):
            raise _WholeError
        return self._mapping(text, indent, pod_type(is_whole=False))

    def _mapping(self, text: str, indent: int, kind: Message) -> _Block:
        """The block of a mapping whose keys are all at `indent`."""
        starts = [found.start() for found in _at(indent).key.finditer(text)]
        if not starts or starts[0] or _at(indent).shallower.search(text):
            raise _WholeError
        parts: list[tuple[str, _Block]] = []
        keys: list[str] = []
        pending = 0
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            colon = text.index(":", start)
            keys.append(text[start + indent : colon])
            if end - start < _SHORT or not text.startswith("\n", colon + 1):
                continue
            field = kind.fields.get(keys[-1])
            block = self._below(text[colon + 2 : end], indent, field) if field else None
            if block:
                if pending < start:
                    parts.append(("", self._leaf(text[pending:start], kind)))
                parts.append((keys[-1], block))
                pending = end
        if len(set(keys)) < len(keys):
            raise _WholeError
        if pending < len(text):
            parts.append(("", self._leaf(text[pending:], kind)))
        return _MappingBlock(tuple(parts))

    def _below(self, text: str, indent: int, field: Type) -> _Block | None:
        """The block below a key at `indent`; None where it is to be read with its key."""
        text = text.lstrip("\n")
        below = _indent_of(text)
        if text.startswith(_ITEM, below):
            return self._list(text, below, field) if isinstance(field, Listed) and below >= indent else None
        return self._mapping(text, below, field) if isinstance(field, Message) and below > indent else None

    def _list(self, text: str, indent: int, kind: Listed) -> _Block:
        """The block of a list whose items all begin at `indent`."""
        begins = _at(indent).item
        _, *items = begins.split(text)
        if len(items) != len(_at(indent).not_deeper.findall(text)):
            raise _WholeError
        inner = indent + len(_ITEM)
        has_fields = isinstance(kind.item, Message)
        parts: list[_Block] = []
        place = 0
        for marked, same in groupby(begins.split(_NUMBERED.sub(_MARK, text))[1:]):
            first, place = place, place + len([*same])
            if has_fields and len(items[first]) >= _SHORT and marked[inner].isalpha():
                long = [" " * inner + item[inner:] for item in items[first:place]]
                parts += [self._mapping(item, inner, kind.item) for item in long]  # type: ignore[arg-type]
            elif place == first + 1:
                parts.append(self._leaf(items[first], kind))
            else:
                parts += self._run("".join(items[first:place]), marked, place - first, kind)
        return _ListBlock(tuple(parts))

    def _run(self, text: str, marked: str, count: int, kind: Type) -> Iterable[_Block]:
        """The blocks of `count` items that are all `marked`, but for the numbers in `text`."""
        part = self._part(marked, kind)
        numbers = tuple(map(int, _NUMBERED.findall(text)))
        size = len(numbers) // count
        if isinstance(part, RowFill):
            return [_Run(part, numbers, count)]
        self._spend(len(text))
        return [Leaf(part, numbers[size * each : size * (each + 1)]) for each in range(count)]

    def _leaf(self, text: str, kind: Type) -> Leaf:
        numbers: tuple[int, ...] = ()
        if OPEN in text:
            numbers = tuple(map(int, _NUMBERED.findall(text)))
            text = _NUMBERED.sub(_MARK, text)
        return Leaf(self._part(text, kind), numbers)

    def _part(self, marked: str, kind: Type) -> Fill:
        """What fills `marked`, a text whose placeholders have no numbers."""
        self._spend(len(marked))
        key = (id(self._constants), id(kind), marked)
        return self._kept.find(key) or self._kept_part(key, marked, kind)

    def _kept_part(self, key: tuple[int, int, str], text: str, kind: Type) -> Fill:
        first, *others = text.split(_MARK)
        numbered = first + "".join(f"{OPEN}{number}{CLOSE}{other}" for number, other in enumerate(others))
        try:
            part = compile_part(numbered, self._constants, kind)
        except (DocumentError, FieldError) as error:
            raise _WholeError from error
        if self._kept.is_worth_it(key):
            self._kept.keep(key, part)
        return part


def _indent_of(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


@dataclass(frozen=True, slots=True)
class _At:
    """What is looked for at an indentation: keys, where items begin, lines that are shallower, or not deeper."""

    key: re.Pattern[str]
    item: re.Pattern[str]
    shallower: re.Pattern[str]
    not_deeper: re.Pattern[str]


def _at(indent: int) -> _At:
    return _INDENTED[indent] if indent < len(_INDENTED) else _refuse_depth()


def _refuse_depth() -> NoReturn:
    raise _WholeError


_INDENTED = [
    _At(
        re.compile(rf"^ {{{indent}}}(?=[^\s-]|-\S)", re.MULTILINE),
        re.compile(rf"^(?= {{{indent}}}{_ITEM})", re.MULTILINE),
        re.compile(rf"^ {{0,{indent - 1}}}(?=[^ \n])" if indent else r"(?!)", re.MULTILINE),
        re.compile(rf"^ {{0,{indent}}}(?=[^ \n])", re.MULTILINE),
    )
    for indent in range(40)
]
