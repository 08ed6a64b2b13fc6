"""Annotation values that are refused, each with what would be valid (reference 12.1 and 13.1)."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from injector.core.model import Pod
from injector.core.pods import annotations, labels, parse_boolean
from injector.core.quantity import canonical_quantity

_LARGEST_PORT = 65535
_LARGEST_UNSIGNED = 2**32 - 1
_LONGEST_INTERFACE = 15
_LONGEST_SHOWN = 200
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MODES = ("REDIRECT", "TPROXY", "NONE")

Check = Callable[[str], str | None]
"""From an annotation's value to what is wrong with it and what would be valid; None where it is fine."""


def validate(annotations: Mapping[str, str]) -> list[str]:
    """All violations among `annotations`, one text each, which names the annotation, its value and what is valid.

    `proxy.istio.io/config` is checked in `proxy_config`, `proxy.istio.io/overrides` where it is read.
    """
    return list(_violations(annotations))


def _violations(annotations: Mapping[str, str]) -> Iterator[str]:
    for name, value in annotations.items():
        check = CHECKS.get(name)
        fault = check(value) if check else None
        if fault:
            shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}..."
            yield f"invalid value '{shown}' for annotation '{name}': {fault}"


def _interception_mode(value: str) -> str | None:
    return None if value in _MODES else f"interceptionMode invalid, use {','.join(_MODES)}"


def _boolean(value: str) -> str | None:
    return None if parse_boolean(value) is not None else "it is not a boolean: invalid syntax; valid: true, false"


def _quantity(value: str) -> str | None:
    if any(ord(character) < ord(" ") or character == "\x7f" for character in value):
        return "it contains control characters; valid: a quantity such as 100m or 128Mi"
    try:
        canonical_quantity(value)
    except ValueError as error:
        return str(error)
    return None


def _unsigned(value: str) -> str | None:
    if not (value.isascii() and value.isdigit()):
        return f"parsing {value!r}: invalid syntax; valid: a whole number from 0 to {_LARGEST_UNSIGNED}"
    if len(value.lstrip("0")) > len(str(_LARGEST_UNSIGNED)) or int(value) > _LARGEST_UNSIGNED:
        return f"parsing {value!r}: value out of range; valid: a whole number from 0 to {_LARGEST_UNSIGNED}"
    return None


def _status_port(value: str) -> str | None:
    if _is_port(value):
        return None
    return f"excludeInboundPorts invalid: failed parsing port {value!r}; valid: a number from 0 to {_LARGEST_PORT}"


