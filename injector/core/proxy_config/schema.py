"""The fields of ProxyConfig and of the messages below it, in the order in which they are written (reference 3.5).

The types are those of Protobuf's JSON: numbers may be quoted, enums may be numbers. A `Wrapped` scalar is set even
where it is zero; a plain one at zero is the same as absent.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.core.duration import canonical_duration
from injector.core.errors import Path
from injector.core.validation import (
    BOOLEAN,
    STRING,
    STRING_MAP,
    STRINGS,
    Finding,
    JsonSchema,
    Listed,
    Mapped,
    Message,
    Parsed,
    Scalar,
    Type,
    wrong,
)

_UNDERSCORED = re.compile(r"_([a-z0-9])")
# Longer ones are out of every range, and Python refuses to read the longest.
_QUOTED_INTEGER = re.compile(r"-?[0-9]{1,20}")


def camel_case(name: str) -> str:
    """The lowerCamelCase form of a snake_case field name, which Protobuf's JSON takes as well; others as they are."""
    return _UNDERSCORED.sub(lambda match: match[1].upper(), name) if "_" in name else name


@dataclass(frozen=True, slots=True)
class Enum:
    """Names in the order of their numbers; the first is the zero value."""

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        """All names."""
        return f"one of {', '.join(self.names)}"

    @property
    def schema(self) -> JsonSchema:
        """The names, or their numbers."""
        return {"enum": [*self.names, *range(len(self.names))]}

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The name."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.names):
            return self.names[value]
        if value not in self.names:
            findings.append(Finding(path, wrong(self.expected, value)))
        return value


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A scalar that is set even where it is zero."""

    scalar: Type

    @property
    def expected(self) -> str:
        """That of the scalar."""
        return self.scalar.expected

    @property
    def schema(self) -> JsonSchema:
        """That of the scalar."""
        return self.scalar.schema

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The scalar."""
        return self.scalar.read(value, path, findings)


def _number(value: Any) -> Any:
    """The integer that a quoted number or a float stands for; anything else as it is."""
    if isinstance(value, str) and _QUOTED_INTEGER.fullmatch(value):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _integer(smallest: int, largest: int) -> Scalar:
    def accepts(value: Any) -> bool:
        number = _number(value)
        return isinstance(number, int) and not isinstance(number, bool) and smallest <= number <= largest

    schema = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": smallest, "maximum": largest}
    return Scalar(f"an integer from {smallest} to {largest}", accepts, schema, _number)


def _is_double(value: Any) -> bool:
    try:
        return isinstance(value, int | float | str) and not isinstance(value, bool) and math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


INT32, UINT32 = _integer(-(2**31), 2**31 - 1), _integer(0, 2**32 - 1)
# Protobuf's JSON has 64-bit integers as strings.
INT64 = replace(_integer(-(2**63), 2**63 - 1), convert=lambda value: str(_number(value)))
DOUBLE = Scalar("a number", _is_double, {"type": ["number", "string"]}, float)
DURATION = Parsed(canonical_duration, "a duration such as 45s or 1m30s")


def _message(fields: Mapping[str, Type], *choices: tuple[str, ...]) -> Message:
    """A message whose unknown fields are ignored, as Istio ignores them (reference 13.2)."""
    return Message(fields, choices=choices, spelling=camel_case, is_open=True, noun="a mapping")


_FLAG, _NUMBER, _NUMBER64 = Wrapped(BOOLEAN), Wrapped(INT32), Wrapped(INT64)
_ADDRESS = _message({"address": STRING})
_SWITCH = _message({"disabled": _FLAG})
_ENABLING = _message({"enabled": _FLAG})

