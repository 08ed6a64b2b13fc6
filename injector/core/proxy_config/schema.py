"""The fields of ProxyConfig and of the messages below it, in the order in which they are written (reference 3.5).

A type is one of the scalar kinds below, a `Message`, a `Listed` or a `Mapped` of a type. A `Wrapped` scalar is present
even where it is zero; a plain one at zero is the same as absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

STRING, INT32, UINT32, DOUBLE, BOOL, DURATION, INT64 = "text", "int32", "uint32", "double", "bool", "duration", "int64"


@dataclass(frozen=True, slots=True)
class Enum:
    """Names in the order of their numbers; the first is the zero value."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A scalar with presence."""

    scalar: str


@dataclass(frozen=True, slots=True)
class Message:
    """A nested message; `choices` are groups of fields of which only one may be set."""

    fields: Mapping[str, "FieldType"]
    choices: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A repeated field."""

    item: "FieldType"


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map from text."""

    value: "FieldType"


FieldType: TypeAlias = str | Enum | Wrapped | Message | Listed | Mapped

_FLAG, _NUMBER, _NUMBER64 = Wrapped(BOOL), Wrapped(INT32), Wrapped(INT64)
_STRINGS = Listed(STRING)
_ADDRESS = Message({"address": STRING})
_SWITCH = Message({"disabled": _FLAG})
_ENABLING = Message({"enabled": _FLAG})

_CLIENT_CERTIFICATE = Enum(
    ("UNDEFINED", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
)
_TLS = Message(
    {
        "mode": Enum(("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
        "clientCertificate": STRING,
        "privateKey": STRING,
        "caCertificates": STRING,
        "subjectAltNames": _STRINGS,
        "sni": STRING,
        "credentialName": STRING,
        "insecureSkipVerify": _FLAG,
        "caCrl": STRING,
    }
)
_SERVICE = Message(
    {
        "address": STRING,
        "tlsSettings": _TLS,
        "tcpKeepalive": Message({"probes": UINT32, "time": DURATION, "interval": DURATION}),
    }
)
_NAMED_DEFAULT = Message({"name": STRING, "defaultValue": STRING})
_CUSTOM_TAG = Message(
    {"literal": Message({"value": STRING}), "environment": _NAMED_DEFAULT, "header": _NAMED_DEFAULT},
    choices=(("literal", "environment", "header"),),
)
_TRACERS = ("zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent")
_TRACE_CONTEXT = Enum(("UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3"))
_TRACING = Message(
    {
        "zipkin": _ADDRESS,
        "lightstep": Message({"address": STRING, "accessToken": STRING}),
        "datadog": _ADDRESS,
        "stackdriver": Message(
            {
                "debug": BOOL,
                "maxNumberOfAttributes": _NUMBER64,
                "maxNumberOfAnnotations": _NUMBER64,
                "maxNumberOfMessageEvents": _NUMBER64,
            }
        ),
        "openCensusAgent": Message({"address": STRING, "context": Listed(_TRACE_CONTEXT)}),
        "customTags": Mapped(_CUSTOM_TAG),
        "maxPathTagLength": UINT32,
        "sampling": DOUBLE,
        "tlsSettings": _TLS,
        "enableIstioTags": _FLAG,
    },
    choices=(_TRACERS,),
)
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PROBE = Message(
    {
        "initialDelaySeconds": INT32,
        "timeoutSeconds": INT32,
        "periodSeconds": INT32,
        "successThreshold": INT32,
        "failureThreshold": INT32,
        "httpGet": Message(
            {
                "path": STRING,
                "port": UINT32,
                "host": STRING,
                "scheme": STRING,
                "httpHeaders": Listed(Message({"name": STRING, "value": STRING})),
            }
        ),
        "tcpSocket": Message({"host": STRING, "port": UINT32}),
        "exec": Message({"command": _STRINGS}),
        "grpc": Message({"port": UINT32, "service": STRING}),
    },
    choices=(_HANDLERS,),
)
_KEY_PROVIDER = Message({"pollDelay": DURATION, "fallback": _FLAG})
_KEY_PROVIDERS = ("cryptomb", "qat")
_PROXY_HEADERS = Message(
    {
        "forwardedClientCert": _CLIENT_CERTIFICATE,
        "setCurrentClientCertDetails": Message(dict.fromkeys(("subject", "cert", "chain", "dns", "uri"), _FLAG)),
        "requestId": _SWITCH,
        "server": Message({"disabled": _FLAG, "value": STRING}),
        "attemptCount": _SWITCH,
        "envoyDebugHeaders": _SWITCH,
        "metadataExchangeHeaders": Message({"mode": Enum(("UNDEFINED", "IN_MESH"))}),
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
_CONNECTION = Message(
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

PROXY_CONFIG = Message(
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
        "sds": Message({"enabled": BOOL, "k8sSaJwtPath": STRING}),
        "envoyAccessLogService": _SERVICE,
        "envoyMetricsService": _SERVICE,
        "proxyMetadata": Mapped(STRING),
        "runtimeValues": Mapped(STRING),
        "statusPort": INT32,
        "extraStatTags": _STRINGS,
        "gatewayTopology": Message(
            {
                "numTrustedProxies": UINT32,
                "forwardClientCertDetails": _CLIENT_CERTIFICATE,
                "proxyProtocol": Message({}),
            }
        ),
        "terminationDrainDuration": DURATION,
        "meshId": STRING,
        "readinessProbe": _PROBE,
        "proxyStatsMatcher": Message(
            dict.fromkeys(("inclusionPrefixes", "inclusionSuffixes", "inclusionRegexps"), _STRINGS)
        ),
        "holdApplicationUntilProxyStarts": _FLAG,
        "caCertificatesPem": _STRINGS,
        "image": Message({"imageType": STRING}),
        "privateKeyProvider": Message(
            {"cryptomb": _KEY_PROVIDER, "qat": _KEY_PROVIDER}, choices=(("cryptomb", "qat"),)
        ),
        "proxyHeaders": _PROXY_HEADERS,
        "fileFlushInterval": DURATION,
        "fileFlushMinSizeKb": UINT32,
        "statsCompression": _FLAG,
        "connectionSettings": _CONNECTION,
    },
    choices=(("serviceCluster", "tracingServiceName"),),
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
