"""What is said at injection about a pod of the template `envoy`: settings without effect, and traffic left alone."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from injector.envoy.messages import JsonObject
from injector.envoy.settings import INBOUND_PORT, OUTBOUND_PORT
from injector.envoy.sidecar import ADMIN_PORT, MARK, PROMETHEUS_PORT, READINESS_PORT


@dataclass(frozen=True, slots=True)
class Subject:
    """The pod, not injected, and what it is injected with. Its proxy runs as `user` and `group`."""

    pod: JsonObject
    mesh_config: JsonObject
    proxy_config: JsonObject
    values: JsonObject
    mode: str
    user: int
    group: int


def standalone_warnings(subject: Subject) -> Iterator[str]:
    """What a person should know about the pod, each thing once."""
    yield from _unread_settings(subject.mesh_config, subject.proxy_config, subject.values)
    yield from _not_captured_users(subject)
    yield from _taken_ports(subject)
    yield from _loopback_ranges(subject)


# Settings that Istio's proxy, or its capture, reads, in one table: path, and the values that ask for
# what the template does anyway. Source of the paths:
# https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/.
_MESH: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("inboundTrafficPolicy.mode", ("PASSTHROUGH",)),
    ("outboundTrafficPolicy.mode", ("ALLOW_ANY",)),
    ("accessLogFile", ("/dev/stdout",)),
    ("accessLogEncoding", ("JSON",)),
    ("accessLogFormat", ()),
    ("connectTimeout", ("10s",)),
    ("tcpKeepalive", ()),
    ("pathNormalization.normalization", ("NONE",)),
    ("defaultHttpRetryPolicy", ()),
    ("h2UpgradePolicy", ("DO_NOT_UPGRADE",)),
    ("meshMTLS", ()),
    ("tlsDefaults", ()),
    ("proxyHttpPort", ()),
    ("enableEnvoyAccessLogService", ()),
    ("disableEnvoyListenerLog", ()),
    ("defaultProviders.accessLogging", (["envoy"],)),
)
_PROXY: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("proxyMetadata.ISTIO_META_DNS_CAPTURE", ("false",)),
    ("proxyMetadata.ISTIO_META_DNS_AUTO_ALLOCATE", ("false",)),
    # What istio-iptables reads from its environment, which is proxyMetadata. Source: its flags
    # (https://github.com/istio/istio/blob/master/tools/istio-iptables/pkg/cmd/root.go).
    ("proxyMetadata.CAPTURE_ALL_DNS", ("false",)),
    ("proxyMetadata.INVALID_DROP", ("false",)),
    ("proxyMetadata.DROP_INVALID", ("false",)),
    ("proxyMetadata.ISTIO_OUTBOUND_OWNER_GROUPS", ("*",)),
    ("proxyMetadata.ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", ()),
    ("proxyMetadata.ISTIO_INBOUND_TPROXY_MARK", (str(MARK),)),
    ("proxyMetadata.ISTIO_INBOUND_TPROXY_ROUTE_TABLE", ()),
    *(
        (name, ())
        for name in (
            "customConfigFile proxyBootstrapTemplatePath statsdUdpAddress zipkinAddress envoyAccessLogService "
            "envoyMetricsService proxyStatsMatcher proxyHeaders gatewayTopology privateKeyProvider runtimeValues "
            "extraStatTags caCertificatesPem readinessProbe connectionSettings tracing.lightstep tracing.datadog "
            "tracing.stackdriver tracing.openCensusAgent tracing.tlsSettings"
        ).split()
    ),
)


_VALUES: tuple[tuple[str, tuple[Any, ...]], ...] = (("pilot.cni.enabled", ()),)


def _unread_settings(mesh_config: JsonObject, proxy_config: JsonObject, values: JsonObject) -> Iterator[str]:
    """One warning for all settings that are made and have no effect; none where there are none."""
    tables = (("meshConfig", mesh_config, _MESH), ("ProxyConfig", proxy_config, _PROXY), ("values", values, _VALUES))
    names = [f"{of} {path}" for of, made, table in tables for path, same in table if _is_made(made, path, same)]
    if names:
        yield f"the template 'envoy' does not read {', '.join(names)}: no effect on this pod"


def _is_made(settings: JsonObject, path: str, same: tuple[Any, ...]) -> bool:
    value: Any = settings
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return bool(value) and value not in same


# What the pod itself says.

_TPROXY_GROUP = 1337
_RANGES = "traffic.sidecar.istio.io/includeOutboundIPRanges"
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_SHOWN = 80


def _containers(pod: JsonObject) -> Iterable[JsonObject]:
    return (pod.get("spec") or {}).get("containers") or ()


def _not_captured_users(subject: Subject) -> Iterator[str]:
    """What runs as the proxy's user or group connects to others past the proxy."""
    of_pod = (subject.pod.get("spec") or {}).get("securityContext") or {}
    ids = {"runAsGroup": subject.group}
    ids = {"runAsGroup": _TPROXY_GROUP} if subject.mode == "TPROXY" else {"runAsUser": subject.user, **ids}
    for field, number in ids.items():
        found = [
            container["name"]
            for container in _containers(subject.pod)
            if (container.get("securityContext") or {}).get(field, of_pod.get(field)) == number
        ]
        if found:
            yield f"{field} {number} of {_named(found)} is the proxy's own: connections made with it are not captured"


def _taken_ports(subject: Subject) -> Iterator[str]:
    """Ports of the proxy, which the application cannot have."""
    mesh = subject.mesh_config
    captured = (mesh.get("proxyListenPort") or OUTBOUND_PORT, mesh.get("proxyInboundListenPort") or INBOUND_PORT)
    for port in (ADMIN_PORT, *captured, READINESS_PORT, PROMETHEUS_PORT):
        found = [
            container["name"]
            for container in _containers(subject.pod)
            if any(each.get("containerPort") == port and each.get("protocol") != "UDP" for each in _ports(container))
        ]
        if found:
            yield f"port {port} of {_named(found)} is the proxy's own: one of them cannot listen"


def _ports(container: JsonObject) -> Iterable[JsonObject]:
    return container.get("ports") or ()


def _named(containers: Sequence[str]) -> str:
    """The first of the containers, and how many more there are."""
    more = f" and {len(containers) - 1} more" if len(containers) > 1 else ""
    return f"container {containers[0][:_SHOWN]!r}{more}"


def _loopback_ranges(subject: Subject) -> Iterator[str]:
    """Istio captures what goes to a range on loopback that is named; here nothing within the pod is captured."""
    annotations: Mapping[str, str] = (subject.pod.get("metadata") or {}).get("annotations") or {}
    configured = (subject.values.get("global") or {}).get("proxy") or {}
    for element in str(annotations.get(_RANGES, configured.get("includeIPRanges") or "")).split(","):
        if _is_loopback(element.strip()):
            yield f"{element.strip()} of {_RANGES} has no effect: connections within the pod are not captured"
            return


def _is_loopback(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return any(network.version == each.version and network.subnet_of(each) for each in _LOOPBACK)  # type: ignore[arg-type]
