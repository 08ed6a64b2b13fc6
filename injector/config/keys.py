"""What a key of the configuration is: its path, its type, its default. The tables are in the `*_keys` modules."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from injector.config.types import (
    ALIASES,
    BOOLEAN,
    INTEGER,
    MAPPING,
    PROVIDERS,
    REVISION,
    REVISIONS,
    SELECTORS,
    TEMPLATES,
    TEXT,
    TEXT_MAP,
    TEXT_OR_BOOLEAN,
    TEXT_OR_NUMBER,
    TEXTS,
    Findings,
    Type,
)
from injector.core.model import JsonObject


@dataclass(frozen=True, slots=True)
class Absent:
    """The default of a key that is not there unless it is configured."""


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Key:
    """A key: dotted path, type, default, what it is for, and where only some texts are valid, those."""

    name: str
    type: Type
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[str, ...]:
        """The path from the top of the table's document."""
        return tuple(self.name.split("."))

    def findings(self, value: Any) -> Findings:
        """What is wrong with `value`, each with the path below this key. A null is never wrong: it says nothing."""
        if value is None:
            return
        yield from self.type.findings(value)
        if self.choices and isinstance(value, str) and value not in self.choices:
            yield (), f"{value!r} is not valid; valid: {', '.join(map(repr, self.choices))}"

    def schema(self) -> JsonObject:
        """The JSON Schema of the key."""
        limits: JsonObject = {"enum": [*self.choices, None]} if self.choices else self.type.schema
        default = {} if isinstance(self.default, Absent) else {"default": self.default}
        return {"description": self.meaning, **limits, **default}


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
    """The paths of all mappings that the table's keys stand in."""
    return frozenset(key.path[:depth] for key in table for depth in range(1, len(key.path)))


# The keys of MeshConfig that injection reads, with Istio's built-in defaults (reference 3.3). Others are allowed.

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


# The keys of the injector's own configuration (contract, section Configuration; reference 3.1, 3.6, 3.7).

SYSTEM_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]
NATIVE_MODES = ("auto", "enabled", "disabled")
PLATFORMS = ("", "openshift")
COMPLIANCE_POLICIES = ("", "fips-140-2", "fips-140-3", "pqc")

NATIVE_KEYS = (
    Key(
        "policy",
        TEXT,
        "enabled",
        "what happens to a pod in a selected namespace that says nothing",
        ("enabled", "disabled"),
    ),
    Key("defaultTemplates", TEXTS, ["sidecar"], "templates applied when the pod names none"),
    Key("templates", TEMPLATES, {}, "name to Jinja text; added to, or replacing, the shipped ones"),
    Key("aliases", ALIASES, {}, "name to list of template names"),
    Key("neverInjectSelector", SELECTORS, [], "label selectors of pods that are never injected; wins over always"),
    Key("alwaysInjectSelector", SELECTORS, [], "label selectors of pods that are injected whatever the policy"),
    Key("injectedAnnotations", TEXT_MAP, {}, "annotations added to every injected pod"),
    Key("ignoredNamespaces", TEXTS, SYSTEM_NAMESPACES, "namespaces whose pods are never injected"),
    Key("enableNamespacesByDefault", BOOLEAN, default=False, meaning="namespaces without any label count as opted in"),
    Key("revision", REVISION, "default", "the `istio.io/rev` value this injector answers to"),
    Key("revisionTags", REVISIONS, [], "further `istio.io/rev` values this injector answers to"),
    Key("values", MAPPING, ABSENT, "Istio's installation values, merged over the defaults below"),
    Key("meshConfig", MAPPING, ABSENT, "Istio's MeshConfig, merged over the defaults below"),
    Key("nativeSidecars", TEXT, "auto", "sidecars as native ones; auto: every node is at least 1.33", NATIVE_MODES),
    Key("platform", TEXT, "", "the platform whose rules for user ids apply", PLATFORMS),
    Key("compliancePolicy", TEXT, "", "the policy that proxies have to comply with", COMPLIANCE_POLICIES),
)


# The installation values that injection reads, with Istio's defaults (reference 3.2). Other keys are allowed.

_PULL_POLICIES = ("", "Always", "IfNotPresent", "Never")
_TRACERS = ("none", "zipkin", "lightstep", "datadog", "stackdriver", "openCensusAgent")
_PROXY_RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "2000m", "memory": "1024Mi"}}

