"""Annotation values that are refused, each with what would be valid (reference 12.1 and 13.1)."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from injector.core.errors import quoted
from injector.core.pods import parse_boolean
from injector.core.quantity import canonical_quantity
from injector.envoy import VALID, read_protocols

_LARGEST_PORT = 65535
_LARGEST_UNSIGNED = 2**32 - 1
_LONGEST_INTERFACE = 15
_MOST_DIGITS = 20
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_MODES = ("REDIRECT", "TPROXY", "NONE")

Check = Callable[[str], str | None]
"""From an annotation's value to what is wrong with it and what would be valid; None where it is fine."""


def validate(annotations: Mapping[str, str]) -> list[str]:
    """All violations among `annotations`, one text each, which names the annotation, its value and what is valid.

    `proxy.istio.io/config` is checked in `proxy_config`, `proxy.istio.io/overrides` where it is read.
    """
    faults = []
    # The names that both have, rather than all of the pod's: there may be thousands.
    for name in sorted(_CHECKS.keys() & annotations.keys()):
        fault = _CHECKS[name](annotations[name])
        if fault:
            faults.append(f"invalid value {quoted(annotations[name])} for annotation '{name}': {fault}")
    return faults


def _interception_mode(value: str) -> str | None:
    return None if value in _MODES else f"interceptionMode invalid, use {','.join(_MODES)}"


def _boolean(value: str) -> str | None:
    return None if parse_boolean(value) is not None else "it is not a boolean: invalid syntax; valid: true, false"


def _quantity(value: str) -> str | None:
    if _CONTROL_CHARACTER.search(value):
        return "it contains control characters; valid: a quantity such as 100m or 128Mi"
    try:
        canonical_quantity(value)
    except ValueError as error:
        return str(error)
    return None


def _unsigned(value: str) -> str | None:
    if not _is_number(value):
        return f"parsing {quoted(value)}: invalid syntax; valid: an integer from 0 to {_LARGEST_UNSIGNED}"
    if int(value) > _LARGEST_UNSIGNED:
        return f"parsing {quoted(value)}: value out of range; valid: an integer from 0 to {_LARGEST_UNSIGNED}"
    return None


def _status_port(value: str) -> str | None:
    if _is_port(value):
        return None
    return (
        f"excludeInboundPorts invalid: failed parsing port {quoted(value)}; valid: a number from 0 to {_LARGEST_PORT}"
    )


