"""Where a path of a document is: its file, line and document; and nested mappings, merged and looked into.

Values keep no positions: only a fault, once found, makes the text be composed again.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from injector.core.errors import Fault, InjectorError, Path, format_path
from injector.core.model import JsonObject
from injector.core.proxy_config.schema import camel_case
from injector.core.yaml.nodes import Alias, Mapping, Node, Scalar, Sequence, YamlError, compose_all
from injector.core.yaml.reader import key_of, read_all


class ConfigFaults(InjectorError, ValueError):  # noqa: N818 -- it holds several
    """A configuration that cannot be used; `faults` has everything that is wrong with it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document: its file, the file's whole text and which document of it (None: it is the only one).

    `outer` is the place of the text inside another document, for YAML kept as text in a ConfigMap.
    """

    file: str
    text: str
    document: int | None = None
    outer: "Place | None" = None
    _roots: list[Node | None] = field(default_factory=list, init=False, repr=False, compare=False)

    def root(self) -> Node | None:
        """The document's root node, composed when the first fault asks for it. Raises YamlError."""
        if not self._roots:
            self._roots.append(next(islice(compose_all(self.text), self.document or 0, None), None))
        return self._roots[0]


@dataclass(frozen=True, slots=True)
class Place:
    """A path of a document."""

    source: Source
    path: Path = ()

    def below(self, *path: str | int) -> "Place":
        """The place `path` further down."""
        return Place(self.source, self.path + path)

    def line(self) -> int | None:
        """The line of the key, or of the deepest part of the path that exists; None where there is no text."""
        nodes = _nodes(self)
        return None if nodes is None else _line_in_file(self.source, nodes[0].start.line)

    def text_line(self) -> int | None:
        """The line where the text that is the value here begins: the one below its key when it is a block."""
        nodes = _nodes(self)
        return None if nodes is None else _line_in_file(self.source, _first_line_of_text(nodes[1]))

    def fault(self, message: str) -> Fault:
        """A fault with `message` at this place."""
        return fault_at(self, self.line(), message)


def fault_at(place: Place, line: int | None, message: str) -> Fault:
    """A fault with `message` at `place`, its path and document told from the file's point of view."""
    source, path, outer = place.source, place.path, place.source.outer
    while outer is not None:
        source, path, outer = outer.source, outer.path + path, outer.source.outer
    return Fault(source.file, line, format_path(path), message, 0 if source.document is None else source.document + 1)


def parse_inside(outer: Place, text: str) -> tuple[Source, Any]:
    """The one document that is kept as text at `outer`. Raises YamlError with the line in the file."""
    source = Source(outer.source.file, text, outer=outer)
    try:
        return source, next(read_all(text), None)
    except YamlError as error:
        raise YamlError(error.problem, _line_in_file(source, error.line - 1) or 1) from None


def _nodes(place: Place) -> tuple[Node, Node] | None:
    """The node to point at (a key, a list item) and the value node: of the path, or of the deepest part that exists."""
    value = place.source.root()
    if value is None:
        return None
    pointed = value
    for step in place.path:
        child = _child(value, step)
        if child is None:
            break
        pointed, value = child
    return pointed, value


def _child(node: Node, step: str | int) -> tuple[Node, Node] | None:
    target = node.target if isinstance(node, Alias) else node
    if isinstance(target, Sequence) and isinstance(step, int) and step < len(target.children):
        return target.children[step], target.children[step]
    if isinstance(target, Mapping):
        return next(((key, value) for key, value in target.entries if step in _names(key)), None)
    return None


def _names(key: Node) -> tuple[str, str]:
    name = key_of(key)
    return name, camel_case(name)


def _first_line_of_text(value: Node) -> int:
    block = isinstance(value, Scalar) and value.style in ("|", ">")
    return int(value.start.line) + (1 if block else 0)


def _line_in_file(source: Source, line: int) -> int | None:
    """The line in the file, counted from 1, of a line of the source's text, counted from 0."""
    if source.outer is None:
        return line + 1
    first, nodes = source.outer.text_line(), _nodes(source.outer)
    is_block = nodes is not None and isinstance(nodes[1], Scalar) and nodes[1].style == "|"
    return None if first is None else first + (line if is_block else 0)


# Merging and reading nested mappings, never changing what is given.


def deep_merge(base: JsonObject, layer: JsonObject) -> JsonObject:
    """`layer` over `base`: mappings recursively, lists, scalars and nulls replaced (as Helm merges values files)."""
    merged = dict(base)
    for key, value in layer.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def find(tree: Any, path: Path) -> Any:
    """The value at `path`; None where it is not there."""
    for step in path:
        if isinstance(step, int):
            tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def nested(path: Path, value: Any) -> JsonObject:
    """The mapping that holds just `value` at `path` (of keys)."""
    tree = value
    for step in reversed(path):
        tree = {step: tree}
    return tree if isinstance(tree, dict) else {}


def without(tree: Any, path: Path) -> Any:
    """The tree without the key at `path`; the same tree where there is none."""
    first, *rest = path
    if not isinstance(tree, dict) or first not in tree:
        return tree
    if rest:
        return {**tree, first: without(tree[first], tuple(rest))}
    return {key: value for key, value in tree.items() if key != first}


def without_nulls(mapping: JsonObject) -> JsonObject:
    """The mapping without its own null entries; what lies deeper stays."""
    return {key: value for key, value in mapping.items() if value is not None}
