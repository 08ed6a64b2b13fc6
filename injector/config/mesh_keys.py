"""The keys of MeshConfig that injection reads, with Istio's built-in defaults (reference 3.3). Others are allowed."""

from injector.config.keys import ABSENT, Key
from injector.config.kinds import BOOLEAN, INTEGER, MAPPING, PROVIDERS, TEXT, TEXT_MAP, TEXTS

_PROVIDERS = [
    {"name": "prometheus", "prometheus": {}},
    {"name": "stackdriver", "stackdriver": {}},
    {"name": "envoy", "envoyFileAccessLog": {"path": "/dev/stdout"}},
]

MESH_KEYS = (
    Key("trustDomain", TEXT, "cluster.local", "trust domain, mesh id"),
    Key("trustDomainAliases", TEXTS, ABSENT, "kept as a sorted union"),
    Key(
        "rootNamespace", TEXT, "istio-system", "where mesh-wide ProxyConfig resources are; here `global.istioNamespace`"
    ),
    Key("proxyListenPort", INTEGER, 15001, "init arguments"),
    Key("proxyInboundListenPort", INTEGER, 15006, "init arguments"),
    Key("enablePrometheusMerge", BOOLEAN, default=True, meaning="merging the application's metrics into the proxy's"),
    Key(
        "protocolDetectionTimeout",
        TEXT,
        ABSENT,
        "template `envoy`: how long a client may wait for the server's greeting",
    ),
    Key("inboundTrafficPolicy.mode", TEXT, "PASSTHROUGH", "inbound policy mode", ("PASSTHROUGH", "LOCALHOST")),
    Key("extensionProviders", PROVIDERS, _PROVIDERS, "replaced or added by name; decides OTEL_RESOURCE_ATTRIBUTES"),
    Key("defaultProviders.metrics", TEXTS, ["prometheus"], "no effect on injection"),
    Key("defaultProviders.tracing", TEXTS, ABSENT, "template `envoy`: the extension provider that spans go to"),
    Key("defaultProviders.accessLogging", TEXTS, ABSENT, "no effect on injection"),
    Key("defaultConfig", MAPPING, ABSENT, "the mesh-wide ProxyConfig, checked and merged by its own rules"),
    Key("defaultConfig.proxyMetadata", TEXT_MAP, ABSENT, "environment of the proxy"),
)

# Fields of MeshConfig that have no part in injection: known, so that a misspelt one can be told from them.
# Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig
OTHER_MESH_FIELDS = tuple(
    "accessLogEncoding accessLogFile accessLogFormat caCertificates certificates configSources connectTimeout "
    "defaultDestinationRuleExportTo defaultHttpRetryPolicy defaultServiceExportTo defaultVirtualServiceExportTo "
    "disableEnvoyListenerLog discoverySelectors dnsRefreshRate enableAutoMtls enableEnvoyAccessLogService "
    "enableTracing h2UpgradePolicy inboundClusterStatName inboundTrafficPolicy ingressClass ingressControllerMode "
    "ingressSelector ingressService localityLbSetting meshMTLS outboundClusterStatName outboundTrafficPolicy "
    "pathNormalization proxyHttpPort serviceScopeConfigs serviceSettings tcpKeepalive tlsDefaults "
    "verifyCertificateAtClient".split()
)
