"""The text of env PROXY_CONFIG: what differs from the built-in defaults, as compact Protobuf JSON (reference 3.5)."""

from typing import Any

import orjson

from injector.core.model import JsonObject
from injector.core.proxy_config.schema import (
    BUILT_IN_DEFAULTS,
    DURATION,
    PROXY_CONFIG,
    Enum,
    FieldType,
    Listed,
    Mapped,
    Message,
    Wrapped,
)

# Go's JSON writer escapes what would be unsafe inside HTML.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def to_text(proxy_config: JsonObject) -> str:
    """A canonical ProxyConfig as the value of PROXY_CONFIG, a line feed at its end."""
    kept = {name: value for name, value in proxy_config.items() if BUILT_IN_DEFAULTS.get(name) != value}
    text = orjson.dumps(_ordered(PROXY_CONFIG, kept)).decode()
    for character, escape in _ESCAPES.items():
        if character in text:
            text = text.replace(character, escape)
    return f"{text}\n"


def _ordered(message: Message, document: JsonObject) -> JsonObject:
    chosen = {name for choice in message.choices for name in choice}
    return {
        name: _written(kind, document[name])
        for name, kind in message.fields.items()
        if name in document and (name in chosen or not _is_unset(kind, document[name]))
    }


def _is_unset(kind: FieldType, value: Any) -> bool:
    if isinstance(kind, Enum):
        return bool(value == kind.names[0])
    if isinstance(kind, (Wrapped, Message)) or kind == DURATION:
        return False
    return not value


def _written(kind: FieldType, value: Any) -> Any:
    match kind:
        case Message():
            return _ordered(kind, value)
        case Listed(item):
            return [_written(item, each) for each in value]
        case Mapped(item):
            return {key: _written(item, value[key]) for key in sorted(value)}
        case "double" if float(value).is_integer():
            return int(value)
    return value
