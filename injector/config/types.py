"""The types that keys of the configuration have, beyond those of every document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.core.denied import RESTRICTED
from injector.core.errors import Path
from injector.core.proxy_config.schema import PROXY_CONFIG
from injector.core.selection import OPERATORS, parse_selector
from injector.core.validation import (
    FILLED_STRING,
    STRING,
    STRINGS,
    Finding,
    JsonSchema,
    Listed,
    Mapped,
    Message,
    Parsed,
    Scalar,
    Type,
    one_of,
)
from injector.envoy import VALID, is_protocols, is_workload

PORT_PROTOCOLS = Scalar(VALID, lambda value: isinstance(value, str) and is_protocols(value), {"type": "string"})

# They stand in one variable of the proxy, which is at most 128 KiB long.
_MOST_PEERS = 1000
PEERS = Scalar(
    f"a list of at most {_MOST_PEERS} workloads, each NAMESPACE/NAME in lower-case letters, digits, '-' and '.'",
    lambda value: (
        isinstance(value, list)
        and len(value) <= _MOST_PEERS
        and all(isinstance(each, str) and is_workload(each) for each in value)
    ),
    {
        "type": "array",
        "items": {"type": "string", "pattern": "^[a-z0-9.-]+/[a-z0-9.-]+$"},
        "maxItems": _MOST_PEERS,
    },
)
_MOST_OTHER_PEERS = 1000
FEW = Scalar(
    f"an integer from 0 to {_MOST_OTHER_PEERS}",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_OTHER_PEERS,
    {"type": "integer", "minimum": 0, "maximum": _MOST_OTHER_PEERS},
)

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Longer ones are out of every range, and Python refuses to read the longest.
_DIGITS = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A type that is only checked: what is merged over other layers is read once it is whole."""

    kind: Type

    @property
    def expected(self) -> str:
        """That of the type."""
        return self.kind.expected

    @property
    def schema(self) -> JsonSchema:
        """That of the type."""
        return self.kind.schema

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The value as it is."""
        self.kind.read(value, path, findings)
        return value


def _is_string_or_number(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    quoted = isinstance(value, str) and _DIGITS.fullmatch(value)
    return bool(quoted) or (isinstance(value, int) and not isinstance(value, bool))


def _is_revision(value: Any) -> bool:
    return value == "" or _is_dns_label(value)


def _is_dns_label(value: Any) -> bool:
    return isinstance(value, str) and bool(DNS_LABEL.fullmatch(value))


def _selector(selector: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    try:
        parse_selector(selector)
    except ValueError as error:
        yield (), str(error)


STRING_MAP = Mapped(STRING, removable=True, items="strings to strings")
STRING_OR_NUMBER = Scalar("a string or a number", _is_string_or_number, {"type": ["string", "number"]})
STRING_OR_BOOLEAN = Scalar(
    "true or false, or a string", lambda value: isinstance(value, bool | str), {"type": ["boolean", "string"]}
)
INTEGER = Scalar("an integer", _is_integer, {"type": ["integer", "string"], "pattern": "^[0-9]+$"}, int)
TEMPLATES = Mapped(STRING, FILLED_STRING, removable=True, items="names to templates")
ALIASES = Mapped(STRINGS, FILLED_STRING, removable=True, items="names to lists of template names")

_EXPRESSION = Message(
    {"key": FILLED_STRING, "operator": one_of(*OPERATORS), "values": STRINGS}, required=("key", "operator")
)
SELECTOR = Message(
    {"matchLabels": Mapped(STRING, items="strings to strings"), "matchExpressions": Listed(_EXPRESSION)},
    rules=(_selector,),
    noun="a label selector",
)
SELECTORS = Listed(SELECTOR, items="label selectors")


def _denial(rule: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not rule.get("annotations") and not rule.get("preset"):
        yield (), f"needs annotations, a list of globs, or preset: {RESTRICTED}"
    if rule.get("values") and not rule.get("annotations"):
        yield ("values",), "belongs to annotations, a list of globs, which is missing"


DENIALS = Listed(
    Message(
        {
            "annotations": STRINGS,
            "values": STRINGS,
            "preset": one_of(RESTRICTED),
            "namespaceSelector": SELECTOR,
            "message": STRING,
        },
        choices=(("annotations", "preset"),),
        rules=(_denial,),
        noun="a rule with annotations or preset",
    ),
    items="rules",
)

_DNS_LABEL_WORDS = "a DNS label (lower-case letters, digits and '-', at most 63)"
# A revision becomes part of the names of Kubernetes objects; without one it is the default.
REVISION = Scalar(_DNS_LABEL_WORDS, _is_revision, {"type": "string", "pattern": f"^({DNS_LABEL.pattern})?$"})
REVISIONS = Listed(
    Scalar(_DNS_LABEL_WORDS, _is_dns_label, {"type": "string", "pattern": f"^{DNS_LABEL.pattern}$"}),
    items="DNS labels",
)
# They are merged by their names (reference 3.3).
PROVIDERS = Listed(
    Message({"name": FILLED_STRING}, required=("name",), is_open=True, is_layer=True, noun="a mapping with a name"),
    items="extension providers",
)
PROXY_CONFIG_LAYER = replace(
    PROXY_CONFIG, fields={name: Unchanged(kind) for name, kind in PROXY_CONFIG.fields.items()}, is_layer=True
)


def from_flag(kind: Type, value: Any) -> Any:
    """What `--set` reads, where numbers and booleans are told by their look, as `kind` wants it: `1` may be text."""
    match kind, value:
        case Unchanged(), _:
            return from_flag(kind.kind, value)
        case Message(), dict():
            return {
                name: from_flag(kind.fields[name], each) if name in kind.fields else each
                for name, each in value.items()
            }
        case Mapped(), dict():
            return {name: from_flag(kind.value, each) for name, each in value.items()}
        case Listed(), list():
            return [from_flag(kind.item, each) for each in value]
        case ((Scalar() | Parsed()), (bool() | int())) if kind.schema.get("type") == "string" or "enum" in kind.schema:
            return str(value).lower()
    return value
