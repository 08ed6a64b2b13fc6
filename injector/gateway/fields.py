"""Types of fields that several of Istio's resources have, beside those of `core.validation`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.core.duration import nanoseconds
from injector.core.errors import Path
from injector.core.validation import (
    FILLED_STRING,
    STRING,
    Finding,
    JsonSchema,
    Listed,
    Mapped,
    Message,
    Parsed,
    Scalar,
    Type,
    Unsupported,
    wrong,
)
from injector.gateway.hosts import is_destination, is_export
from injector.gateway.regex import check_re2

# https://www.rfc-editor.org/rfc/rfc9110#section-5.1: a field name is a token.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
_HEADER_VALUE = re.compile(r"(?:[^%\r\n\0]|%%|%[A-Z0-9_]+(?:\([^()%]*\))?(?::\d+)?%)*")
_LARGEST_COUNT = 2**31 - 1
_MILLISECOND = 10**6


@dataclass(frozen=True, slots=True)
class NoEffect:
    """A field that is valid and does nothing at a gateway; `reason` says why. Whatever it holds is let pass."""

    reason: str
    expected: str = "anything"
    schema: JsonSchema = field(default_factory=dict)

    def read(self, value: Any, _path: Path, _findings: list[Finding]) -> Any:
        """The value, never with a finding: `without_effect` names the fields."""
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `names`; of words that Istio has beside them, `refused` has the reason why they cannot be honoured."""

    names: tuple[str, ...]
    refused: Mapping[str, str]

    @property
    def expected(self) -> str:
        """The valid names."""
        return f"one of {', '.join(self.names)}"

    @property
    def schema(self) -> JsonSchema:
        """An enumeration."""
        return {"enum": list(self.names)}

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """At most one finding, with the reason where there is one."""
        if value not in self.names:
            reason = self.refused.get(value) if isinstance(value, str) else None
            findings.append(
                Finding(path, wrong(f"{self.expected} ({value} {reason})" if reason else self.expected, value))
            )
        return value


def without_effect(kind: Type, value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every field of a valid document that does nothing, with the reason."""
    match kind, value:
        case NoEffect(), _:
            yield path, f"has no effect: {kind.reason}"
        case Message(), dict():
            for name, item in value.items():
                if name in kind.fields:
                    yield from without_effect(kind.fields[name], item, (*path, name))
        case Listed(), list():
            for index, item in enumerate(value):
                yield from without_effect(kind.item, item, (*path, index))
        case Mapped(), dict():
            for name, item in value.items():
                yield from without_effect(kind.value, item, (*path, name))


def exceptions(kind: Type, path: str) -> Iterator[tuple[str, str, str]]:
    """Every field below `path`, or value of one, that cannot be honoured: its path, what becomes of it, and why."""
    match kind:
        case NoEffect():
            yield path, "no effect", kind.reason
        case Unsupported():
            yield path, "refused", kind.advice
        case Choice():
            yield from ((f"{path}: {name}", "refused", reason) for name, reason in kind.refused.items())
        case Message():
            for name, item in kind.fields.items():
                yield from exceptions(item, f"{path}.{name}")
        case Listed():
            yield from exceptions(kind.item, f"{path}[]")
        case Mapped():
            yield from exceptions(kind.value, path)


def number_between(low: int, high: int) -> Callable[[Any], bool]:
    """A check for integers from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


def matching(expected: str, pattern: re.Pattern[str]) -> Scalar:
    """A string that matches `pattern` as a whole."""
    return Scalar(expected, lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)))


def _is_duration(value: Any, least: int = 0) -> bool:
    try:
        return isinstance(value, str) and nanoseconds(value) >= least
    except ValueError:
        return False


def _is_percentage(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 100  # noqa: PLR2004 -- a hundred per hundred


def _something_to_match(match: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not match:
        yield (), "matches nothing; valid: one of exact, prefix, regex"


PATH = Scalar("a path that begins with '/'", lambda value: isinstance(value, str) and value.startswith("/"))
PORT = Scalar("a port number (1 to 65535)", number_between(1, 65535))
PORT_NUMBER = Message({"number": PORT}, required=("number",))
COUNT = Scalar("an integer from 0 on", number_between(0, _LARGEST_COUNT))
STATUS = Scalar("an HTTP status (200 to 599)", number_between(200, 599))
DURATION = Scalar("a duration such as 10s or 1m30s, 0s for none", _is_duration)
LENGTH = Scalar("a duration of at least 1ms such as 500ms or 10s", lambda value: _is_duration(value, _MILLISECOND))
PERCENT = Scalar("a percentage (0 to 100)", _is_percentage)
PERCENTAGE = Message({"value": PERCENT}, noun="a mapping with the key value")
HOST = Scalar("the name or the address of a host", is_destination)
EXPORT_TO = Listed(Scalar("a namespace, '.', '*' or '~'", is_export))
LABELS = Mapped(STRING, FILLED_STRING, items="labels")
HEADER_NAME = matching("the name of a header", _HEADER)
HEADER_VALUE = matching(
    "the value of a header, where a percent sign is written as %% outside of Envoy's %COMMANDS%", _HEADER_VALUE
)

_STRING_MATCH: Mapping[str, Type] = {"exact": STRING, "prefix": STRING, "regex": Parsed(check_re2)}
_ONE_MATCH = (tuple(_STRING_MATCH),)
CONDITION = Message(
    _STRING_MATCH, choices=_ONE_MATCH, rules=(_something_to_match,), noun="a mapping with one of exact, prefix, regex"
)

_TARGET = Message(
    {"group": STRING, "kind": FILLED_STRING, "name": FILLED_STRING, "namespace": FILLED_STRING},
    required=("kind", "name"),
)
# What a policy of security.istio.io is about.
SCOPE_OF_POLICY: Mapping[str, Type] = {
    "selector": Message({"matchLabels": LABELS}),
    "targetRef": _TARGET,
    "targetRefs": Listed(_TARGET),
}
