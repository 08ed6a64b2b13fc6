"""The keys of the configuration: path, type, default and what each is for. They are the one table of them.

Checking, the JSON Schema and docs/configuration.md are made from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from injector.config.types import (
    ALIASES,
    DENIALS,
    FEW,
    INTEGER,
    PEERS,
    PORT_PROTOCOLS,
    PROVIDERS,
    PROXY_CONFIG_LAYER,
    REVISION,
    REVISIONS,
    SELECTORS,
    STRING_MAP,
    STRING_OR_BOOLEAN,
    STRING_OR_NUMBER,
    TEMPLATES,
)
from injector.core.model import JsonObject
from injector.core.validation import (
    ANYTHING,
    BOOLEAN,
    MAPPING,
    STRING,
    STRINGS,
    Message,
    Type,
    Unsupported,
    one_of,
    or_null,
)
from injector.envoy import DEFAULT_OTHER_PEERS, DEFAULT_PROTOCOLS


@dataclass(frozen=True, slots=True)
class Absent:
    """The default of a key that is absent unless it is configured."""


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Key:
    """A key: dotted path, type, default, and what it is for."""

    name: str
    type: Type
    default: Any
    meaning: str

    @property
    def path(self) -> tuple[str, ...]:
        """The path from the top of the table's document."""
        return tuple(self.name.split("."))

    def schema(self) -> JsonObject:
        """The JSON Schema of the key."""
        default = {} if isinstance(self.default, Absent) else {"default": self.default}
        return {"description": self.meaning, **or_null(self.type.schema), **default}


def defaults(table: Iterable[Key]) -> JsonObject:
    """The document that holds every default of the table, and no parent of nothing but absent keys."""
    document: JsonObject = {}
    for key in table:
        if isinstance(key.default, Absent):
            continue
        *above, last = key.path
        level = document
        for parent in above:
            level = level.setdefault(parent, {})
        level[last] = dict(key.default) if isinstance(key.default, dict) else key.default
    return document


def parents(table: Iterable[Key]) -> frozenset[tuple[str, ...]]:
    """The paths of all mappings that hold keys of the table."""
    return frozenset(key.path[:depth] for key in table for depth in range(1, len(key.path)))


def _open_layer(table: Iterable[Key]) -> Message:
    """The type of a document with the keys of the table and any others, as one layer of several."""
    fields: dict[str, Type] = {}
    below: dict[str, list[Key]] = {}
    for key in table:
        name, _, rest = key.name.partition(".")
        if rest:
            below.setdefault(name, []).append(replace(key, name=rest))
        else:
            fields[name] = key.type
    for name, keys in below.items():
        message, own = _open_layer(keys), fields.get(name)
        fields[name] = replace(own, fields={**own.fields, **message.fields}) if isinstance(own, Message) else message
    return Message(fields, is_open=True, is_layer=True, noun="a mapping")


# The keys of MeshConfig that injection reads, with Istio's built-in defaults (reference 3.3). Others are allowed.

_PROVIDERS = [
    {"name": "prometheus", "prometheus": {}},
    {"name": "stackdriver", "stackdriver": {}},
    {"name": "envoy", "envoyFileAccessLog": {"path": "/dev/stdout"}},
]

MESH_KEYS = (
    Key("trustDomain", STRING, "cluster.local", "trust domain, mesh id"),
    Key("trustDomainAliases", STRINGS, ABSENT, "kept as a sorted union"),
    Key(
        "rootNamespace",
        STRING,
        "istio-system",
        "namespace of mesh-wide ProxyConfig resources; here `global.istioNamespace`",
    ),
    Key("proxyListenPort", INTEGER, 15001, "init arguments"),
    Key("proxyInboundListenPort", INTEGER, 15006, "init arguments"),
    Key("enablePrometheusMerge", BOOLEAN, default=True, meaning="merging the application's metrics into the proxy's"),
    Key(
        "protocolDetectionTimeout",
        STRING,
        ABSENT,
        "template `envoy`: how long a client may wait for the server's greeting",
    ),
    Key("inboundTrafficPolicy.mode", one_of("PASSTHROUGH", "LOCALHOST"), "PASSTHROUGH", "inbound policy mode"),
    Key("extensionProviders", PROVIDERS, _PROVIDERS, "replaced or added by name; decides OTEL_RESOURCE_ATTRIBUTES"),
    Key("defaultProviders.metrics", STRINGS, ["prometheus"], "no effect on injection"),
    Key("defaultProviders.tracing", STRINGS, ABSENT, "template `envoy`: the extension provider that spans go to"),
    Key("defaultProviders.accessLogging", STRINGS, ABSENT, "no effect on injection"),
    Key("defaultConfig", PROXY_CONFIG_LAYER, ABSENT, "the mesh-wide ProxyConfig, checked and merged by its own rules"),
    Key("defaultConfig.proxyMetadata", STRING_MAP, ABSENT, "environment of the proxy"),
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


# The keys of the injector's own configuration (contract, section Configuration; reference 3.1, 3.6, 3.7).

SYSTEM_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]
NATIVE_MODES = ("auto", "enabled", "disabled")
PLATFORMS = ("", "openshift")
COMPLIANCE_POLICIES = ("", "fips-140-2", "fips-140-3", "pqc")

