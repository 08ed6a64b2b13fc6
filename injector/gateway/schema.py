"""The fields of a Gateway that can be expressed, and those of Istio that cannot, with advice.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from injector.core.duration import nanoseconds
from injector.core.validation import Listed, Mapped, Message, Parsed, Scalar, Type, Unsupported
from injector.gateway.fields import check_re2
from injector.gateway.rules import (
    check_retry_conditions,
    header_names,
    match_conditions,
    one_way_to_answer,
    redirect_target,
    server_security,
    something_to_match,
    weights,
)
from injector.gateway.servers import is_destination, is_host, is_server_host

# Kinds of values that fields of Gateway and VirtualService hold.

# https://www.rfc-editor.org/rfc/rfc9110#section-5.1: a field name is a token.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
_HEADER_VALUE = re.compile(r"(?:[^%\r\n\0]|%%|%[A-Z0-9_]+(?:\([^()%]*\))?(?::\d+)?%)*")
_LARGEST_COUNT = 2**31 - 1


def is_text(value: Any) -> bool:
    """Whether it is text that is not empty."""
    return isinstance(value, str) and bool(value)


def number_between(low: int, high: int) -> Callable[[Any], bool]:
    """What accepts whole numbers from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


def words(*names: str) -> Scalar:
    """One of `names`, exactly so."""
    return Scalar(f"one of {', '.join(names)}", lambda value: value in names)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


