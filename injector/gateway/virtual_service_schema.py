"""The fields of a VirtualService that can be expressed, and those of Istio that cannot, with advice.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/.
"""

from injector.gateway.fields import Listed, Mapped, Message, Parsed, Scalar, Unsupported
from injector.gateway.hosts import is_destination, is_host
from injector.gateway.regex import check_re2
from injector.gateway.rules import (
    check_retry_conditions,
    header_names,
    match_conditions,
    one_way_to_answer,
    redirect_target,
    weights,
)
from injector.gateway.scalars import (
    ADDED,
    ANY_TEXT,
    CONDITION,
    CONDITION_OR_PRESENCE,
    COUNT,
    DURATION,
    FLAG,
    HEADER_NAME,
    LENGTH,
    PATH,
    PERCENTAGE,
    PORT,
    STATUS,
    TEXT,
    words,
)

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
