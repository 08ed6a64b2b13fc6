"""What the text of a Go template means, where it means something else than that of a Jinja template.

Go knows only text, so an unquoted value is the scalar that its text would be: a number, a boolean, null, or the text in
its own quotes; it never becomes a mapping, a list, a comment or a second line. An empty key deletes. What `toYaml`
gives stays structure: where it stands alone on its lines, its entries become entries of the mapping around it, and its
items items of the list.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from injector.core.render.checks import Fill, Place, checked
from injector.core.render.document import Builder, Dynamic, are_clean, fill_of
from injector.core.render.go.formatting import sprint
from injector.core.render.go.values import YamlText
from injector.core.render.placeholders import CLOSE, CONSTANT, OPEN, PLACEHOLDER
from injector.core.shared import SharedList, SharedMapping, UncleanList, UncleanMapping, as_shared, is_clean
from injector.core.validation import Listed
from injector.core.yaml.nodes import Mapping as MappingNode
from injector.core.yaml.nodes import Node, Scalar, YamlError
from injector.core.yaml.nodes import Sequence as SequenceNode
from injector.core.yaml.reader import key_of, mapping_of, read, value_of
from injector.core.yaml.scalars import json_number, key_text, resolve

# Marks of structure: entries of a mapping, and items of a list.
ENTRIES, ITEMS = "\ue002", "\ue003"
_ENTRIES_MARK = re.compile(f"{ENTRIES}({CONSTANT}?[0-9]+){CLOSE}")
_ITEMS_MARK = re.compile(f"{ITEMS}({CONSTANT}?[0-9]+){CLOSE}")
# How they look where they are part of a text; a value's mark may stand beside them.
_IN_TEXT = re.compile(
    f"(?:- {ITEMS}|{OPEN})(?P<value>{CONSTANT}?[0-9]+){CLOSE}|{ENTRIES}(?P<entries>{CONSTANT}?[0-9]+){CLOSE}:"
)
# Istio reads what a template gives as Go's structs: of their zero values this one is written all the same.
_RESOURCE_REFERENCE, _DIVISOR = "resourceFieldRef", "divisor"
_BLOCK_STYLES = frozenset("|>")
_QUOTES = frozenset("'\"")
_EMPTY_LINES = re.compile(r"[ \n]*\Z")


class _Splice:
    """A key or an item that stands for the entries or items of a structure; `constant` is one that is known."""

    __slots__ = ("constant", "fill")

    def __init__(self, fill: Fill, constant: Any = None) -> None:
        self.fill, self.constant = fill, constant


class GoBuilder(Builder):
    """Turns YAML nodes into plain values, or into Dynamic where values of the template are in them."""

    def __init__(self, constants: Sequence[Any], text: str) -> None:
        """`constants` as the other builder has them; `text` is what the nodes were read from."""
        super().__init__(constants)
        self._text_read = text

    def build(self, node: Node) -> Any:
        """What `node` stands for: a value, or a Dynamic. Raises YamlError."""
        if isinstance(node, Scalar):
            return self.checked(node, self._scalar_of(node))
        if isinstance(node, SequenceNode):
            return _sequence([part for item in node.children for part in self._items(item)])
        if isinstance(node, MappingNode):
            entries = _with_constants(mapping_of(node, self._key_of, self.build))
            reference = entries.get(_RESOURCE_REFERENCE)
            if isinstance(reference, dict) and _DIVISOR not in reference:
                entries[_RESOURCE_REFERENCE] = as_shared({**reference, _DIVISOR: "0"})
            return _mapping(entries)
        return self.build(node.target)

    def _items(self, node: Node) -> list[Any]:
        mark = _ITEMS_MARK.fullmatch(node.text) if isinstance(node, Scalar) and not node.style else None
        if mark is None:
            return [self.build(node)]
        place = self.places.get(id(node))
        splice = self._splice(mark[1], place and Place(Listed(place.kind), place.path[:-1]))
        return [splice] if splice.constant is None else splice.constant

    def _key_of(self, node: Node) -> Any:
        if not isinstance(node, Scalar) or not _has_mark(node.text):
            return key_of(node)
        mark = None if node.style else _ENTRIES_MARK.fullmatch(node.text)
        if mark:
            return self._splice(mark[1], self.places.get(id(node)))
        if not node.style and _ENTRIES_MARK.search(node.text):
            raise YamlError("lines of YAML stand in the middle of a line", node.start.line + 1)
        part = self._joined(node, _key_text if not node.style else str)
        return part if isinstance(part, (Dynamic, str)) else str(part)

    def _scalar_of(self, node: Scalar) -> Any:
        if not _has_mark(node.text):
            return value_of(node)
        if node.tag:
            return self._joined(node, str)
        if node.style:
            return self._joined(node, str, is_block=node.style in _BLOCK_STYLES)
        lone = PLACEHOLDER.fullmatch(node.text)
        return self._lone(lone[1]) if lone else self._joined(node, scalar_of)

    def _lone(self, mark: str) -> Any:
        constant = self._constant(mark)
        if constant is not None:
            value = _alone(constant[0])
            return as_shared(value) if isinstance(value, (dict, list)) else value
        number = int(mark)

        def fill(values: Sequence[Any]) -> Any:
            value = values[number]
            return scalar_of(value) if type(value) is str else _alone(value)

        return Dynamic(fill)

    def _splice(self, mark: str, place: Place | None) -> _Splice:
        """What stands for the entries or items of a structure, which are those of the collection at `place`."""
        constant = self._constant(mark)
        if constant is not None:
            shared = as_shared(constant[0].value)
            if place:
                place.kind.read(shared, place.path, self.findings)
            return _Splice(lambda _: shared, shared)
        number = int(mark)

        def fill(values: Sequence[Any]) -> Any:
            return values[number].value

        return _Splice(checked(fill, place, is_text=False) if place else fill)

    def _joined(self, node: Scalar, read_text: Callable[[str], Any], *, is_block: bool = False) -> Any:
        """The text of a scalar with its values in it, as `read_text` takes it."""
        indentation = self._indentation(node) if is_block else 0
        literals, numbers, position = [""], list[int](), 0
        for mark in _IN_TEXT.finditer(node.text):
            number = mark["value"] or mark["entries"]
            literals[-1] += node.text[position : mark.start()]
            position = mark.end()
            constant = self._constant(number)
            if constant is None:
                numbers.append(int(number))
                literals.append("")
            else:
                literals[-1] += _in_text(constant[0], indentation)
        literals[-1] += node.text[position:]
        if is_block:
            read_text = _block_reader(node, read_text)
        if not numbers:
            return read_text(literals[0])
        return Dynamic(_filling(literals, numbers, read_text, indentation), is_clean=read_text is not scalar_of)

    def _indentation(self, node: Scalar) -> int:
        """The columns that YAML takes off the lines of a block: those of the first line that is not empty."""
        lines = self._text_read.split("\n")[node.start.line + 1 : node.end.line + 1]
        first = next((line for line in lines if line.strip()), "")
        return len(first) - len(first.lstrip(" "))


def scalar_of(text: str) -> Any:
    """What `text` stands for where it stands alone and is part of no other text: a scalar, whatever is in it."""
    stripped = text.strip()
    if stripped[:1] in _QUOTES and stripped[:1] == stripped[-1:] and len(stripped) > 1:
        unquoted = _unquoted(stripped)
        if unquoted is not None:
            return unquoted
    value = resolve(stripped)
    return json_number(value) if isinstance(value, float) else value


def _unquoted(text: str) -> str | None:
    """The text in the quotes of `text`; None where these are not its own."""
    inner = text[1:-1]
    if text[0] not in inner and "\\" not in inner and "\n" not in inner:
        return inner
    try:
        value = read(text)
    except YamlError:
        return None
    return value if isinstance(value, str) else None


def _key_text(text: str) -> str:
    """The key that an unquoted text is: also a number or a boolean has one, and nothing else can be one."""
    value = scalar_of(text)
    written = value if isinstance(value, str) else key_text(value)
    return text.strip() if written is None else written


def _alone(value: Any) -> Any:
    """What a value stands for that is alone."""
    if isinstance(value, YamlText):
        return value.value
    return scalar_of(value) if isinstance(value, str) else value


def _filling(literals: list[str], numbers: list[int], read_text: Callable[[str], Any], indentation: int) -> Fill:
    before, number, after = literals[0], numbers[0], literals[-1]

    def fill_one(values: Sequence[Any]) -> Any:
        value = values[number]
        return read_text(before + (value if type(value) is str else _in_text(value, 0)) + after)

    def fill(values: Sequence[Any]) -> Any:
        written = before
        for number, literal in zip(numbers, literals[1:], strict=True):
            written += _in_text(values[number], indentation) + literal
        return read_text(written)

    return fill_one if len(numbers) == 1 and not indentation else fill


def _in_text(value: Any, indentation: int) -> str:
    text = str(value) if isinstance(value, str) else sprint(value)
    if indentation and "\n" in text:
        # YAML takes the indentation off every line of a block, and has not seen these.
        first, *others = text.split("\n")
        return "\n".join([first, *(_dedented(line, indentation) for line in others)])
    return text


def _dedented(line: str, indentation: int) -> str:
    own = len(line) - len(line.lstrip(" "))
    return line[min(own, indentation) :]


def _block_reader(node: Scalar, read_text: Callable[[str], Any]) -> Callable[[str], Any]:
    """How a block ends whose last line is a value: as with the text of the value in its place."""
    body = node.text.rstrip("\n")
    breaks = len(node.text) - len(body)
    if breaks > 1 or not body.endswith((CLOSE, f"{CLOSE}:")):
        return read_text
    return lambda text: read_text(_EMPTY_LINES.sub("", text) + "\n" * breaks)


def _has_mark(text: str) -> bool:
    return CLOSE in text


def _with_constants(entries: dict[Any, Any]) -> dict[Any, Any]:
    """The entries of a mapping, those of a structure that is known among them."""
    expanded: dict[Any, Any] = {}
    for key, part in entries.items():
        if isinstance(key, _Splice) and key.constant is not None:
            expanded.update(key.constant)
        else:
            expanded[key] = part
    return expanded


def _sequence(items: list[Any]) -> Any:
    if any(isinstance(item, _Splice) for item in items):
        return _spliced_sequence([item if isinstance(item, _Splice) else fill_of(item) for item in items])
    dynamic = [(index, item.fill) for index, item in enumerate(items) if isinstance(item, Dynamic)]
    if not dynamic:
        return SharedList(items) if are_clean(items) else UncleanList(items)
    may_be_clean = are_clean([item for item in items if not isinstance(item, Dynamic)])

    def fill(values: Sequence[Any]) -> list[Any]:
        filled = items.copy()
        clean = may_be_clean
        for index, part in dynamic:
            filled[index] = value = part(values)
            clean = clean and is_clean(value)
        return SharedList(filled) if clean else filled

    return Dynamic(fill)


def _spliced_sequence(parts: Sequence[Any]) -> Dynamic:
    def fill(values: Sequence[Any]) -> list[Any]:
        filled: list[Any] = []
        for part in parts:
            if isinstance(part, _Splice):
                filled += part.fill(values)
            else:
                filled.append(part(values))
        return filled

    return Dynamic(fill)


def _mapping(entries: Mapping[Any, Any]) -> Any:
    if not all(isinstance(key, str) for key in entries):
        return _spliced_mapping([(key, fill_of(part)) for key, part in entries.items()])
    static = dict(entries)
    literal = [part for part in static.values() if not isinstance(part, Dynamic)]
    may_be_clean = are_clean(literal) and not any(key.startswith("$") for key in static)
    dynamic = [(key, part.fill) for key, part in static.items() if isinstance(part, Dynamic)]
    if not dynamic:
        return SharedMapping(static) if may_be_clean else UncleanMapping(static)

    def fill(values: Sequence[Any]) -> dict[str, Any]:
        filled = SharedMapping(static)
        clean = may_be_clean
        for key, part in dynamic:
            filled[key] = value = part(values)
            clean = clean and is_clean(value)
        return filled if clean else dict(filled)

    return Dynamic(fill)


def _spliced_mapping(parts: Sequence[tuple[Any, Fill]]) -> Dynamic:
    """A mapping of which not all keys are known: what comes later counts, as it does where YAML is read."""

    def fill(values: Sequence[Any]) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for key, part in parts:
            if isinstance(key, _Splice):
                filled.update(key.fill(values))
            else:
                filled[key.fill(values) if isinstance(key, Dynamic) else key] = part(values)
        return filled

    return Dynamic(fill)