_CLIENT_CERTIFICATE = Enum(
    ("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
)
_TLS = _message(
    {
        "mode": Enum(("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
        "clientCertificate": STRING,
        "privateKey": STRING,
        "caCertificates": STRING,
        "subjectAltNames": STRINGS,
        "sni": STRING,
        "credentialName": STRING,
        "insecureSkipVerify": _FLAG,
        "caCrl": STRING,
    }
)
_SERVICE = _message(
    {
        "address": STRING,
        "tlsSettings": _TLS,
        "tcpKeepalive": _message({"probes": UINT32, "time": DURATION, "interval": DURATION}),
    }
)
_NAMED_DEFAULT = _message({"name": STRING, "defaultValue": STRING})
_CUSTOM_TAG = _message(
    {"literal": _message({"value": STRING}), "environment": _NAMED_DEFAULT, "header": _NAMED_DEFAULT},
    ("literal", "environment", "header"),
)
_TRACERS = ("zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent")
_TRACE_CONTEXT = Enum(("UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3"))
_TRACING = _message(
    {
        "zipkin": _ADDRESS,
        "lightstep": _message({"address": STRING, "accessToken": STRING}),
        "datadog": _ADDRESS,
        "stackdriver": _message(
            {
                "debug": BOOLEAN,
                "maxNumberOfAttributes": _NUMBER64,
                "maxNumberOfAnnotations": _NUMBER64,
                "maxNumberOfMessageEvents": _NUMBER64,
            }
        ),
        "openCensusAgent": _message({"address": STRING, "context": Listed(_TRACE_CONTEXT)}),
        "customTags": Mapped(_CUSTOM_TAG),
        "maxPathTagLength": UINT32,
        "sampling": DOUBLE,
        "tlsSettings": _TLS,
        "enableIstioTags": _FLAG,
    },
    _TRACERS,
)
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBE = _message(
    {
        "initialDelaySeconds": INT32,
        "timeoutSeconds": INT32,
        "periodSeconds": INT32,
        "successThreshold": INT32,
        "failureThreshold": INT32,
        "httpGet": _message(
            {
                "path": STRING,
                "port": UINT32,
                "host": STRING,
                "scheme": STRING,
                "httpHeaders": Listed(_message({"name": STRING, "value": STRING})),
            }
        ),
        "tcpSocket": _message({"host": STRING, "port": UINT32}),
        "exec": _message({"command": STRINGS}),
        "grpc": _message({"port": UINT32, "service": STRING}),
    },
    _HANDLERS,
)
_KEY_PROVIDER = _message({"pollDelay": DURATION, "fallback": _FLAG})
_KEY_PROVIDERS = ("cryptomb", "qat")
_PROXY_HEADERS = _message(
    {
        "forwardedClientCert": _CLIENT_CERTIFICATE,
        "setCurrentClientCertDetails": _message(dict.fromkeys(("subject", "cert", "chain", "dns", "uri"), _FLAG)),
        "requestId": _SWITCH,
        "server": _message({"disabled": _FLAG, "value": STRING}),
        "attemptCount": _SWITCH,
        "envoyDebugHeaders": _SWITCH,
        "metadataExchangeHeaders": _message({"mode": Enum(("UNDEFINED", "IN_MESH"))}),
        "preserveHttp1HeaderCase": _FLAG,
        "xForwardedHost": _ENABLING,
        "xForwardedPort": _ENABLING,
    }
)
_UNDERSCORES = tuple(
    f"HEADERS_WITH_UNDERSCORES_{action}" for action in ("UNSPECIFIED", "ALLOW", "REJECT_REQUEST", "DROP_HEADER")
)
_ESCAPED_SLASHES = (
    "PATH_WITH_ESCAPED_SLASHES_UNSPECIFIED",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
)
CONNECTION_LIMITS = ("httpMaxConcurrentStreams", "listenerConnectionLimit", "globalDownstreamConnectionLimit")
CONNECTION_WINDOWS = ("http2InitialStreamWindowSize", "http2InitialConnectionWindowSize")
_CONNECTION = _message(
    {
        "profile": Enum(("SIDECAR", "EDGE")),
        "listenerPerConnectionBufferLimitBytes": _NUMBER,
        "clusterPerConnectionBufferLimitBytes": _NUMBER,
        "httpMaxConcurrentStreams": _NUMBER,
        "http2InitialStreamWindowSize": _NUMBER,
        "http2InitialConnectionWindowSize": _NUMBER,
        "listenerConnectionLimit": _NUMBER,
        "globalDownstreamConnectionLimit": _NUMBER,
        "httpIdleTimeout": DURATION,
        "httpMaxConnectionDuration": DURATION,
        "httpDrainTimeout": DURATION,
        "httpRequestTimeout": DURATION,
        "httpRequestHeadersTimeout": DURATION,
        "httpStreamIdleTimeout": DURATION,
        "httpMaxStreamDuration": DURATION,
        "httpMergeSlashes": _FLAG,
        "httpHeadersWithUnderscoresAction": Enum(_UNDERSCORES),
        "httpPathWithEscapedSlashesAction": Enum(_ESCAPED_SLASHES),
    }
)

PROXY_CONFIG = _message(
    {
        "configPath": STRING,
        "binaryPath": STRING,
        "serviceCluster": STRING,
        "tracingServiceName": Enum(("APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE")),
        "drainDuration": DURATION,
        "discoveryAddress": STRING,
        "discoveryRefreshDelay": DURATION,
        "zipkinAddress": STRING,
        "statsdUdpAddress": STRING,
        "envoyMetricsServiceAddress": STRING,
        "proxyAdminPort": INT32,
        "availabilityZone": STRING,
        "controlPlaneAuthPolicy": Enum(("NONE", "MUTUAL_TLS", "INHERIT")),
        "customConfigFile": STRING,
        "statNameLength": INT32,
        "concurrency": _NUMBER,
        "proxyBootstrapTemplatePath": STRING,
        "interceptionMode": Enum(("REDIRECT", "TPROXY", "NONE")),
        "tracing": _TRACING,
        "sds": _message({"enabled": BOOLEAN, "k8sSaJwtPath": STRING}),
        "envoyAccessLogService": _SERVICE,
        "envoyMetricsService": _SERVICE,
        "proxyMetadata": STRING_MAP,
        "runtimeValues": STRING_MAP,
        "statusPort": INT32,
        "extraStatTags": STRINGS,
        "gatewayTopology": _message(
            {
                "numTrustedProxies": UINT32,
                "forwardClientCertDetails": _CLIENT_CERTIFICATE,
                "proxyProtocol": _message({}),
            }
        ),
        "terminationDrainDuration": DURATION,
        "meshId": STRING,
        "readinessProbe": _PROBE,
        "proxyStatsMatcher": _message(
            dict.fromkeys(("inclusionPrefixes", "inclusionSuffixes", "inclusionRegexps"), STRINGS)
        ),
        "holdApplicationUntilProxyStarts": _FLAG,
        "caCertificatesPem": STRINGS,
        "image": _message({"imageType": STRING}),
        "privateKeyProvider": _message({"cryptomb": _KEY_PROVIDER, "qat": _KEY_PROVIDER}, _KEY_PROVIDERS),
        "proxyHeaders": _PROXY_HEADERS,
        "fileFlushInterval": DURATION,
        "fileFlushMinSizeKb": UINT32,
        "statsCompression": _FLAG,
        "connectionSettings": _CONNECTION,
    },
    ("serviceCluster", "tracingServiceName"),
)
FIELDS = tuple(PROXY_CONFIG.fields)

# What this code reads before any configuration; each is left out of PROXY_CONFIG where equal (reference 3.3).
BUILT_IN_DEFAULTS: Mapping[str, object] = {
    "configPath": "./etc/istio/proxy",
    "binaryPath": "/usr/local/bin/envoy",
    "serviceCluster": "istio-proxy",
    "drainDuration": "45s",
    "terminationDrainDuration": "5s",
    "discoveryAddress": "istiod.istio-system.svc:15012",
    "proxyAdminPort": 15000,
    "controlPlaneAuthPolicy": "MUTUAL_TLS",
    "statNameLength": 189,
    "statusPort": 15020,
    "proxyMetadata": {},
    "interceptionMode": "REDIRECT",
}
