"""The installation values that injection reads, with Istio's defaults (reference 3.2). Other keys are allowed."""

from injector.config.keys import ABSENT, Key
from injector.config.kinds import (
    BOOLEAN,
    INTEGER,
    MAPPING,
    REVISION,
    REVISIONS,
    SELECTORS,
    TEMPLATES,
    TEXT,
    TEXT_MAP,
    TEXT_OR_BOOLEAN,
    TEXT_OR_NUMBER,
    TEXTS,
)
from injector.config.native_keys import COMPLIANCE_POLICIES

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