def _port_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated numbers from 0 to {_LARGEST_PORT}"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value.strip():
            return None
        wrong = next((port for port in value.strip().split(",") if not _is_port(port)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing port {quoted(wrong)}; valid: {valid}"

    return check


def _cidr_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated prefixes such as 10.0.0.0/8"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value:
            return None
        wrong = next((cidr for cidr in value.split(",") if not _is_cidr(cidr)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing cidr {quoted(wrong)}; valid: {valid}"

    return check


def _interface_list(value: str) -> str | None:
    for name in (part.strip() for part in value.split(",")) if value else ():
        if not name:
            return "empty interface name; valid: comma-separated names such as net1"
        if len(name) > _LONGEST_INTERFACE:
            return f"interface name {quoted(name)} too long; valid: at most {_LONGEST_INTERFACE} characters"
        if not _INTERFACE.fullmatch(name):
            valid = "a letter, then letters, digits, _ . -"
            return f"interface name {quoted(name)} contains invalid characters; valid: {valid}"
    return None


def _protocol_list(value: str) -> str | None:
    try:
        read_protocols(value)
    except ValueError as error:
        return f"{quoted(str(error))} is not PORT:PROTOCOL; valid: {VALID}"
    return None


def _is_port(text: str) -> bool:
    text = text.strip()
    return _is_number(text) and int(text) <= _LARGEST_PORT


def _is_number(text: str) -> bool:
    """Whether the text is a number that a person would write: Python reads no number of thousands of digits."""
    return len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit()


def _is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or "%" in address or not _is_number(bits) or (bits[0] == "0" and bits != "0"):
        return False
    try:
        return int(bits) <= ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return False


# Every annotation and label that plays a part in injection (reference 12): the one place that says what it takes, what
# it does and how its value is checked. `docs/annotations.md` is made from these tables.

NO_EFFECT = "no effect on injection: read by the proxy or by the control plane"


@dataclass(frozen=True, slots=True)
class Row:
    """One annotation or label: the values it takes, what it does, and what holds where it is absent.

    `section` of the reference has the details (none for names of our own), `check` says what is wrong with a value.
    """

    accepted: str
    effect: str
    default: str = ""
    section: str = "12.1"
    check: Check | None = None

    @property
    def has_effect(self) -> bool:
        """Whether injection reads it."""
        return self.effect != NO_EFFECT


_PORTS = "port list such as `80,8443`"
_CIDRS = "comma-separated CIDRs such as `10.0.0.0/8`"
_INTERFACES = "comma-separated interface names"
_QUANTITY = "Kubernetes quantity such as `100m` or `128Mi`"
_SECONDS = "integer"

ANNOTATIONS: Mapping[str, Row] = {
    "sidecar.istio.io/inject": Row(
        "`true`, `false`", "whether the pod is injected; the label of this name wins", "policy", section="2.1"
    ),
    "inject.istio.io/templates": Row(
        "comma-separated template or alias names", "the templates", "`defaultTemplates`", section="1.2"
    ),
    "proxy.istio.io/config": Row(
        "YAML of a ProxyConfig", "a layer of the proxy's configuration", "mesh configuration", section="3.4"
    ),
    "proxy.istio.io/overrides": Row(
        "written by the injector", "the user's containers under injected names", section="9.2"
    ),
    "sidecar.istio.io/status": Row("written by the injector", "what an injection added", section="10.1"),
    "sidecar.istio.io/interceptionMode": Row(
        "`REDIRECT`, `TPROXY`, `NONE`",
        "how traffic is captured",
        "ProxyConfig",
        section="5.1",
        check=_interception_mode,
    ),
    "sidecar.istio.io/capNetBindService": Row(
        "`true`", "the proxy may bind ports below 1024", "values", section="5.11"
    ),
    "sidecar.istio.io/nativeSidecar": Row(
        "`true`, `false`", "proxy as a restartable init container", "detected", section="3.7"
    ),
    "sidecar.istio.io/proxyImage": Row("image with a `/`", "image of the injected containers", "values", section="5.3"),
    "sidecar.istio.io/proxyImageType": Row(
        "such as `distroless`, `debug`, `default`", "suffix of the tag", "values", section="5.3"
    ),
    "sidecar.istio.io/proxyCPU": Row(
        _QUANTITY, "CPU request of the injected containers", "values", section="5.10", check=_quantity
    ),
    "sidecar.istio.io/proxyMemory": Row(
        _QUANTITY, "memory request of the injected containers", "values", section="5.10", check=_quantity
    ),
    "sidecar.istio.io/proxyCPULimit": Row(
        _QUANTITY, "CPU limit of the injected containers", "values", section="5.10", check=_quantity
    ),
    "sidecar.istio.io/proxyMemoryLimit": Row(
        _QUANTITY, "memory limit of the injected containers", "values", section="5.10", check=_quantity
    ),
    "sidecar.istio.io/logLevel": Row("text", "Envoy's log level", "values", section="5.9.1"),
    "sidecar.istio.io/componentLogLevel": Row("text", "Envoy's log level by component", "values", section="5.9.1"),
    "sidecar.istio.io/agentLogLevel": Row("text", "the agent's log level", "values", section="5.9.1"),
    "sidecar.istio.io/bootstrapOverride": Row("ConfigMap name", "custom Envoy bootstrap", section="5.13"),
    "sidecar.istio.io/userVolume": Row("JSON object, name → volume source", "volumes of the pod", section="5.13"),
    "sidecar.istio.io/userVolumeMount": Row("JSON object, name → mount", "mounts of the proxy", section="5.12"),
    "sidecar.istio.io/rewriteAppHTTPProbers": Row("boolean", "probes go through the agent", "values", section="11.4"),
    "status.sidecar.istio.io/port": Row(
        "port, `0` for none", "the agent's status port", "values", section="5.2", check=_status_port
    ),
    "readiness.status.sidecar.istio.io/initialDelaySeconds": Row(
        _SECONDS, "the proxy's readiness probe", "values", section="5.9", check=_unsigned
    ),
    "readiness.status.sidecar.istio.io/periodSeconds": Row(
        _SECONDS, "the proxy's readiness probe", "values", section="5.9", check=_unsigned
    ),
    "readiness.status.sidecar.istio.io/failureThreshold": Row(
        _SECONDS, "the proxy's readiness probe", "values", section="5.9", check=_unsigned
    ),
    "readiness.status.sidecar.istio.io/applicationPorts": Row(_PORTS, NO_EFFECT),
    "traffic.sidecar.istio.io/includeOutboundIPRanges": Row(
        f"`*` or {_CIDRS}",
        "outbound traffic captured",
        "values",
        section="5.8",
        check=_cidr_list("includeIPRanges", wildcard=True),
    ),
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": Row(
        _CIDRS, "outbound traffic left alone", "values", section="5.8", check=_cidr_list("excludeIPRanges")
    ),
    "traffic.sidecar.istio.io/includeInboundPorts": Row(
        f"`*` or {_PORTS}",
        "inbound ports captured",
        "values",
        section="5.8",
        check=_port_list("includeInboundPorts", wildcard=True),
    ),
    "traffic.sidecar.istio.io/excludeInboundPorts": Row(
        _PORTS, "inbound ports left alone", "values", section="5.8", check=_port_list("excludeInboundPorts")
    ),
    "traffic.sidecar.istio.io/includeOutboundPorts": Row(_PORTS, "outbound ports captured", "values", section="5.8"),
    "traffic.sidecar.istio.io/excludeOutboundPorts": Row(
        _PORTS, "outbound ports left alone", "values", section="5.8", check=_port_list("excludeOutboundPorts")
    ),
    "traffic.sidecar.istio.io/excludeInterfaces": Row(
        _INTERFACES, "interfaces left alone", section="5.8", check=_interface_list
    ),
    "traffic.sidecar.istio.io/kubevirtInterfaces": Row(
        _INTERFACES, "interfaces of virtual machines", section="5.8", check=_interface_list
    ),
    "istio.io/reroute-virtual-interfaces": Row(
        _INTERFACES, "interfaces of virtual machines; wins", section="5.8", check=_interface_list
    ),
    "prometheus.istio.io/merge-metrics": Row(
        "boolean", "Prometheus scrapes the agent for both", "mesh configuration", section="11.2", check=_boolean
    ),
    "prometheus.istio.io/scrape-targets": Row("comma-separated `port:path`", "what the agent scrapes", section="11.2"),
    "prometheus.istio.io/secure-port": Row("text", "port of encrypted metrics", section="11.3"),
    "prometheus.io/scrape": Row("boolean", "whether the pod is scraped", section="11.2"),
    "prometheus.io/port": Row("port", "where the application is scraped", section="11.2"),
    "prometheus.io/path": Row("path", "where the application is scraped", section="11.2"),
    "apm.datadoghq.com/env": Row("JSON object", "environment of the proxy with the datadog tracer", section="5.9.3"),
    "resource.opentelemetry.io/service.namespace": Row("text", "OpenTelemetry resource attribute", section="5.14"),
    "resource.opentelemetry.io/service.version": Row("text", "OpenTelemetry resource attribute", section="5.14"),
    "resource.opentelemetry.io/service.instance.id": Row("text", "OpenTelemetry resource attribute", section="5.14"),
    "k8s.v1.cni.cncf.io/networks": Row(
        "list of networks", "Istio's network is added where Multus is used", section="5.6"
    ),
    "kubectl.kubernetes.io/default-container": Row(
        "container name", "kept if present", "first application container", section="5.5"
    ),
    "kubectl.kubernetes.io/default-logs-container": Row(
        "container name", "kept if present", "first application container", section="5.5"
    ),
    "istio.io/rev": Row("written by the injector", "the revision that injected", section="5.5"),
    "gateway.sidecar-injector.io/config-map": Row(
        "ConfigMap name", "template `envoy-gateway`: where the rendered configuration is", "the workload's", section=""
    ),
    "gateway.sidecar-injector.io/secrets": Row(
        "comma-separated Secret names, also as NAME=DIRECTORY",
        "template `envoy-gateway`: certificates that are mounted",
        section="",
    ),
    "traffic.sidecar-injector.io/inboundProtocols": Row(
        "comma-separated `port:protocol`",
        "template `envoy`: what the pod's ports speak",
        "port names, then values",
        section="",
        check=_protocol_list,
    ),
    "traffic.sidecar-injector.io/outboundProtocols": Row(
        "comma-separated `port:protocol`",
        "template `envoy`: what the ports that it connects to speak",
        "values",
        section="",
        check=_protocol_list,
    ),
    "sidecar.istio.io/discoveryAddress": Row("host:port", NO_EFFECT),
    "sidecar.istio.io/statsInclusionPrefixes": Row("text", NO_EFFECT),
    "sidecar.istio.io/statsInclusionSuffixes": Row("text", NO_EFFECT),
    "sidecar.istio.io/statsInclusionRegexps": Row("text", NO_EFFECT),
    "sidecar.istio.io/statsHistogramBuckets": Row("text", NO_EFFECT),
    "sidecar.istio.io/statsCompression": Row("text", NO_EFFECT),
    "sidecar.istio.io/statsEvictionInterval": Row("text", NO_EFFECT),
    "sidecar.istio.io/extraStatTags": Row("text", NO_EFFECT),
    "sidecar.istio.io/enableCoreDump": Row("boolean", NO_EFFECT),
    "sidecar.istio.io/controlPlaneAuthPolicy": Row("text", NO_EFFECT),
    "istio.io/autoRegistrationGroup": Row("text", NO_EFFECT),
    "istio.io/connectedAt": Row("text", NO_EFFECT),
    "istio.io/disconnectedAt": Row("text", NO_EFFECT),
    "istio.io/workloadController": Row("text", NO_EFFECT),
    "istio.io/dry-run": Row("boolean", NO_EFFECT),
}

_CHECKS: Mapping[str, Check] = {name: row.check for name, row in ANNOTATIONS.items() if row.check}

LABELS: Mapping[str, Row] = {
    "sidecar.istio.io/inject": Row("`true`, `false`", "whether the pod is injected", "policy", section="2.1"),
    "istio.io/rev": Row(
        "revision or tag", "which injector the pod is for, where the namespace does not say", section="2.2"
    ),
    "security.istio.io/tlsMode": Row("text", "kept if not empty", "`istio`", section="5.4"),
    "networking.istio.io/tunnel": Row("text", "kept if not empty", "`http` with HBONE", section="5.4"),
    "service.istio.io/canonical-name": Row(
        "text", "canonical name", "`app.kubernetes.io/name`, `app`, workload", section="5.4"
    ),
    "service.istio.io/canonical-revision": Row(
        "text", "canonical revision", "`app.kubernetes.io/version`, `version`", section="5.4"
    ),
    "service.istio.io/workload-name": Row("text", "name of the workload in telemetry", "workload", section="5.9.3"),
    "topology.istio.io/network": Row("text", "network of the pod", "values", section="11.5"),
    "istio.io/dataplane-mode": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/use-waypoint": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/use-waypoint-namespace": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/ingress-use-waypoint": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/waypoint-for": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/gateway-name": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/tag": Row("text", NO_EFFECT, section="12.2"),
    "istio.io/global": Row("text", NO_EFFECT, section="12.2"),
}

# Families of which every name is known here; in other families of istio.io nobody can tell.
FAMILIES = frozenset(
    "sidecar.istio.io traffic.sidecar.istio.io status.sidecar.istio.io readiness.status.sidecar.istio.io "
    "proxy.istio.io inject.istio.io prometheus.istio.io istio.io gateway.sidecar-injector.io "
    "traffic.sidecar-injector.io".split()
)
