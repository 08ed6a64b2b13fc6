"""YAML as kubectl reads it, with the place of every value in its text, and values as YAML text."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import yaml
from yaml.constructor import SafeConstructor

from injector.core.yaml.scalars import needs_quotes
from injector.core.yaml_bounds import refuse_unbounded

# JSON as kubectl reads it: what is JSON is not read as YAML, which has other numbers, line breaks and characters.


class NotJsonError(ValueError):
    """Text that is no JSON object; it may be YAML."""


def parse_json(text: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises NotJsonError where it holds none, other ValueErrors for a key that stands twice and half of a surrogate pair.
    """
    if not text.lstrip().startswith("{"):
        raise NotJsonError("it does not begin with a brace")
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise NotJsonError(str(error)) from error
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"not JSON: {error.object[error.start]!a} is half of a character") from error
    return dict(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one mapping")
    return document


def _refuse_constant(word: str) -> NoReturn:
    raise NotJsonError(f"{word} is no JSON")


Node: TypeAlias = yaml.nodes.Node


class _Loader(yaml.CSafeLoader):
    """The safe loader without dates: a time stamp stays the text that the API server takes."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- PyYAML's own way to say which scalars have a type
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
        for first, entries in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


class _Dumper(yaml.SafeDumper):
    """Block style, keys in order, texts of several lines as literal blocks."""

    indents_lists = False

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, indentless and not self.indents_lists)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


class _IndentingDumper(_Dumper):
    indents_lists = True


# Line breaks to YAML 1.1, which readers turn into a line feed or a blank unless they are escaped.
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


def _represent_text(dumper: _Dumper, text: str) -> yaml.nodes.ScalarNode:
    if _OTHER_BREAKS.search(text):
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, '"')
    style = "|" if "\n" in text.rstrip("\n") else ('"' if "\n" in text else None)
    if style is None and needs_quotes(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
# Parts that pods share are subclasses of mapping and list.
_Dumper.add_multi_representer(dict, _Dumper.represent_dict)
_Dumper.add_multi_representer(list, _Dumper.represent_list)


def root_of(text: str) -> Node:
    """The root node of a document that `parse` could read."""
    return yaml.compose(text, _Loader)  # type: ignore[return-value]  # None for an empty document, see `parse`


def parse(text: str) -> Any:
    """The value of one document; None where it holds nothing but comments.

    Raises ValueError with the line where it is no YAML, or where a mapping has a key twice.
    """
    try:
        return parse_json(text)
    except NotJsonError:
        return _parse_yaml(text)


def _parse_yaml(text: str) -> Any:
    try:
        refuse_unbounded(text)
        node = root_of(text)
        if node is None:
            return None
        _refuse_repeated_keys(node)
        return SafeConstructor().construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise ValueError(f"{f'line {mark.line + 1}: ' if mark else ''}not YAML: {problem}") from error
    except RecursionError:
        raise ValueError("not YAML: it is nested too deeply") from None


def dump(value: Any, column: int, *, indents_lists: bool) -> str:
    """`value` as block YAML, each line but the first indented to `column`, no line feed behind."""
    dumper = _IndentingDumper if indents_lists else _Dumper
    text = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000).removesuffix("\n")
    if not isinstance(value, (dict, list)) or not value:
        text = text.removesuffix("\n...")
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"{' ' * column}{line}" if line else line for line in rest)])


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, keys included."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_repeated_keys(root: Node) -> None:
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        pending.extend(children(node))
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            repeated = next((key for key in keys if keys.count(key) > 1 and key != "<<"), None)
            if repeated is not None:
                raise ValueError(f"line {node.start_mark.line + 1}: the key {repeated!r} stands twice in one mapping")


# A stream of YAML documents, cut where the lines `---` stand, so that each keeps its own text.

_SEPARATOR = re.compile(r"^---(?P<rest>[^\n]*)(?:\n|\Z)", re.MULTILINE)
_BLANK_OR_COMMENT = re.compile(r"\s*(#.*)?\r?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A document's text, with the separator line before it (empty for the first one). `number` counts from 1."""

    separator: str
    text: str
    number: int


def split(text: str) -> Iterator[Piece]:
    """The documents of `text` in order; joined, separators and texts are `text` again.

    Raises ValueError where something other than a comment stands behind a separator (reference section 14).
    """
    number, separator, start = 1, "", 0
    for match in _SEPARATOR.finditer(text):
        if not _BLANK_OR_COMMENT.fullmatch(match["rest"]):
            raise ValueError(
                f"document {number + 1}: only a comment may follow '---' on its line, not {match['rest']!r}"
            )
        yield Piece(separator, text[start : match.start()], number)
        number, separator, start = number + 1, match[0], match.end()
    yield Piece(separator, text[start:], number)
