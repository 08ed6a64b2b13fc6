"""The fields of a VirtualService: what can be honoured, and what cannot, with advice.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from injector.core.errors import Path
from injector.core.validation import (
    BOOLEAN,
    FILLED_STRING,
    STRING,
    Listed,
    Mapped,
    Message,
    Parsed,
    Scalar,
    Type,
    Unsupported,
    one_of,
)
from injector.gateway.fields import (
    CONDITION,
    COUNT,
    DURATION,
    EXPORT_TO,
    HEADER_NAME,
    HEADER_VALUE,
    HOST,
    LABELS,
    LENGTH,
    PATH,
    PERCENT,
    PERCENTAGE,
    PORT,
    PORT_NUMBER,
    STATUS,
    NoEffect,
    number_between,
)
from injector.gateway.hosts import is_host
from injector.gateway.regex import check_re2

REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
# https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
GRPC_STATUSES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED"
).split()
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
RETRY_CONDITIONS = (
    "5xx gateway-error reset reset-before-request connect-failure refused-stream retriable-4xx "
    "retriable-status-codes retriable-headers envoy-ratelimited http3-post-connect-failure cancelled "
    "deadline-exceeded internal resource-exhausted unavailable"
).split()
_STATUS = re.compile(r"[1-5]\d\d")
ANSWERS = ("route", "redirect", "directResponse", "delegate")
# What only a forwarded request has.
_OF_FORWARDING = ("rewrite", "timeout", "retries", "mirror", "mirrors", "fault")
# Istio keeps these names of headers for the fields of the same name.
_SPECIAL_HEADERS = ("uri", "scheme", "method", "authority")
_PSEUDO_HEADERS = (":authority", ":method", ":path", ":scheme")
# https://istio.io/latest/docs/tasks/security/authentication/jwt-route/
CLAIM_PREFIX = "@request.auth.claims"
_CLAIM = re.compile(rf"{re.escape(CLAIM_PREFIX)}((\.[^.\[\]]+)+|(\[[^\[\]]+\])+)")
# As a header's whole condition this is no regular expression but Istio's way to ask for presence.
_ANY_VALUE = "*"


def _one_way_to_answer(route: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """A route forwards, redirects, answers or delegates; what belongs to forwarding has no place in the others."""
    answers = [name for name in ANSWERS if route.get(name) not in (None, [])]
    for name in answers[1:]:
        yield (name,), f"cannot be set beside {answers[0]!r}; valid: one of {', '.join(ANSWERS)}"
    if answers[:1] in (["redirect"], ["directResponse"]):
        for name in _OF_FORWARDING:
            if name in route:
                yield (name,), f"has no effect beside {answers[0]!r}; valid: together with 'route'"


def _weights(route: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Several destinations share by weight, one at least with a weight above zero."""
    destinations = route.get("route") or []
    if len(destinations) > 1 and not sum(each.get("weight") or 0 for each in destinations):
        yield ("route",), "has several destinations of weight 0; valid: weights of which one at least is above 0"


