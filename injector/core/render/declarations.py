"""Annotations that templates declare: `{{ annotation("side.example/port", type="port", default=8080) }}`.

A declared annotation has a type, which its value is read with, a default and a description. So a template never sees a
value that it was not written for, the trial before going live knows what a pod may say, and users can look it up.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from jinja2 import nodes

from injector.core.duration import nanoseconds
from injector.core.errors import quoted, suggestion
from injector.core.model import InjectionError
from injector.core.pod_fields import NAME, PORT, QUANTITY
from injector.core.pods import parse_boolean
from injector.core.render.errors import TemplateFault
from injector.core.render.limits import bounded
from injector.core.validation import wrong

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})")
# The names of annotations in the calls of a text, Jinja's or Go's.
_ASKED = re.compile(r"""\b(?:annotation|json_annotation|named_items)(?:\(\s*|\s+\S+\s+)["'`]([^"'`\n]{1,400})["'`]""")
_FUNCTIONS = ("annotation", "json_annotation", "named_items")
_PARAMETERS = ("name", "default", "type", "description")


@dataclass(frozen=True, slots=True)
class AnnotationType:
    """How the text of an annotation is read: `read` gives its value, and raises ValueError where it is not valid."""

    expected: str
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Declaration:
    """An annotation that a template asks for, on `line`; without `is_typed` its type is only that of its function."""

    name: str
    type: str
    default: Any
    description: str
    line: int
    is_typed: bool


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return _integer(text) if _INTEGER.fullmatch(text) else float(text)


def _boolean(text: str) -> bool:
    value = parse_boolean(text)
    if value is None:
        raise ValueError
    return value


def _accepted(accepts: Callable[[Any], bool], read: Callable[[str], Any] = str) -> Callable[[str], Any]:
    def accepted(text: str) -> Any:
        value = read(text)
        if not accepts(value):
            raise ValueError
        return value

    return accepted


def _duration(text: str) -> str:
    nanoseconds(text)
    return text


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


TYPES: Mapping[str, AnnotationType] = {
    "string": AnnotationType("a string", str),
    "integer": AnnotationType("an integer", _integer),
    "number": AnnotationType("a number", _number),
    "boolean": AnnotationType("true or false", _boolean),
    "port": AnnotationType(PORT.expected, _accepted(PORT.accepts, _integer)),
    "quantity": AnnotationType(QUANTITY.expected, _accepted(QUANTITY.accepts)),
    "duration": AnnotationType("a duration such as 45s or 1m30s", _duration),
    "name": AnnotationType(NAME.expected, _accepted(NAME.accepts)),
    "list": AnnotationType("items separated by commas", _items),
    "json": AnnotationType("JSON", lambda text: bounded(orjson.loads(text))),
}


def read_annotation(name: str, text: str, kind: Any) -> Any:
    """The value of an annotation of a pod. Raises InjectionError where it is not valid, ValueError for the type."""
    declared = _type_of(kind)
    try:
        return declared.read(text)
    except ValueError as error:
        message = f"invalid value {quoted(text)} for annotation {name!r}: must be {declared.expected}"
        raise InjectionError(message) from error


def read_default(default: Any, kind: Any) -> Any:
    """The value of a default: text is read as an annotation is. Raises ValueError where it is not valid."""
    declared = _type_of(kind)
    if default is None:
        return None
    is_text = isinstance(default, str)
    try:
        value = declared.read(default if is_text else _as_annotation(default))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the default {wrong(declared.expected, default)}") from error
    return value if is_text else default


def _as_annotation(default: Any) -> str:
    """How a pod would say a default that is not text."""
    return ",".join(default) if isinstance(default, list) else orjson.dumps(default).decode()


def _type_of(kind: Any) -> AnnotationType:
    """The type of that name, or of a list of the values that are valid. Raises ValueError."""
    if isinstance(kind, (list, tuple)) and kind and all(isinstance(value, str) for value in kind):
        return AnnotationType(f"one of {', '.join(map(repr, kind))}", _accepted(frozenset(kind).__contains__))
    if not isinstance(kind, str) or kind not in TYPES:
        raise ValueError(f"unknown type {quoted(kind)} of an annotation; {suggestion(str(kind), list(TYPES))}")
    return TYPES[kind]


def asked_names(texts: Iterable[str]) -> frozenset[str]:
    """The names of the annotations that templates ask for, as far as they are written out in their texts."""
    return frozenset(name for text in texts for name in _ASKED.findall(text))


def declarations_in(tree: nodes.Template) -> Iterator[tuple[Declaration, str]]:
    """Each annotation that a template asks for by name, with what is wrong with its declaration, or "".

    A default that is no constant is None.
    """
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _FUNCTIONS:
            given = dict(zip(_PARAMETERS, call.args, strict=False)) | {each.key: each.value for each in call.kwargs}
            name = _constant(given.get("name"))
            if isinstance(name, str):
                kind = "json" if call.node.name != "annotation" else _constant(given.get("type")) or "string"
                yield _declaration(name, kind, given, call.lineno)


def conflicts(declared: Mapping[str, Iterable[tuple[Declaration, str]]]) -> Iterator[TemplateFault]:
    """Annotations that templates, by name, declare with one type here and another there: no pod could please both."""
    first: dict[str, tuple[str, str]] = {}
    for template, declarations in declared.items():
        for declaration, _ in declarations:
            if declaration.is_typed:
                name, here = declaration.name, declaration.type
                other, there = first.setdefault(name, (template, here))
                if there != here:
                    message = f"annotation {name!r} has type {here!r} here, and {there!r} in {other!r}"
                    yield TemplateFault(template, declaration.line, message)


def _declaration(name: str, kind: Any, given: Mapping[str, nodes.Expr], line: int) -> tuple[Declaration, str]:
    default = _constant(given.get("default"))
    fault = ""
    try:
        if "type" in given:
            read_default(default, kind)
    except ValueError as error:
        fault = f"annotation {name!r}: {error}"
    shown = kind if isinstance(kind, str) else " | ".join(map(str, kind))
    description = str(_constant(given.get("description")) or "")
    return Declaration(name, shown, default, description, line, is_typed="type" in given), fault


def _constant(node: nodes.Expr | None) -> Any:
    try:
        return None if node is None else node.as_const()
    except nodes.Impossible:
        return None