def _port_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated numbers from 0 to {_LARGEST_PORT}"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value.strip():
            return None
        wrong = next((port for port in value.strip().split(",") if not _is_port(port)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing port {wrong!r}; valid: {valid}"

    return check


def _cidr_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated prefixes such as 10.0.0.0/8"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value:
            return None
        wrong = next((cidr for cidr in value.split(",") if not _is_cidr(cidr)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing cidr {wrong!r}; valid: {valid}"

    return check


def _interface_list(value: str) -> str | None:
    for name in (part.strip() for part in value.split(",")) if value else ():
        if not name:
            return "empty interface name; valid: comma-separated names such as net1"
        if len(name) > _LONGEST_INTERFACE:
            return f"interface name {name!r} too long; valid: at most {_LONGEST_INTERFACE} characters"
        if not _INTERFACE.fullmatch(name):
            return f"interface name {name!r} contains invalid characters; valid: a letter, then letters, digits, _ . -"
    return None


def _is_port(text: str) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len("65535") and int(text) <= _LARGEST_PORT


def _is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or "%" in address or not bits.isascii() or not bits.isdigit() or (bits[0] == "0" and bits != "0"):
        return False
    try:
        return int(bits) <= ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return False


_TRAFFIC = "traffic.sidecar.istio.io/"
_READINESS = "readiness.status.sidecar.istio.io/"
_RESOURCES = ("proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit")
_PROBE_NUMBERS = ("initialDelaySeconds", "periodSeconds", "failureThreshold")

CHECKS: Mapping[str, Check] = {
    "sidecar.istio.io/interceptionMode": _interception_mode,
    **{f"sidecar.istio.io/{name}": _quantity for name in _RESOURCES},
    "status.sidecar.istio.io/port": _status_port,
    **{f"{_READINESS}{name}": _unsigned for name in _PROBE_NUMBERS},
    f"{_TRAFFIC}includeOutboundIPRanges": _cidr_list("includeIPRanges", wildcard=True),
    f"{_TRAFFIC}excludeOutboundIPRanges": _cidr_list("excludeIPRanges"),
    f"{_TRAFFIC}includeInboundPorts": _port_list("includeInboundPorts", wildcard=True),
    f"{_TRAFFIC}excludeInboundPorts": _port_list("excludeInboundPorts"),
    f"{_TRAFFIC}excludeOutboundPorts": _port_list("excludeOutboundPorts"),
    f"{_TRAFFIC}excludeInterfaces": _interface_list,
    f"{_TRAFFIC}kubevirtInterfaces": _interface_list,
    "istio.io/reroute-virtual-interfaces": _interface_list,
    "prometheus.istio.io/merge-metrics": _boolean,
}


# Every annotation and label that plays a part in injection, with what it takes and what it does (reference 12).
# `docs/annotations.md` is written from these tables.


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


# Annotations and labels that look like the injector's but are not: a warning with the nearest known name.

# Families of which every name is known here; in other families of istio.io nobody can tell.
FAMILIES = frozenset(
    "sidecar.istio.io traffic.sidecar.istio.io status.sidecar.istio.io readiness.status.sidecar.istio.io "
    "proxy.istio.io inject.istio.io prometheus.istio.io istio.io".split()
)
_NEAR_FAMILY, _NEAR_NAME = 0.85, 0.6


def misspelt(pod: Pod) -> list[str]:
    """One warning for each annotation or label of a known family, or nearly of one, whose name is not known."""
    return [
        *_warnings("annotation", annotations(pod), ANNOTATIONS, LABELS),
        *_warnings("label", labels(pod), LABELS, ANNOTATIONS),
    ]


def _warnings(
    word: str, names: Mapping[str, str], known: Mapping[str, Entry], elsewhere: Mapping[str, Entry]
) -> Iterator[str]:
    other = "label" if word == "annotation" else "annotation"
    for name in names:
        if name in known or "/" not in name or "io/" not in name:
            continue
        if name in elsewhere:
            yield f'{word} "{name}" has no effect: make it {"a label" if other == "label" else "an annotation"}'
            continue
        family = _family(name.partition("/")[0])
        if family:
            nearest = _nearest(name, family, known)
            yield f'{word} "{name}" is not known' + (f'; did you mean "{nearest}"?' if nearest else "")


def _family(prefix: str) -> str | None:
    if prefix in FAMILIES:
        return prefix
    if prefix.endswith(".istio.io"):
        near = [family for family in FAMILIES if family.count(".") == prefix.count(".")]
        return next(iter(get_close_matches(prefix, near, 1, _NEAR_FAMILY)), None)
    return next(iter(get_close_matches(prefix, FAMILIES, 1, _NEAR_FAMILY)), None) if "istio" in prefix else None


def _nearest(name: str, family: str, known: Mapping[str, Entry]) -> str | None:
    tail = name.partition("/")[2].lower()
    of_family = {each.partition("/")[2].lower(): each for each in known if each.startswith(f"{family}/")}
    close = get_close_matches(tail, of_family, 1, _NEAR_NAME)
    if close:
        return of_family[close[0]]
    anywhere = {each.partition("/")[2].lower(): each for each in known if "istio.io/" in each}
    close = get_close_matches(tail, anywhere, 1, _NEAR_FAMILY)
    return anywhere[close[0]] if close else None
