"""The types that keys of the configuration have: how each is called, described and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from injector.config.checks import (
    DNS_LABEL,
    Findings,
    aliases,
    checked,
    providers,
    revision,
    revisions,
    selectors,
    templates,
    text_map,
    texts,
)
from injector.core.model import JsonObject


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