NATIVE_KEYS = (
    Key(
        "policy",
        one_of("enabled", "disabled"),
        "enabled",
        "what happens to a pod in a selected namespace that says nothing",
    ),
    Key("defaultTemplates", STRINGS, ["sidecar"], "templates applied when the pod names none"),
    Key("templates", TEMPLATES, {}, "name to Jinja text; added to, or replacing, the shipped ones"),
    Key(
        "goTemplates",
        TEMPLATES,
        {},
        "name to text in Go's text/template, with sprig and Istio's functions; added to, or replacing, the others",
    ),
    Key(
        "deniedAnnotations",
        DENIALS,
        [],
        "rules of operators: what pods may not carry, by globs of names and values or by `preset: restricted`",
    ),
    Key("aliases", ALIASES, {}, "name to list of template names"),
    Key("neverInjectSelector", SELECTORS, [], "label selectors of pods that are never injected; wins over always"),
    Key("alwaysInjectSelector", SELECTORS, [], "label selectors of pods that are injected whatever the policy"),
    Key("injectedAnnotations", STRING_MAP, {}, "annotations added to every injected pod"),
    Key("ignoredNamespaces", STRINGS, SYSTEM_NAMESPACES, "namespaces whose pods are never injected"),
    Key("enableNamespacesByDefault", BOOLEAN, default=False, meaning="namespaces without any label count as opted in"),
    Key("revision", REVISION, "default", "the `istio.io/rev` value this injector answers to"),
    Key("revisionTags", REVISIONS, [], "further `istio.io/rev` values this injector answers to"),
    Key("values", MAPPING, ABSENT, "Istio's installation values, merged over the defaults below"),
    Key("meshConfig", MAPPING, ABSENT, "Istio's MeshConfig, merged over the defaults below"),
    Key("nativeSidecars", one_of(*NATIVE_MODES), "auto", "sidecars as native ones; auto: every node is at least 1.33"),
    Key("platform", one_of(*PLATFORMS), "", "the platform whose rules for user ids apply"),
    Key("compliancePolicy", one_of(*COMPLIANCE_POLICIES), "", "the policy that proxies have to comply with"),
)


# The installation values that injection reads, with Istio's defaults (reference 3.2). Other keys are allowed.

# The release of Istio whose images are the default. An upgrade changes this line, then runs `make generate`.
ISTIO_RELEASE = "1.30.3"
_PULL_POLICIES = ("", "Always", "IfNotPresent", "Never")
_TRACERS = ("none", "zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent")
_PROXY_RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2000m", "memory": "1024Mi"}}