_INSTALLATION = (
    Key("revision", REVISION, "", "suffix of the CA address; sets `revision` where that is not configured"),
    Key("revisionTags", REVISIONS, ABSENT, "sets `revisionTags` where that is not configured"),
    Key("profile", TEXT, ABSENT, "a set of values below the user's: ambient, demo, openshift, preview"),
    Key("compatibilityVersion", TEXT_OR_NUMBER, ABSENT, "1.25 and 1.26 turn native sidecars off"),
    Key("platform", TEXT, ABSENT, "openshift: CNI with multus; sets `platform` where that is not configured"),
)
_GLOBAL = (
    Key("global.hub", TEXT, "registry.istio.io/testing", "images"),
    Key("global.tag", TEXT_OR_NUMBER, "latest", "images"),
    Key("global.variant", TEXT, "", "images"),
    Key("global.imagePullPolicy", TEXT, "", "injected containers", _PULL_POLICIES),
    Key("global.imagePullSecrets", TEXTS, [], "names of the pod's image pull secrets"),
    Key("global.istioNamespace", TEXT, "istio-system", "CA address, discovery address, grpc-simple"),
    Key("global.caAddress", TEXT, "", "CA_ADDR"),
    Key("global.caName", TEXT, "", "`GkeWorkloadCertificate` switches the certificate volumes"),
    Key("global.pilotCertProvider", TEXT, "istiod", "environment, root certificate volume"),
    Key("global.trustBundleName", TEXT, ABSENT, "root certificate volume"),
    Key("global.trustDomain", TEXT, ABSENT, "fallback for mesh id and trust domain"),
    Key("global.meshID", TEXT, "", "mesh id"),
    Key("global.network", TEXT, "", "network of the proxy, network label"),
    Key("global.platform", TEXT, ABSENT, "as `platform`"),
    Key("global.remotePilotAddress", TEXT, "", "where set, the discovery address has no revision suffix"),
    Key("global.multiCluster.clusterName", TEXT, "", "cluster of the proxy"),
    Key(
        "global.mountMtlsCerts", BOOLEAN, default=False, meaning="volume with the workload's certificates from a Secret"
    ),
    Key("global.sds.token.aud", TEXT, "istio-ca", "audience of the service account token"),
    Key("global.sts.servicePort", INTEGER, 0, "proxy argument"),
    Key("global.logAsJson", BOOLEAN, default=False, meaning="arguments"),
    Key("global.logging.level", TEXT, "default:info", "arguments"),
    Key("global.nativeNftables", BOOLEAN, default=False, meaning="init argument"),
)
_PROXY = (
    Key("global.proxy.image", TEXT, "proxyv2", "image"),
    Key("global.proxy.variant", TEXT, ABSENT, "image type of the mesh's `defaultConfig`"),
    Key("global.proxy.autoInject", TEXT, "enabled", "policy where that is not configured", ("enabled", "disabled")),
    Key("global.proxy.clusterDomain", TEXT, "cluster.local", "arguments"),
    Key("global.proxy.logLevel", TEXT, "warning", "arguments"),
    Key("global.proxy.componentLogLevel", TEXT, "misc:error", "arguments"),
    Key("global.proxy.includeIPRanges", TEXT, "*", "init arguments"),
    Key("global.proxy.excludeIPRanges", TEXT, "", "init arguments"),
    Key("global.proxy.includeInboundPorts", TEXT, "*", "init arguments"),
    Key("global.proxy.excludeInboundPorts", TEXT, "", "init arguments"),
    Key("global.proxy.includeOutboundPorts", TEXT, "", "init arguments"),
    Key("global.proxy.excludeOutboundPorts", TEXT, "", "init arguments"),
    Key("global.proxy.outlierLogPath", TEXT, "", "proxy argument"),
    Key("global.proxy.privileged", BOOLEAN, default=False, meaning="security contexts"),
    Key("global.proxy.seccompProfile", MAPPING, {}, "security contexts"),
    Key("global.proxy.capNetBindService", TEXT_OR_BOOLEAN, ABSENT, "security context of the proxy"),
    Key("global.proxy.statusPort", INTEGER, 15020, "probes, port exclusion"),
    Key("global.proxy.readinessInitialDelaySeconds", INTEGER, 0, "readiness probe"),
    Key("global.proxy.readinessPeriodSeconds", INTEGER, 15, "readiness probe"),
    Key("global.proxy.readinessFailureThreshold", INTEGER, 4, "readiness probe"),
    Key("global.proxy.startupProbe.enabled", BOOLEAN, default=True, meaning="startup probe"),
    Key("global.proxy.startupProbe.failureThreshold", INTEGER, 600, "startup probe"),
    Key("global.proxy.resources", MAPPING, _PROXY_RESOURCES, "resources; a null takes a default away"),
    Key("global.proxy.lifecycle", MAPPING, ABSENT, "lifecycle of the proxy, verbatim"),
    Key("global.proxy.holdApplicationUntilProxyStarts", BOOLEAN, ABSENT, "lifecycle, order of containers"),
    Key("global.proxy.tracer", TEXT, "none", "mesh-wide tracing, extras for datadog and lightstep", _TRACERS),
    Key("global.proxy_init.image", TEXT, "proxyv2", "image"),
    Key("global.proxy_init.forceApplyIptables", BOOLEAN, default=False, meaning="init argument"),
)
_ENVOY = (
    Key(
        "global.envoy.image", TEXT, "docker.io/envoyproxy/envoy:v1.40.0", "proxy of the templates without Istio's agent"
    ),
    Key(
        "global.envoy.captureImage",
        TEXT,
        "sidecar-injector:latest",
        "the injector's own image: it redirects the traffic",
    ),
    Key("global.envoy.ipv6", BOOLEAN, default=True, meaning="listen on IPv6 too; false where the kernel has none"),
)
_TRACERS_OF_THE_MESH = (
    Key("global.tracer.zipkin.address", TEXT, ABSENT, "default `zipkin.<istioNamespace>:9411`"),
    Key("global.tracer.datadog.address", TEXT, ABSENT, "default `$(HOST_IP):8126`"),
    Key("global.tracer.lightstep.address", TEXT, ABSENT, "address of the tracer"),
    Key("global.tracer.lightstep.accessToken", TEXT, ABSENT, "token for the tracer"),
)
_OTHERS = (
    Key(
        "pilot.cni.enabled",
        BOOLEAN,
        default=False,
        meaning="the node's CNI plugin redirects traffic: no privileged init container",
    ),
    Key("pilot.cni.provider", TEXT, "default", "`multus` adds the network annotation"),
    Key("pilot.env", MAPPING, {}, "the control plane's environment, as far as it is named below"),
    Key("pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API", BOOLEAN, ABSENT, "root certificate volume"),
    Key("pilot.env.ENABLE_NATIVE_SIDECARS", TEXT_OR_BOOLEAN, ABSENT, "nativeSidecars where that is not configured"),
    Key("pilot.env.PLATFORM", TEXT, ABSENT, "platform where that is not configured"),
    Key(
        "pilot.env.COMPLIANCE_POLICY",
        TEXT,
        ABSENT,
        "compliancePolicy where that is not configured",
        COMPLIANCE_POLICIES,
    ),
    Key("pilot.crlConfigMapName", TEXT, ABSENT, "volume with the certificate revocation list"),
    Key("gateways.securityContext", MAPPING, {}, "pod security context of the gateway template"),
    Key("gateways.seccompProfile", MAPPING, {}, "no effect on the shipped templates"),
    Key("istiodRemote.enabledLocalInjectorIstiod", BOOLEAN, ABSENT, "with remotePilotAddress: host istiod-remote"),
)
_WEBHOOK = (
    Key("sidecarInjectorWebhook.rewriteAppHTTPProbe", BOOLEAN, default=True, meaning="probe rewriting"),
    Key("sidecarInjectorWebhook.neverInjectSelector", SELECTORS, [], "as the key of this name above"),
    Key("sidecarInjectorWebhook.alwaysInjectSelector", SELECTORS, [], "as the key of this name above"),
    Key("sidecarInjectorWebhook.injectedAnnotations", TEXT_MAP, {}, "united with the key of this name above"),
    Key("sidecarInjectorWebhook.templates", TEMPLATES, {}, "united with the key of this name above"),
    Key("sidecarInjectorWebhook.defaultTemplates", TEXTS, [], "as the key of this name above"),
    Key(
        "sidecarInjectorWebhook.enableNamespacesByDefault",
        BOOLEAN,
        default=False,
        meaning="as the key of this name above",
    ),
)

VALUES_KEYS = (*_INSTALLATION, *_GLOBAL, *_PROXY, *_ENVOY, *_TRACERS_OF_THE_MESH, *_OTHERS, *_WEBHOOK)