def _redirect_target(redirect: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """A redirect changes something, or the client would come back for ever."""
    if not any(name in redirect for name in ("uri", "authority", "scheme", "port")):
        yield (), "leads nowhere; valid: one at least of uri, authority, scheme, port"


def _match_conditions(match: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Conditions that Istio would ignore."""
    for field in ("headers", "withoutHeaders"):
        for name in match.get(field) or {}:
            if name in _SPECIAL_HEADERS:
                yield (field, name), f"is not a header; valid: the field {name!r} of the match"
    if match.get("ignoreUriCase") and "regex" in (match.get("uri") or {}):
        yield ("ignoreUriCase",), "has no effect on a regex; valid: (?i) at its beginning"


def _header_names(operations: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The host of a request is no header that could be added or removed."""
    named = [("add", name, name) for name in operations.get("add") or ()]
    named += [("remove", index, name) for index, name in enumerate(operations.get("remove") or ())]
    for field, step, name in named:
        if name.lower() == "host":
            yield (field, step), "cannot be added or removed; valid: 'set', or rewrite.authority"


def _check_retry_conditions(text: str) -> None:
    for condition in filter(None, map(str.strip, text.split(","))):
        if condition not in RETRY_CONDITIONS and not _STATUS.fullmatch(condition):
            raise ValueError(f"a list of statuses and of {', '.join(RETRY_CONDITIONS)}")


def _check_value(text: str) -> None:
    if text and text != _ANY_VALUE:
        check_re2(text)


def _check_bytes(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("bytes in base64") from None


def _check_regex_replacement(text: str) -> None:
    r"""Raises ValueError where RE2 does not take the replacement: a backslash stands before a digit or another one."""
    if re.fullmatch(r"(?:[^\\]|\\[\\0-9])*", text) is None:
        raise ValueError(r"text with \0 to \9 for captured groups and \\ for a backslash")


_HEADER_OPERATIONS = Message(
    {"set": Mapped(HEADER_VALUE, HEADER_NAME), "add": Mapped(HEADER_VALUE, HEADER_NAME), "remove": Listed(HEADER_NAME)},
    rules=(_header_names,),
)
_HEADERS = Message({"request": _HEADER_OPERATIONS, "response": _HEADER_OPERATIONS})

_CONDITIONS: Mapping[str, Type] = {"exact": STRING, "prefix": STRING, "regex": Parsed(_check_value)}
CONDITION_OR_PRESENCE = Message(_CONDITIONS, choices=(tuple(_CONDITIONS),))
_MATCHED_HEADER = Scalar(
    f"the name of a header, or {CLAIM_PREFIX} with a claim",
    lambda value: (
        HEADER_NAME.accepts(value)
        or value in _PSEUDO_HEADERS
        or (isinstance(value, str) and bool(_CLAIM.fullmatch(value)))
    ),
)
# Where a match counts: names of Gateways, and what is known of callers inside a mesh.
_SCOPE: Mapping[str, Type] = {
    "gateways": Listed(FILLED_STRING),
    "port": PORT,
    "sourceLabels": LABELS,
    "sourceNamespace": STRING,
}
_MATCH = Message(
    {
        "name": FILLED_STRING,
        "uri": CONDITION,
        "ignoreUriCase": BOOLEAN,
        "scheme": CONDITION,
        "method": CONDITION,
        "authority": CONDITION,
        "headers": Mapped(CONDITION_OR_PRESENCE, _MATCHED_HEADER),
        "withoutHeaders": Mapped(CONDITION_OR_PRESENCE, _MATCHED_HEADER),
        "queryParams": Mapped(CONDITION_OR_PRESENCE, FILLED_STRING),
        **_SCOPE,
        "statPrefix": STRING,
    },
    rules=(_match_conditions,),
)

_DESTINATION = Message({"host": HOST, "port": PORT_NUMBER, "subset": FILLED_STRING}, required=("host",))
_WEIGHTED = Message({"destination": _DESTINATION, "weight": COUNT, "headers": _HEADERS}, required=("destination",))
_MIRROR = Message({"destination": _DESTINATION, "percentage": PERCENTAGE}, required=("destination",))

_REDIRECT = Message(
    {
        "uri": PATH,
        "authority": FILLED_STRING,
        "scheme": one_of("http", "https"),
        "port": PORT,
        "derivePort": one_of("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
        "redirectCode": Scalar(f"one of {', '.join(map(str, REDIRECT_CODES))}", lambda value: value in REDIRECT_CODES),
    },
    choices=(("port", "derivePort"),),
    rules=(_redirect_target,),
)
_DIRECT_RESPONSE = Message(
    {
        "status": STATUS,
        "body": Message({"string": STRING, "bytes": Parsed(_check_bytes)}, choices=(("string", "bytes"),)),
    },
    required=("status",),
)
_REWRITE = Message(
    {
        "uri": PATH,
        "authority": FILLED_STRING,
        "uriRegexRewrite": Message(
            {"match": Parsed(check_re2), "rewrite": Parsed(_check_regex_replacement)}, required=("match", "rewrite")
        ),
    },
    choices=(("uri", "uriRegexRewrite"),),
)
_RETRIES = Message(
    {
        "attempts": COUNT,
        "perTryTimeout": DURATION,
        "retryOn": Parsed(_check_retry_conditions),
        "backoff": LENGTH,
        "retryIgnorePreviousHosts": BOOLEAN,
        "retryRemoteLocalities": NoEffect("a configuration without a control plane knows no localities"),
    }
)
_CORS = Message(
    {
        "allowOrigins": Listed(CONDITION),
        "allowOrigin": Listed(FILLED_STRING),
        "allowMethods": Listed(FILLED_STRING),
        "allowHeaders": Listed(HEADER_NAME),
        "exposeHeaders": Listed(HEADER_NAME),
        "maxAge": DURATION,
        "allowCredentials": BOOLEAN,
        "unmatchedPreflights": one_of("UNSPECIFIED", "FORWARD", "IGNORE"),
    }
)
_GRPC_STATUS = Scalar(
    "a gRPC status such as UNAVAILABLE, or its number (0 to 16)",
    lambda value: (
        value in GRPC_STATUSES
        or (isinstance(value, str) and value.isascii() and value.isdigit() and int(value[:4]) < len(GRPC_STATUSES))
    ),
)
_FAULT = Message(
    {
        "delay": Message(
            {
                "fixedDelay": LENGTH,
                "percentage": PERCENTAGE,
                "percent": Scalar("an integer from 0 to 100", number_between(0, 100)),
                "exponentialDelay": Unsupported("write fixedDelay"),
            },
            required=("fixedDelay",),
            choices=(("percentage", "percent"),),
        ),
        "abort": Message(
            {
                "httpStatus": STATUS,
                "grpcStatus": _GRPC_STATUS,
                "percentage": PERCENTAGE,
                "http2Error": Unsupported("write httpStatus or grpcStatus"),
            },
            choices=(("httpStatus", "grpcStatus"),),
        ),
    }
)

HTTP_ROUTE = Message(
    {
        "name": FILLED_STRING,
        "match": Listed(_MATCH),
        "route": Listed(_WEIGHTED),
        "redirect": _REDIRECT,
        "directResponse": _DIRECT_RESPONSE,
        "delegate": Message({"name": FILLED_STRING, "namespace": FILLED_STRING}, required=("name",)),
        "rewrite": _REWRITE,
        "timeout": DURATION,
        "retries": _RETRIES,
        "headers": _HEADERS,
        "mirror": _DESTINATION,
        "mirrorPercentage": PERCENTAGE,
        "mirrorPercent": PERCENT,
        "mirrors": Listed(_MIRROR),
        "corsPolicy": _CORS,
        "fault": _FAULT,
    },
    choices=(("mirror", "mirrors"), ("mirrorPercentage", "mirrorPercent")),
    rules=(_one_way_to_answer, _weights),
    # The one name that the resource definition has in two spellings.
    spelling=lambda name: "mirrorPercent" if name == "mirror_percent" else name,
)

_SUBNETS = "a gateway's clients connect to the gateway itself"
_CONNECTION = {**_SCOPE, "destinationSubnets": NoEffect(_SUBNETS)}
_SNI_HOST = Scalar("a host name, *.host name or *", is_host)
_FORWARDED = Message({"destination": _DESTINATION, "weight": COUNT}, required=("destination",))
_TLS_ROUTE = Message(
    {
        "match": Listed(
            Message({**_CONNECTION, "sniHosts": Listed(_SNI_HOST, filled=True)}, required=("sniHosts",)), filled=True
        ),
        "route": Listed(_FORWARDED, filled=True),
    },
    required=("match", "route"),
    rules=(_weights,),
)
_TCP_ROUTE = Message(
    {
        "match": Listed(Message({**_CONNECTION, "sourceSubnet": NoEffect("write an AuthorizationPolicy")})),
        "route": Listed(_FORWARDED, filled=True),
    },
    required=("route",),
    rules=(_weights,),
)

VIRTUAL_SERVICE = Message(
    {
        "hosts": Listed(Scalar("a host name, *.host name, * or an address", is_host)),
        "gateways": Listed(FILLED_STRING),
        "http": Listed(HTTP_ROUTE),
        "tls": Listed(_TLS_ROUTE),
        "tcp": Listed(_TCP_ROUTE),
        "exportTo": EXPORT_TO,
    }
)
