"""Every annotation and label that plays a part in injection, with what it takes and what it does (reference 12).

`docs/annotations.md` is written from these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One annotation or label: the values it takes, what it does, and what holds where it is absent."""

    accepted: str
    effect: str
    default: str = ""


_PORTS = "port list such as `80,8443`"
_CIDRS = "comma-separated CIDRs such as `10.0.0.0/8`"
_INTERFACES = "comma-separated interface names"
_QUANTITY = "Kubernetes quantity such as `100m` or `128Mi`"
_SECONDS = "whole number"
_NONE = "no effect on injection: read by the proxy or by the control plane"

ANNOTATIONS: Mapping[str, Entry] = {
    "sidecar.istio.io/inject": Entry(
        "`true`, `false`", "whether the pod is injected; the label of this name wins", "policy"
    ),
    "inject.istio.io/templates": Entry(
        "comma-separated template or alias names", "the templates", "`defaultTemplates`"
    ),
    "proxy.istio.io/config": Entry(
        "YAML of a ProxyConfig", "a layer of the proxy's configuration", "mesh configuration"
    ),
    "proxy.istio.io/overrides": Entry("written by the injector", "the user's containers under injected names"),
    "sidecar.istio.io/status": Entry("written by the injector", "what an injection added"),
    "sidecar.istio.io/interceptionMode": Entry(
        "`REDIRECT`, `TPROXY`, `NONE`", "how traffic is captured", "ProxyConfig"
    ),
    "sidecar.istio.io/capNetBindService": Entry("`true`", "the proxy may bind ports below 1024", "values"),
    "sidecar.istio.io/nativeSidecar": Entry("`true`, `false`", "proxy as a restartable init container", "detected"),
    "sidecar.istio.io/proxyImage": Entry("image with a `/`", "image of the injected containers", "values"),
    "sidecar.istio.io/proxyImageType": Entry("such as `distroless`, `debug`, `default`", "suffix of the tag", "values"),
    "sidecar.istio.io/proxyCPU": Entry(_QUANTITY, "CPU request of the injected containers", "values"),
    "sidecar.istio.io/proxyMemory": Entry(_QUANTITY, "memory request of the injected containers", "values"),
    "sidecar.istio.io/proxyCPULimit": Entry(_QUANTITY, "CPU limit of the injected containers", "values"),
    "sidecar.istio.io/proxyMemoryLimit": Entry(_QUANTITY, "memory limit of the injected containers", "values"),
    "sidecar.istio.io/logLevel": Entry("text", "Envoy's log level", "values"),
    "sidecar.istio.io/componentLogLevel": Entry("text", "Envoy's log level by component", "values"),
    "sidecar.istio.io/agentLogLevel": Entry("text", "the agent's log level", "values"),
    "sidecar.istio.io/bootstrapOverride": Entry("ConfigMap name", "custom Envoy bootstrap"),
    "sidecar.istio.io/userVolume": Entry("JSON object, name → volume source", "volumes of the pod"),
    "sidecar.istio.io/userVolumeMount": Entry("JSON object, name → mount", "mounts of the proxy"),
    "sidecar.istio.io/rewriteAppHTTPProbers": Entry("boolean", "probes go through the agent", "values"),
    "status.sidecar.istio.io/port": Entry("port, `0` for none", "the agent's status port", "values"),
    "readiness.status.sidecar.istio.io/initialDelaySeconds": Entry(_SECONDS, "the proxy's readiness probe", "values"),
    "readiness.status.sidecar.istio.io/periodSeconds": Entry(_SECONDS, "the proxy's readiness probe", "values"),
    "readiness.status.sidecar.istio.io/failureThreshold": Entry(_SECONDS, "the proxy's readiness probe", "values"),
    "readiness.status.sidecar.istio.io/applicationPorts": Entry(_PORTS, _NONE),
    "traffic.sidecar.istio.io/includeOutboundIPRanges": Entry(
        f"`*` or {_CIDRS}", "outbound traffic captured", "values"
    ),
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": Entry(_CIDRS, "outbound traffic left alone", "values"),
    "traffic.sidecar.istio.io/includeInboundPorts": Entry(f"`*` or {_PORTS}", "inbound ports captured", "values"),
    "traffic.sidecar.istio.io/excludeInboundPorts": Entry(_PORTS, "inbound ports left alone", "values"),
    "traffic.sidecar.istio.io/includeOutboundPorts": Entry(_PORTS, "outbound ports captured", "values"),
    "traffic.sidecar.istio.io/excludeOutboundPorts": Entry(_PORTS, "outbound ports left alone", "values"),
    "traffic.sidecar.istio.io/excludeInterfaces": Entry(_INTERFACES, "interfaces left alone"),
    "traffic.sidecar.istio.io/kubevirtInterfaces": Entry(_INTERFACES, "interfaces of virtual machines"),
    "istio.io/reroute-virtual-interfaces": Entry(_INTERFACES, "interfaces of virtual machines; wins"),
    "prometheus.istio.io/merge-metrics": Entry(
        "boolean", "Prometheus scrapes the agent for both", "mesh configuration"
    ),
    "prometheus.istio.io/scrape-targets": Entry("comma-separated `port:path`", "what the agent scrapes"),
    "prometheus.istio.io/secure-port": Entry("text", "port of encrypted metrics"),
    "prometheus.io/scrape": Entry("boolean", "whether the pod is scraped"),
    "prometheus.io/port": Entry("port", "where the application is scraped"),
    "prometheus.io/path": Entry("path", "where the application is scraped"),
    "apm.datadoghq.com/env": Entry("JSON object", "environment of the proxy with the datadog tracer"),
    "resource.opentelemetry.io/service.namespace": Entry("text", "OpenTelemetry resource attribute"),
    "resource.opentelemetry.io/service.version": Entry("text", "OpenTelemetry resource attribute"),
    "resource.opentelemetry.io/service.instance.id": Entry("text", "OpenTelemetry resource attribute"),
    "k8s.v1.cni.cncf.io/networks": Entry("list of networks", "Istio's network is added where Multus is used"),
    "kubectl.kubernetes.io/default-container": Entry(
        "container name", "kept if present", "first application container"
    ),
    "kubectl.kubernetes.io/default-logs-container": Entry(
        "container name", "kept if present", "first application container"
    ),
    "istio.io/rev": Entry("written by the injector", "the revision that injected"),
    "sidecar.istio.io/discoveryAddress": Entry("host:port", _NONE),
    "sidecar.istio.io/statsInclusionPrefixes": Entry("text", _NONE),
    "sidecar.istio.io/statsInclusionSuffixes": Entry("text", _NONE),
    "sidecar.istio.io/statsInclusionRegexps": Entry("text", _NONE),
    "sidecar.istio.io/statsHistogramBuckets": Entry("text", _NONE),
    "sidecar.istio.io/statsCompression": Entry("text", _NONE),
    "sidecar.istio.io/statsEvictionInterval": Entry("text", _NONE),
    "sidecar.istio.io/extraStatTags": Entry("text", _NONE),
    "sidecar.istio.io/enableCoreDump": Entry("boolean", _NONE),
    "sidecar.istio.io/controlPlaneAuthPolicy": Entry("text", _NONE),
    "istio.io/autoRegistrationGroup": Entry("text", _NONE),
    "istio.io/connectedAt": Entry("text", _NONE),
    "istio.io/disconnectedAt": Entry("text", _NONE),
    "istio.io/workloadController": Entry("text", _NONE),
    "istio.io/dry-run": Entry("boolean", _NONE),
}