_INSTALLATION = (
    Key("revision", REVISION, "", "suffix of the CA address; sets `revision` where that is not configured"),
    Key("revisionTags", REVISIONS, ABSENT, "sets `revisionTags` where that is not configured"),
    Key("profile", STRING, ABSENT, "a set of values below the user's: ambient, demo, openshift, preview"),
    Key("compatibilityVersion", STRING_OR_NUMBER, ABSENT, "1.25 and 1.26 turn native sidecars off"),
    Key("platform", STRING, ABSENT, "openshift: CNI with multus; sets `platform` where that is not configured"),
)
_GLOBAL = (
    Key("global.hub", STRING, "registry.istio.io/release", "images"),
    Key("global.tag", STRING_OR_NUMBER, ISTIO_RELEASE, "images"),
    Key("global.variant", STRING, "", "images"),
    Key("global.imagePullPolicy", one_of(*_PULL_POLICIES), "", "injected containers"),
    Key("global.imagePullSecrets", STRINGS, [], "names of the pod's image pull secrets"),
    Key("global.istioNamespace", STRING, "istio-system", "CA address, discovery address, grpc-simple"),
    Key("global.caAddress", STRING, "", "CA_ADDR"),
    Key("global.caName", STRING, "", "`GkeWorkloadCertificate` switches the certificate volumes"),
    Key("global.pilotCertProvider", STRING, "istiod", "environment, root certificate volume"),
    Key("global.trustBundleName", STRING, ABSENT, "root certificate volume"),
    Key("global.trustDomain", STRING, ABSENT, "fallback for mesh id and trust domain"),
    Key("global.meshID", STRING, "", "mesh id"),
    Key("global.network", STRING, "", "network of the proxy, network label"),
    Key("global.platform", STRING, ABSENT, "as `platform`"),
    Key("global.remotePilotAddress", STRING, "", "where set, the discovery address has no revision suffix"),
    Key("global.multiCluster.clusterName", STRING, "", "cluster of the proxy"),
    Key(
        "global.mountMtlsCerts", BOOLEAN, default=False, meaning="volume with the workload's certificates from a Secret"
    ),
    Key("global.sds.token.aud", STRING, "istio-ca", "audience of the service account token"),
    Key("global.sts.servicePort", INTEGER, 0, "proxy argument"),
    Key("global.logAsJson", BOOLEAN, default=False, meaning="arguments"),
    Key("global.logging.level", STRING, "default:info", "arguments"),
    Key("global.nativeNftables", BOOLEAN, default=False, meaning="init argument"),
)
_PROXY = (
    Key("global.proxy.image", STRING, "proxyv2", "image"),
    Key("global.proxy.variant", STRING, ABSENT, "image type of the mesh's `defaultConfig`"),
    Key("global.proxy.autoInject", one_of("enabled", "disabled"), "enabled", "policy where that is not configured"),
    Key("global.proxy.clusterDomain", STRING, "cluster.local", "arguments"),
    Key("global.proxy.logLevel", STRING, "warning", "arguments"),
    Key("global.proxy.componentLogLevel", STRING, "misc:error", "arguments"),
    Key("global.proxy.includeIPRanges", STRING, "*", "init arguments"),
    Key("global.proxy.excludeIPRanges", STRING, "", "init arguments"),
    Key("global.proxy.includeInboundPorts", STRING, "*", "init arguments"),
    Key("global.proxy.excludeInboundPorts", STRING, "", "init arguments"),
    Key("global.proxy.includeOutboundPorts", STRING, "", "init arguments"),
    Key("global.proxy.excludeOutboundPorts", STRING, "", "init arguments"),
    Key("global.proxy.outlierLogPath", STRING, "", "proxy argument"),
    Key("global.proxy.privileged", BOOLEAN, default=False, meaning="security contexts"),
    Key("global.proxy.seccompProfile", MAPPING, {}, "security contexts"),
    Key("global.proxy.capNetBindService", STRING_OR_BOOLEAN, ABSENT, "security context of the proxy"),
    Key("global.proxy.statusPort", INTEGER, 15020, "probes, port exclusion"),
    Key("global.proxy.readinessInitialDelaySeconds", INTEGER, 0, "readiness probe"),
    Key("global.proxy.readinessPeriodSeconds", INTEGER, 15, "readiness probe"),
    Key("global.proxy.readinessFailureThreshold", INTEGER, 4, "readiness probe"),
    Key("global.proxy.startupProbe.enabled", BOOLEAN, default=True, meaning="startup probe"),
    Key("global.proxy.startupProbe.failureThreshold", INTEGER, 600, "startup probe"),
    Key("global.proxy.resources", MAPPING, _PROXY_RESOURCES, "resources; a null takes a default away"),
    Key("global.proxy.lifecycle", MAPPING, ABSENT, "lifecycle of the proxy, verbatim"),
    Key("global.proxy.holdApplicationUntilProxyStarts", BOOLEAN, ABSENT, "lifecycle, order of containers"),
    Key("global.proxy.tracer", one_of(*_TRACERS), "none", "mesh-wide tracing, extras for datadog and lightstep"),
    Key("global.proxy_init.image", STRING, "proxyv2", "image"),
    Key("global.proxy_init.forceApplyIptables", BOOLEAN, default=False, meaning="init argument"),
)
_ENVOY = (
    Key(
        "global.envoy.image",
        STRING,
        "docker.io/envoyproxy/envoy:v1.40.0",
        "proxy of templates without Istio's agent",
    ),
    Key(
        "global.envoy.captureImage",
        STRING,
        "sidecar-injector:latest",
        "the injector's own image: it redirects the traffic",
    ),
    Key("global.envoy.ipv6", BOOLEAN, default=True, meaning="listen on IPv6 too; false where the kernel has none"),
    Key(
        "global.envoy.protocols",
        PORT_PROTOCOLS,
        DEFAULT_PROTOCOLS,
        "what ports speak that no port name and no annotation declares; others are detected",
    ),
    Key(
        "global.envoy.peers",
        PEERS,
        [],
        "workloads, NAMESPACE/NAME, that the metrics of the other end of a connection always name",
    ),
    Key(
        "global.envoy.otherPeers",
        FEW,
        DEFAULT_OTHER_PEERS,
        "how many others they name, for each direction and thread of a proxy; the rest is `unknown`",
    ),
)
_TRACERS_OF_THE_MESH = (
    Key("global.tracer.zipkin.address", STRING, ABSENT, "default `zipkin.<istioNamespace>:9411`"),
    Key("global.tracer.datadog.address", STRING, ABSENT, "default `$(HOST_IP):8126`"),
    Key("global.tracer.lightstep.address", STRING, ABSENT, "address of the tracer"),
    Key("global.tracer.lightstep.accessToken", STRING, ABSENT, "token for the tracer"),
)
_OTHERS = (
    Key(
        "pilot.cni.enabled",
        BOOLEAN,
        default=False,
        meaning="the node's CNI plugin redirects traffic: no privileged init container",
    ),
    Key("pilot.cni.provider", STRING, "default", "`multus` adds the network annotation"),
    Key("pilot.env", MAPPING, {}, "the control plane's environment, as far as it is named below"),
    Key("pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API", BOOLEAN, ABSENT, "root certificate volume"),
    Key("pilot.env.ENABLE_NATIVE_SIDECARS", STRING_OR_BOOLEAN, ABSENT, "nativeSidecars where that is not configured"),
    Key("pilot.env.PLATFORM", STRING, ABSENT, "platform where that is not configured"),
    Key(
        "pilot.env.COMPLIANCE_POLICY",
        one_of(*COMPLIANCE_POLICIES),
        ABSENT,
        "compliancePolicy where that is not configured",
    ),
    Key("pilot.crlConfigMapName", STRING, ABSENT, "volume with the certificate revocation list"),
    Key("gateways.securityContext", MAPPING, {}, "pod security context of the gateway template"),
    Key("gateways.seccompProfile", MAPPING, {}, "no effect on the shipped templates"),
    Key("istiodRemote.enabledLocalInjectorIstiod", BOOLEAN, ABSENT, "with remotePilotAddress: host istiod-remote"),
)
_WEBHOOK = (
    Key("sidecarInjectorWebhook.rewriteAppHTTPProbe", BOOLEAN, default=True, meaning="probe rewriting"),
    Key("sidecarInjectorWebhook.neverInjectSelector", SELECTORS, [], "as the key of this name above"),
    Key("sidecarInjectorWebhook.alwaysInjectSelector", SELECTORS, [], "as the key of this name above"),
    Key("sidecarInjectorWebhook.injectedAnnotations", STRING_MAP, {}, "united with the key of this name above"),
    Key("sidecarInjectorWebhook.templates", TEMPLATES, {}, "united with the key of this name above"),
    Key("sidecarInjectorWebhook.defaultTemplates", STRINGS, [], "as the key of this name above"),
    Key(
        "sidecarInjectorWebhook.enableNamespacesByDefault",
        BOOLEAN,
        default=False,
        meaning="as the key of this name above",
    ),
)

VALUES_KEYS = (*_INSTALLATION, *_GLOBAL, *_PROXY, *_ENVOY, *_TRACERS_OF_THE_MESH, *_OTHERS, *_WEBHOOK)

# The type of a whole configuration document, or of what one flag sets.

_VALUES = _open_layer(VALUES_KEYS)
_MESH = _open_layer(MESH_KEYS)
_NATIVE = _open_layer(NATIVE_KEYS).fields
_BELOW_VALUES = Unsupported("installation values go below 'values'")
CONFIGURATION = Message(
    {
        **_NATIVE,
        "values": _VALUES,
        "meshConfig": replace(_MESH, fields={**dict.fromkeys(OTHER_MESH_FIELDS, ANYTHING), **_MESH.fields}),
        **{name: _BELOW_VALUES for name in _VALUES.fields if name not in _NATIVE},
    },
    is_layer=True,
)
