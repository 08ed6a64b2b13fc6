"""The types that keys of the configuration have: how each is called, described and checked."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.config.errors import Path, unknown_key
from injector.core.model import JsonObject, parse_selector

# What can be wrong with a value of each type: generators of paths below the key, each with a message.

Findings: TypeAlias = Iterator[tuple[Path, str]]

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SELECTOR_KEYS = ("matchLabels", "matchExpressions")
_EXPRESSION_KEYS = ("key", "operator", "values")


def wrong(expected: str, value: Any) -> str:
    """The message for a value of another type than the expected one."""
    return f"has to be {expected}, not {value!r}"


def checked(expected: str, accepts: Callable[[Any], bool]) -> Callable[[Any], Findings]:
    """A check that yields what was `expected` where `accepts` refuses the value."""

    def findings(value: Any) -> Findings:
        if not accepts(value):
            yield (), wrong(expected, value)

    return findings


def texts(value: Any) -> Findings:
    """A list whose every item is text."""
    if not isinstance(value, list):
        yield (), wrong("a list of texts", value)
        return
    for index, item in enumerate(value):
        if not isinstance(item, str):
            yield (index,), wrong("text", item)


def text_map(value: Any) -> Findings:
    """A mapping whose every value is text; a null takes an entry away."""
    if not isinstance(value, dict):
        yield (), wrong("a mapping of texts to texts", value)
        return
    for key, item in value.items():
        if item is not None and not isinstance(item, str):
            yield (key,), wrong("text", item)


def templates(value: Any) -> Findings:
    """A mapping of texts without an empty name."""
    yield from text_map(value)
    if isinstance(value, dict) and "" in value:
        yield ("",), "the name of a template cannot be empty"


def aliases(value: Any) -> Findings:
    """A mapping of lists of texts without an empty name; a null takes an entry away."""
    if not isinstance(value, dict):
        yield (), wrong("a mapping of names to lists of template names", value)
        return
    for name, names in value.items():
        if not name:
            yield (name,), "the name of an alias cannot be empty"
        if names is not None:
            yield from (((name, *path), message) for path, message in texts(names))


def selectors(value: Any) -> Findings:
    """A list of Kubernetes label selectors, their keys spelt right."""
    if not isinstance(value, list):
        yield (), wrong("a list of label selectors", value)
        return
    for index, selector in enumerate(value):
        unknown = list(_unknown_selector_keys(selector))
        yield from (((index, *path), message) for path, message in unknown)
        if not unknown:
            yield from (((index,), message) for message in _selector_faults(selector))


def _unknown_selector_keys(selector: Any) -> Findings:
    if not isinstance(selector, dict):
        return
    yield from (((key,), unknown_key(key, _SELECTOR_KEYS)) for key in selector if key not in _SELECTOR_KEYS)
    expressions = selector.get("matchExpressions")
    for index, expression in enumerate(expressions if isinstance(expressions, list) else []):
        for key in expression if isinstance(expression, dict) else ():
            if key not in _EXPRESSION_KEYS:
                yield ("matchExpressions", index, key), unknown_key(key, _EXPRESSION_KEYS)


def _selector_faults(selector: Any) -> list[str]:
    try:
        parse_selector(selector)
    except ValueError as error:
        return [str(error)]
    return []


def revision(value: Any) -> Findings:
    """Empty, or a DNS label: a revision becomes part of the names of Kubernetes objects."""
    if not isinstance(value, str) or (value and not DNS_LABEL.fullmatch(value)):
        yield (), wrong("a DNS label (lower-case letters, digits and '-', at most 63)", value)


def revisions(value: Any) -> Findings:
    """A list whose every item is a DNS label."""
    if not isinstance(value, list):
        yield (), wrong("a list of DNS labels", value)
        return
    for index, item in enumerate(value):
        found = revision(item) if item else iter([((), wrong("a DNS label", item))])
        yield from (((index,), message) for _, message in found)


def providers(value: Any) -> Findings:
    """A list of mappings with a name: providers are merged by that name (reference 3.3)."""
    if not isinstance(value, list):
        yield (), wrong("a list of extension providers", value)
        return
    for index, provider in enumerate(value):
        if not isinstance(provider, dict) or not isinstance(provider.get("name"), str) or not provider["name"]:
            yield (index,), wrong("a mapping with a name", provider)


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Type:
    """A type of value: how it is called, its JSON Schema, and what is wrong with a value, with paths below the key.

    `from_flag` turns what `--set` reads (numbers and booleans by their look) into this type, `canonical` other
    spellings that Istio accepts too.
    """

    name: str
    schema: JsonObject
    findings: Callable[[Any], Findings]
    from_flag: Callable[[Any], Any] = _as_it_is
    canonical: Callable[[Any], Any] = _as_it_is


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text_or_number(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _as_texts(value: Any) -> Any:
    return [_as_text(item) for item in value] if isinstance(value, list) else value


def _as_text_map(value: Any) -> Any:
    return {key: _as_text(item) for key, item in value.items()} if isinstance(value, dict) else value


def _as_integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _or_null(*types: str) -> JsonObject:
    return {"type": [*types, "null"]}


_EXPRESSION_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "minLength": 1},
        "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
        "values": {**_or_null("array"), "items": {"type": "string"}},
    },
    "required": ["key", "operator"],
    "additionalProperties": False,
}
_SELECTOR_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "matchLabels": {**_or_null("object"), "additionalProperties": {"type": "string"}},
        "matchExpressions": {**_or_null("array"), "items": _EXPRESSION_SCHEMA},
    },
    "additionalProperties": False,
}
_PROVIDER_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}},
    "required": ["name"],
}
_DNS_LABEL_SCHEMA: JsonObject = {"type": "string", "pattern": f"^{DNS_LABEL.pattern}$"}
_REVISION_SCHEMA: JsonObject = {**_or_null("string"), "pattern": f"^({DNS_LABEL.pattern})?$"}
_TEXTS_SCHEMA: JsonObject = {**_or_null("array"), "items": {"type": "string"}}
_TEXT_MAP_SCHEMA: JsonObject = {**_or_null("object"), "additionalProperties": _or_null("string")}
_ALIASES_SCHEMA: JsonObject = {**_or_null("object"), "additionalProperties": _TEXTS_SCHEMA}
_NAMED: JsonObject = {"propertyNames": {"minLength": 1}}


def _simple(
    name: str, accepts: Callable[[Any], bool], *types: str, from_flag: Callable[[Any], Any] = _as_it_is
) -> Type:
    return Type(name, _or_null(*types), checked(name, accepts), from_flag)


TEXT = _simple("text", lambda value: isinstance(value, str), "string", from_flag=_as_text)
BOOLEAN = _simple("true or false", _is_boolean, "boolean")
TEXT_OR_NUMBER = _simple("text or a number", _is_text_or_number, "string", "number")
TEXT_OR_BOOLEAN = _simple(
    "true or false, also as text", lambda value: isinstance(value, bool | str), "boolean", "string"
)
MAPPING = _simple("a mapping", lambda value: isinstance(value, dict), "object")
INTEGER = Type(
    "a whole number",
    {**_or_null("integer", "string"), "pattern": "^[0-9]+$"},
    checked("a whole number", _is_integer),
    canonical=_as_integer,
)
TEXTS = Type("a list of texts", _TEXTS_SCHEMA, texts, _as_texts)
TEXT_MAP = Type("a mapping of texts to texts", _TEXT_MAP_SCHEMA, text_map, _as_text_map)
TEMPLATES = Type("a mapping of names to Jinja texts", {**_TEXT_MAP_SCHEMA, **_NAMED}, templates)
ALIASES = Type("a mapping of names to lists of template names", {**_ALIASES_SCHEMA, **_NAMED}, aliases)
SELECTORS = Type("a list of label selectors", {**_or_null("array"), "items": _SELECTOR_SCHEMA}, selectors)
REVISION = Type("a DNS label", _REVISION_SCHEMA, revision, _as_text)
REVISIONS = Type("a list of DNS labels", {**_or_null("array"), "items": _DNS_LABEL_SCHEMA}, revisions, _as_texts)
PROVIDERS = Type("a list of extension providers", {**_or_null("array"), "items": _PROVIDER_SCHEMA}, providers)
