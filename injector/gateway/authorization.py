"""AuthorizationPolicy: who may do what at the gateway. Its fields, and which policies are about the gateway's pods.

Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.core.validation import FILLED_STRING, Listed, Message, Parsed, Unsupported
from injector.gateway.documents import Resources, validated
from injector.gateway.fields import SCOPE_OF_POLICY, Choice
from injector.gateway.model import Report
from injector.gateway.workload import GatewayPods, policies_about

ALLOW, DENY, AUDIT = "ALLOW", "DENY", "AUDIT"
_ACTION = Choice((ALLOW, DENY, AUDIT), {"CUSTOM": "needs an external authorizer, of which nothing is known here"})
_DRY_RUN = "istio.io/dry-run"
# Keys of conditions that stand alone, and those with a name in brackets, which may be nested in claims.
KEYS = (
    "source.ip remote.ip source.namespace source.principal source.serviceAccount request.auth.principal "
    "request.auth.audiences request.auth.presenter destination.ip destination.port connection.sni"
).split()
KEY_WITH_NAME = re.compile(r"(?P<key>request\.headers|request\.auth\.claims)(?P<names>(\[[^\[\]]+\])+)")
_ADDRESSES = ("source.ip", "remote.ip", "destination.ip")
_LARGEST_PORT = 65535


def _check_block(text: str) -> None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError("an IP address or a CIDR range") from None


def _check_port(text: str) -> None:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= _LARGEST_PORT):
        raise ValueError('a port in quotes, such as "8080"')


def _check_path(path: str) -> None:
    if re.search(r"[{}]", re.sub(r"\{\*{1,2}\}", "", path)) or "{**}" in path[:-4] or ("{" in path and path[0] != "/"):
        raise ValueError("a path, where {*} stands for one segment and {**} at the end for any")


def _check_key(key: str) -> None:
    if key not in KEYS and KEY_WITH_NAME.fullmatch(key) is None:
        raise ValueError(f"one of {', '.join(KEYS)}, request.headers[NAME], request.auth.claims[NAME]")


def _says_something(message: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not any(message.values()):
        yield (), "says nothing; valid: one field at least"


def _has_values(condition: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    fields = {name: condition[name] for name in ("values", "notValues") if condition.get(name)}
    if not fields:
        yield ("values",), "is missing; valid: values or notValues, with one at least"
    if condition["key"] in _ADDRESSES:
        check = _check_block
    elif condition["key"] == "destination.port":
        check = _check_port
    else:
        return
    for name, values in fields.items():
        for index, value in enumerate(values):
            try:
                check(value)
            except ValueError as error:
                yield (name, index), f"must be {error}, got {value!r}"


def _either(name: str, item: Any) -> dict[str, Listed]:
    """A list of values, and the list of those that must not be."""
    return {name: Listed(item), f"not{name[0].upper()}{name[1:]}": Listed(item)}


_TEXT, _BLOCK = FILLED_STRING, Parsed(_check_block)
_SOURCE = Message(
    {
        **_either("principals", _TEXT),
        **_either("requestPrincipals", _TEXT),
        **_either("namespaces", _TEXT),
        **_either("serviceAccounts", _TEXT),
        **_either("ipBlocks", _BLOCK),
        **_either("remoteIpBlocks", _BLOCK),
    },
    rules=(_says_something,),
)
_OPERATION = Message(
    {
        **_either("hosts", _TEXT),
        **_either("ports", Parsed(_check_port)),
        **_either("methods", _TEXT),
        **_either("paths", Parsed(_check_path)),
    },
    rules=(_says_something,),
)
_CONDITION = Message({"key": Parsed(_check_key), **_either("values", _TEXT)}, required=("key",), rules=(_has_values,))
_RULE = Message(
    {
        "from": Listed(Message({"source": _SOURCE}, required=("source",)), filled=True),
        "to": Listed(Message({"operation": _OPERATION}, required=("operation",)), filled=True),
        "when": Listed(_CONDITION),
    }
)
AUTHORIZATION_POLICY = Message(
    {
        **SCOPE_OF_POLICY,
        "action": _ACTION,
        "rules": Listed(_RULE),
        "provider": Unsupported("only action CUSTOM has one"),
    }
)


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy that is about the gateway; `is_tried` where it is only to be counted what it would do."""

    name: str
    namespace: str
    action: str
    rules: tuple[JsonObject, ...]
    is_tried: bool


def authorization_policies(resources: Resources, pods: GatewayPods, report: Report) -> list[Policy]:
    """Every AuthorizationPolicy that is about the gateway's pods, in the order of the documents."""
    found = []
    for raw in policies_about(pods, resources.of("AuthorizationPolicy"), report):
        policy = validated(raw, AUTHORIZATION_POLICY, report)
        if policy:
            found.append(
                Policy(
                    name=policy.name,
                    namespace=policy.namespace,
                    action=policy.body.get("action", ALLOW),
                    rules=tuple(policy.body.get("rules") or ()),
                    is_tried=policy.annotations.get(_DRY_RUN) == "true",
                )
            )
    return found
