"""ProxyConfig documents: read into their canonical form, with all faults at once, and written as PROXY_CONFIG."""

from collections.abc import Iterable
from typing import Any

import orjson

from injector.core.errors import Fault, InjectorError, format_path
from injector.core.model import JsonObject
from injector.core.proxy_config.schema import BUILT_IN_DEFAULTS, DOUBLE, DURATION, PROXY_CONFIG, Enum, Wrapped
from injector.core.validation import STRING, Finding, Listed, Mapped, Message, Type, read
from injector.core.yaml import reader
from injector.core.yaml.bounds import ANNOTATION
from injector.core.yaml.nodes import YamlError


class ProxyConfigError(InjectorError, ValueError):
    """A document that is no ProxyConfig; `findings` says at which of its fields."""

    def __init__(self, findings: Iterable[Finding], problem: str = "") -> None:
        """Take what is wrong with fields, or the `problem` that keeps the document from having any."""
        self.findings = tuple(findings)
        super().__init__(*([problem] if problem else ()), *(_fault(finding) for finding in self.findings))

    def __str__(self) -> str:
        """All faults on one line, as a status message has them."""
        return "; ".join(map(str, self.faults))


def _fault(finding: Finding) -> Fault:
    return Fault("", None, format_path(finding.path), finding.message)


def parse_text(text: str) -> JsonObject:
    """Read the YAML of a `proxy.istio.io/config` annotation. Raises ProxyConfigError."""
    try:
        document = reader.read(text, ANNOTATION)
    except YamlError as error:
        raise ProxyConfigError((), str(error)) from error
    return parse({} if document is None else document)


def parse(document: object) -> JsonObject:
    """The canonical form of `document`: camelCase or snake_case names, Go durations, quoted numbers, enum numbers.

    Null counts as absent, unknown fields are left out. Raises ProxyConfigError with every field that is wrong.
    """
    parsed, findings = read(PROXY_CONFIG, document)
    if findings:
        raise ProxyConfigError(findings)
    result: JsonObject = parsed
    return result


# The text of env PROXY_CONFIG: what differs from the built-in defaults, as compact Protobuf JSON (reference 3.5).

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


def _is_unset(kind: Type, value: Any) -> bool:
    if isinstance(kind, Enum):
        return bool(value == kind.names[0])
    if isinstance(kind, Wrapped | Message) or kind is DURATION:
        return False
    return not value


def _written(kind: Type, value: Any) -> Any:
    if kind is DOUBLE and float(value).is_integer():
        return int(value)
    match kind:
        case Message():
            return _ordered(kind, value)
        case Listed(item):
            return [_written(item, each) for each in value]
        case Mapped(item) if item is STRING:
            return dict(sorted(value.items()))
        case Mapped(item):
            return {key: _written(item, value[key]) for key in sorted(value)}
    return value