LABELS: Mapping[str, Entry] = {
    "sidecar.istio.io/inject": Entry("`true`, `false`", "whether the pod is injected", "policy"),
    "istio.io/rev": Entry("revision or tag", "which injector the pod is for, where the namespace does not say"),
    "security.istio.io/tlsMode": Entry("text", "kept if not empty", "`istio`"),
    "networking.istio.io/tunnel": Entry("text", "kept if not empty", "`http` with HBONE"),
    "service.istio.io/canonical-name": Entry("text", "canonical name", "`app.kubernetes.io/name`, `app`, workload"),
    "service.istio.io/canonical-revision": Entry(
        "text", "canonical revision", "`app.kubernetes.io/version`, `version`"
    ),
    "service.istio.io/workload-name": Entry("text", "name of the workload in telemetry", "workload"),
    "topology.istio.io/network": Entry("text", "network of the pod", "values"),
    "istio.io/dataplane-mode": Entry("text", _NONE),
    "istio.io/use-waypoint": Entry("text", _NONE),
    "istio.io/use-waypoint-namespace": Entry("text", _NONE),
    "istio.io/ingress-use-waypoint": Entry("text", _NONE),
    "istio.io/waypoint-for": Entry("text", _NONE),
    "istio.io/gateway-name": Entry("text", _NONE),
    "istio.io/tag": Entry("text", _NONE),
    "istio.io/global": Entry("text", _NONE),
}
