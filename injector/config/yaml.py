"""Reading YAML and JSON text the way Kubernetes does, and finding the line where a path of it stands.

Reading takes the fast C parser and keeps no positions; only a fault, once found, makes the text be composed again.
Source of what is text and what is a number: YAML as sigs.k8s.io/yaml reads it (no dates, no numbers in base 60).
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import yaml

from injector.config.errors import Fault, Path, camel_case, format_path
from injector.core.model import JsonObject
from injector.core.yaml_bounds import refuse_unbounded

_REPLACED_TAGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0o?[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)


def _resolvers() -> dict[str, Any]:
    kept = {
        first: [entry for entry in entries if entry[0] not in _REPLACED_TAGS]
        for first, entries in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }
    for first in "-+.0123456789":
        numbers = [("tag:yaml.org,2002:int", _INTEGER), ("tag:yaml.org,2002:float", _FLOAT)]
        kept[first] = [*numbers, *kept.get(first, [])]
    return kept


class _Loader(yaml.CSafeLoader):
    """The safe loader with Kubernetes' idea of plain scalars; keys are text and stand once."""

    yaml_implicit_resolvers = _resolvers()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- the loader's own signature
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key has to be text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


@dataclass(frozen=True, slots=True)
class Source:
    """A document: its file, the file's whole text and which document of it (None: it is the only one).

    `outer` is the place of the text inside another document, for YAML kept as text in a ConfigMap.
    """

    file: str
    text: str
    document: int | None = None
    outer: "Place | None" = None


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
        return None if nodes is None else _line_in_file(self.source, nodes[0].start_mark.line)

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


class TextFault(Exception):  # noqa: N818 -- named like the other faults
    """Text that is not YAML."""

    def __init__(self, line: int, message: str) -> None:
        """Hold the line within the text, counted from 0, and what is wrong there."""
        super().__init__(message)
        self.line = line


def parse_documents(text: str) -> list[Any]:
    """All documents of a YAML stream or of a JSON text. Raises TextFault."""
    try:
        refuse_unbounded(text)
        return list(yaml.load_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise TextFault(mark.line if mark else 0, f"not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise TextFault(0, f"not YAML: {' '.join(str(error).split())}") from None


def parse_inside(outer: Place, text: str) -> tuple[Source, Any]:
    """The one document that is kept as text at `outer`. Raises TextFault with the line in the file, counted from 0."""
    source = Source(outer.source.file, text, outer=outer)
    try:
        documents = parse_documents(text)
    except TextFault as fault:
        line = _line_in_file(source, fault.line) or 1
        raise TextFault(line - 1, str(fault)) from None
    return source, documents[0] if documents else None


@lru_cache(maxsize=8)
def _composed(text: str, document: int) -> yaml.Node | None:
    return next(islice(yaml.compose_all(text, _Loader), document, None), None)


def _nodes(place: Place) -> tuple[yaml.Node, yaml.Node] | None:
    """The node to point at (a key, a list item) and the value node: of the path, or of the deepest part that exists."""
    value = _composed(place.source.text, place.source.document or 0)
    if value is None:
        return None
    pointed = value
    for step in place.path:
        child = _child(value, step)
        if child is None:
            break
        pointed, value = child
    return pointed, value


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if step in (key.value, camel_case(key.value))), None)
    return None


def _first_line_of_text(value: yaml.Node) -> int:
    block = isinstance(value, yaml.ScalarNode) and value.style in ("|", ">")
    return int(value.start_mark.line) + (1 if block else 0)


def _line_in_file(source: Source, line: int) -> int | None:
    """The line in the file, counted from 1, of a line of the source's text, counted from 0."""
    if source.outer is None:
        return line + 1
    first, nodes = source.outer.text_line(), _nodes(source.outer)
    is_block = nodes is not None and isinstance(nodes[1], yaml.ScalarNode) and nodes[1].style == "|"
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