def _is_percentage(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 100  # noqa: PLR2004 -- a hundred per hundred


def _is_duration_of_a_millisecond(value: Any) -> bool:
    return _is_duration(value) and nanoseconds(value) >= 10**6


def _is_duration(value: Any) -> bool:
    try:
        return isinstance(value, str) and nanoseconds(value) >= 0
    except ValueError:
        return False


TEXT = Scalar("text that is not empty", is_text)
ANY_TEXT = Scalar("text", lambda value: isinstance(value, str))
FLAG = Scalar("true or false", lambda value: isinstance(value, bool))
PATH = Scalar("a path that begins with '/'", _is_path)
PORT = Scalar("a port number (1 to 65535)", number_between(1, 65535))
COUNT = Scalar("a number from 0 on", number_between(0, _LARGEST_COUNT))
STATUS = Scalar("an HTTP status (200 to 599)", number_between(200, 599))
DURATION = Scalar("a duration such as 10s or 1m30s, 0s for none", _is_duration)
LENGTH = Scalar("a duration of at least 1ms such as 500ms or 10s", _is_duration_of_a_millisecond)
PERCENTAGE = Message({"value": Scalar("a percentage (0.0 to 100.0)", _is_percentage)}, required=("value",))
HEADER_NAME = Scalar("the name of a header", lambda value: isinstance(value, str) and bool(_HEADER.fullmatch(value)))
ADDED = Scalar(
    "the text of a header, where a percent sign is written as %% outside of Envoy's %COMMANDS%",
    lambda value: isinstance(value, str) and bool(_HEADER_VALUE.fullmatch(value)),
)

_STRING_MATCH: Mapping[str, Type] = {"exact": ANY_TEXT, "prefix": TEXT, "regex": Parsed(check_re2)}
_ONE_MATCH = (tuple(_STRING_MATCH),)
CONDITION = Message(_STRING_MATCH, choices=_ONE_MATCH, rules=(something_to_match,))
CONDITION_OR_PRESENCE = Message(_STRING_MATCH, choices=_ONE_MATCH)


# What the gateway's pod listens on itself.
RESERVED_PORTS = (15000, 15021, 15090)
PROTOCOLS = ("HTTP", "HTTP2", "GRPC", "HTTPS")
TLS_VERSIONS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SECRET_NAME = Scalar("the name of a Secret", lambda value: isinstance(value, str) and bool(_NAME.fullmatch(value)))
_SERVER_HOST = Scalar("a host such as example.com, *.example.com, *, or namespace/host", is_server_host)
_SERVER_PORT = Scalar(
    f"a port number (1 to 65535), not one of the gateway's own: {', '.join(map(str, RESERVED_PORTS))}",
    lambda value: number_between(1, 65535)(value) and value not in RESERVED_PORTS,
)
_PROTOCOL = Scalar(
    f"one of {', '.join(PROTOCOLS)}", lambda value: isinstance(value, str) and value.upper() in PROTOCOLS
)

SERVER = Message(
    {
        "name": TEXT,
        "port": Message(
            {
                "number": _SERVER_PORT,
                "name": TEXT,
                "protocol": _PROTOCOL,
                "targetPort": Unsupported("map ports in the gateway's Service"),
            },
            required=("number", "protocol"),
        ),
        "hosts": Listed(_SERVER_HOST, filled=True),
        "tls": Message(
            {
                "httpsRedirect": FLAG,
                "mode": Scalar("SIMPLE", lambda value: value == "SIMPLE"),
                "credentialName": _SECRET_NAME,
                "serverCertificate": PATH,
                "privateKey": PATH,
                "minProtocolVersion": words(*TLS_VERSIONS),
                "maxProtocolVersion": words(*TLS_VERSIONS),
            }
        ),
        "bind": Unsupported("a gateway listens on all addresses of its pod"),
        "defaultEndpoint": Unsupported("write a VirtualService"),
    },
    required=("port", "hosts"),
    rules=(server_security,),
)

GATEWAY = Message({"selector": Mapped(ANY_TEXT, TEXT), "servers": Listed(SERVER, filled=True)}, required=("servers",))


# The fields of a VirtualService that can be expressed, and those of Istio that cannot, with advice. Source:
# https://istio.io/latest/docs/reference/config/networking/virtual-service/.

_REDIRECT_CODES = (301, 302, 303, 307, 308)

_AT_A_GATEWAY = "it is about callers inside the mesh, and a gateway's are outside"
_HEADER_OPERATIONS = Message(
    {"set": Mapped(ADDED, HEADER_NAME), "add": Mapped(ADDED, HEADER_NAME), "remove": Listed(HEADER_NAME)},
    rules=(header_names,),
)
_HEADERS = Message({"request": _HEADER_OPERATIONS, "response": _HEADER_OPERATIONS})

_MATCH = Message(
    {
        "name": TEXT,
        "uri": CONDITION,
        "ignoreUriCase": FLAG,
        "scheme": CONDITION,
        "method": CONDITION,
        "authority": CONDITION,
        "headers": Mapped(CONDITION_OR_PRESENCE, HEADER_NAME),
        "withoutHeaders": Mapped(CONDITION_OR_PRESENCE, HEADER_NAME),
        "queryParams": Mapped(CONDITION_OR_PRESENCE, TEXT),
        "port": PORT,
        "gateways": Listed(TEXT),
        "sourceLabels": Unsupported(_AT_A_GATEWAY),
        "sourceNamespace": Unsupported(_AT_A_GATEWAY),
        "statPrefix": Unsupported("statistics are kept by destination"),
    },
    rules=(match_conditions,),
)

_DESTINATION = Message(
    {
        "host": Scalar("the name or the address of a host", is_destination),
        "port": Message({"number": PORT}, required=("number",)),
        "subset": Unsupported("no DestinationRule is read; give each version a Service of its own"),
    },
    required=("host",),
)
_WEIGHTED = Message({"destination": _DESTINATION, "weight": COUNT, "headers": _HEADERS}, required=("destination",))
_MIRROR = Message({"destination": _DESTINATION, "percentage": PERCENTAGE}, required=("destination",))

_REDIRECT = Message(
    {
        "uri": PATH,
        "authority": TEXT,
        "scheme": words("http", "https"),
        "port": PORT,
        "redirectCode": Scalar(
            f"one of {', '.join(map(str, _REDIRECT_CODES))}", lambda value: value in _REDIRECT_CODES
        ),
        "derivePort": Unsupported("name the port in 'port', or leave it to be that of the request"),
    },
    rules=(redirect_target,),
)
_DIRECT_RESPONSE = Message(
    {"status": STATUS, "body": Message({"string": ANY_TEXT, "bytes": TEXT}, choices=(("string", "bytes"),))},
    required=("status",),
)
_REWRITE = Message(
    {
        "uri": PATH,
        "authority": TEXT,
        "uriRegexRewrite": Message({"match": Parsed(check_re2), "rewrite": ANY_TEXT}, required=("match", "rewrite")),
    },
    choices=(("uri", "uriRegexRewrite"),),
)
_RETRIES = Message(
    {
        "attempts": COUNT,
        "perTryTimeout": LENGTH,
        "retryOn": Parsed(check_retry_conditions),
        "backoff": LENGTH,
        "retryIgnorePreviousHosts": FLAG,
        "retryRemoteLocalities": Unsupported("a static configuration knows no localities"),
    },
    required=("attempts",),
)
_CORS = Message(
    {
        "allowOrigins": Listed(CONDITION, filled=True),
        "allowMethods": Listed(TEXT),
        "allowHeaders": Listed(HEADER_NAME),
        "exposeHeaders": Listed(HEADER_NAME),
        "maxAge": LENGTH,
        "allowCredentials": FLAG,
        "unmatchedPreflights": words("UNSPECIFIED", "FORWARD", "IGNORE"),
        "allowOrigin": Unsupported("write allowOrigins, a list such as [{exact: https://example.com}]"),
    }
)
_FAULT = Message(
    {
        "delay": Message(
            {
                "fixedDelay": LENGTH,
                "percentage": PERCENTAGE,
                "percent": Unsupported("write percentage: {value: …}"),
            },
            required=("fixedDelay",),
        ),
        "abort": Message(
            {
                "httpStatus": STATUS,
                "percentage": PERCENTAGE,
                "grpcStatus": Unsupported("write httpStatus"),
                "percent": Unsupported("write percentage: {value: …}"),
            },
            required=("httpStatus",),
        ),
    }
)

HTTP_ROUTE = Message(
    {
        "name": TEXT,
        "match": Listed(_MATCH),
        "route": Listed(_WEIGHTED),
        "redirect": _REDIRECT,
        "directResponse": _DIRECT_RESPONSE,
        "rewrite": _REWRITE,
        "timeout": DURATION,
        "retries": _RETRIES,
        "headers": _HEADERS,
        "mirror": _DESTINATION,
        "mirrorPercentage": PERCENTAGE,
        "mirrors": Listed(_MIRROR),
        "corsPolicy": _CORS,
        "fault": _FAULT,
        "delegate": Unsupported("write the routes of the delegate into this list"),
        "mirrorPercent": Unsupported("write mirrorPercentage: {value: …}"),
    },
    choices=(("mirror", "mirrors"),),
    rules=(one_way_to_answer, weights),
)

VIRTUAL_SERVICE = Message(
    {
        "hosts": Listed(Scalar("a host name, *.host name, * or an address", is_host), filled=True),
        "gateways": Listed(TEXT),
        "http": Listed(HTTP_ROUTE, filled=True),
        "exportTo": Listed(TEXT),
        "tls": Unsupported("a gateway terminates TLS (mode SIMPLE) and routes what is in it by http"),
        "tcp": Unsupported("a gateway forwards requests by http"),
    },
    required=("hosts", "http"),
)
