"""What Istio's own injector leaves in a pod beside containers and volumes, taken out by its traces.

Istio keeps no record of what it changed. But what it writes is known (reference 5.4 to 5.6, 6, 11.2 to 11.4), and what
the templates of an installation write can be rendered: a value that either would have written is the mesh's, any other
is the user's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import orjson

from injector.core.model import (
    GRPC_BOOTSTRAP_CONTAINER,
    INTERCEPTION_MODE_ANNOTATION,
    NETWORK_LABEL,
    PROBERS_ENV,
    PROMETHEUS_ENV,
    PROXY_CONTAINER,
    Config,
    Container,
    JsonObject,
    Pod,
    Workload,
)
from injector.core.pods import annotations, containers, find_sidecar, labels
from injector.core.probes import REWRITE_ANNOTATION, STATUS_PORT_ANNOTATION, restore_probes
from injector.core.prometheus import SECURE_METRICS_ENV, SECURE_PORT_ANNOTATION, unmerge_prometheus
from injector.core.reinjection.record import LISTS_OF_SPEC
from injector.core.reinjection.status import Status
from injector.core.render.functions import ISTIO_NETWORK, canonical_name, without_network
from injector.core.selection import REVISION_KEY

_NETWORKS = "k8s.v1.cni.cncf.io/networks"
_TRAFFIC = "traffic.sidecar.istio.io/"
_EXCLUDED_PORTS = f"{_TRAFFIC}excludeInboundPorts"
# What CNI reads of a pod, and the value of `global.proxy` that stands in for each (reference 5.5).
_CNI_SETTINGS = {
    f"{_TRAFFIC}includeOutboundIPRanges": "includeIPRanges",
    f"{_TRAFFIC}excludeOutboundIPRanges": "excludeIPRanges",
    f"{_TRAFFIC}includeInboundPorts": "includeInboundPorts",
    f"{_TRAFFIC}includeOutboundPorts": "includeOutboundPorts",
    f"{_TRAFFIC}excludeOutboundPorts": "excludeOutboundPorts",
}
_REDIRECTING_CONTAINER = "istio-init"
_GATEWAY_SYSCTL = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}


@dataclass(frozen=True)
class IstioTraces:
    """A pod as Istio's injector made it, and what its values depended on."""

    injected: Pod
    status: Status
    workload: Workload
    config: Config

    def removed_from(self, pod: Pod) -> tuple[Pod, list[str]]:
        """`pod`, which has none of the injected containers any more, without the rest; and what cannot be known."""
        ports = {
            str(settings.get("statusPort"))
            for settings in (self.config.mesh_config["defaultConfig"], self._proxy_config)
        }
        pod = unmerge_prometheus(pod, self._env.get(PROMETHEUS_ENV), ports)
        pod, unknown = restore_probes(pod, self._env.get(PROBERS_ENV))
        metadata = dict(pod.get("metadata") or {})
        own = dict(self._annotations_without_cni(annotations(pod)))
        kept = {
            "annotations": _without_values(own, self._written_annotations(pod)),
            "labels": _without_values(labels(pod), self._written_labels(labels(pod))),
        }
        metadata = {key: value for key, value in {**metadata, **kept}.items() if value or key not in kept}
        return {**pod, "metadata": metadata, "spec": self._spec_without_sysctls(pod.get("spec") or {})}, unknown

    @cached_property
    def _proxy(self) -> Container:
        place = find_sidecar(self.injected)
        return {} if place is None else place[2]

    @cached_property
    def _env(self) -> Mapping[str, str]:
        """The literal environment of the proxy."""
        entries = self._proxy.get("env") or ()
        return {entry["name"]: entry["value"] for entry in entries if isinstance(entry.get("value"), str)}

    @property
    def _is_gateway(self) -> bool:
        return "router" in (self._proxy.get("args") or ())

    @property
    def _is_grpc(self) -> bool:
        bootstrap = self.status.lists("initContainers", GRPC_BOOTSTRAP_CONTAINER)
        return bootstrap or self._env.get("ISTIO_META_GENERATOR") == "grpc"

    @property
    def _is_sidecar(self) -> bool:
        return bool(self._proxy) and not self._is_gateway and not self._is_grpc

    @property
    def _has_cni(self) -> bool:
        return self._is_sidecar and not self.status.lists("initContainers", _REDIRECTING_CONTAINER)

    @cached_property
    def _proxy_config(self) -> JsonObject:
        """What the proxy was given of its ProxyConfig: the fields that are not Istio's defaults."""
        try:
            given = orjson.loads(self._env.get("PROXY_CONFIG") or "{}")
        except orjson.JSONDecodeError:
            return {}
        return given if isinstance(given, dict) else {}

    def _written_labels(self, own: Mapping[str, str]) -> Iterator[tuple[str, object]]:
        """Each label that Istio writes, with a value that it would have written."""
        if not self._proxy:
            return
        if self._is_sidecar:
            yield "security.istio.io/tlsMode", "istio"
            yield "networking.istio.io/tunnel", "http"
        names = (own.get("app.kubernetes.io/name"), own.get("app"))
        for workload in (self.workload.name, self._env.get("ISTIO_META_WORKLOAD_NAME", "")):
            name = next(filter(None, names), workload)
            yield "service.istio.io/canonical-name", name
            yield "service.istio.io/canonical-name", canonical_name(name)
        versions = (own.get("app.kubernetes.io/version"), own.get("version"))
        yield "service.istio.io/canonical-revision", next(filter(None, versions), "latest")
        yield NETWORK_LABEL, self.config.values["global"].get("network")

    def _written_annotations(self, pod: Pod) -> Iterator[tuple[str, object]]:
        """Each annotation that Istio writes, with a value that it would have written."""
        yield REVISION_KEY, self.status.revision
        yield SECURE_PORT_ANNOTATION, self._env.get(SECURE_METRICS_ENV)
        if self._is_grpc:
            yield REWRITE_ANNOTATION, "false"
        applications = [each["name"] for each in containers(pod) if each["name"] != PROXY_CONTAINER]
        for name in ("kubectl.kubernetes.io/default-logs-container", "kubectl.kubernetes.io/default-container"):
            yield name, next(iter(applications), None)
        if self._has_cni:
            yield INTERCEPTION_MODE_ANNOTATION, self._proxy_config.get("interceptionMode", "REDIRECT")
            proxy = self.config.values["global"]["proxy"]
            for name, key in _CNI_SETTINGS.items():
                yield name, str(proxy.get(key) or "")

    def _annotations_without_cni(self, own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """The annotations; from those lists that Istio only adds to, what it adds is taken out."""
        for name, value in own.items():
            before = value
            if self._has_cni and name == _NETWORKS:
                before = without_network(value, ISTIO_NETWORK)
            elif self._has_cni and name == _EXCLUDED_PORTS:
                before = self._without_status_port(value, own)
            if before or before == value:
                yield name, before

    def _without_status_port(self, ports: str, own: Mapping[str, str]) -> str:
        """The excluded ports before Istio added the agent's; empty where those are the mesh's (reference 5.2)."""
        proxy = self.config.values["global"]["proxy"]
        agent = own.get(STATUS_PORT_ANNOTATION, str(proxy.get("statusPort") or "")).strip()
        rest, _, last = ports.rpartition(",")
        before = rest if last == agent else ports
        return "" if before == str(proxy.get("excludeInboundPorts") or "") else before

    def _spec_without_sysctls(self, spec: JsonObject) -> JsonObject:
        """The spec of a gateway's pod without what the template gives for all of it (reference 6)."""
        context: Any = spec.get("securityContext")
        if not self._is_gateway or not isinstance(context, dict):
            return spec
        given = (self.config.values.get("gateways") or {}).get("securityContext") or {"sysctls": [_GATEWAY_SYSCTL]}
        kept = {key: value for key, value in context.items() if given.get(key) != value}
        rest = {key: value for key, value in spec.items() if key != "securityContext"}
        return {**rest, "securityContext": kept} if kept else rest


def _without_values(own: Mapping[str, str], written: Iterator[tuple[str, object]]) -> dict[str, str]:
    """The labels or annotations but for those that have a value which was `written`."""
    pairs = list(written)
    return {name: value for name, value in own.items() if (name, value) not in pairs}


# What the templates of an installation wrote into the pod's own fields.

# The keys that lead to a value.
_Path: TypeAlias = tuple[str, ...]
# Values that a template takes from each other are tried one by one, each with a rendering of its own.
_MOST_TRIED = 16


def without_written(pod: Pod, overlays: Iterable[JsonObject], render: Callable[[Pod], Iterable[JsonObject]]) -> Pod:
    """`pod`, which has no injection any more, without the labels, annotations and fields that templates had written.

    `overlays` are those of the pod with its injection, and `render` gives them of any other pod. A value goes only
    where they write it again into the pod without it: what a template had taken from the user, who wrote the same name,
    it does not.
    """

    def in_pod(overlays: Iterable[JsonObject]) -> dict[_Path, Any]:
        return {path: value for path, value in _written(overlays).items() if _value_at(pod, path) == value}

    def come_back(paths: Collection[_Path]) -> dict[_Path, Any]:
        return in_pod(render(_without(pod, paths)))

    written = in_pod(overlays)
    if not written:
        return pod
    again = come_back(written)
    gone = {path for path in written if path in again}
    # What is written only now depends on what was there.
    for path in [path for path in {**written, **again} if path not in gone][:_MOST_TRIED]:
        tried = {*gone, path}
        if come_back(tried).keys() >= tried:
            gone = tried
    return _without(pod, gone)


def _written(overlays: Iterable[JsonObject]) -> dict[_Path, Any]:
    """Each value of the overlays' labels, annotations and fields of the spec; lists that a status has are left out."""
    values: dict[_Path, Any] = {}
    for overlay in overlays:
        metadata, spec = overlay.get("metadata") or {}, overlay.get("spec") or {}
        own = {field: metadata.get(field) or {} for field in ("labels", "annotations")}
        rest = {field: value for field, value in spec.items() if field not in LISTS_OF_SPEC}
        values.update(_leaves({"metadata": own, "spec": rest}, ()))
    return values


def _leaves(value: Any, path: _Path) -> Iterator[tuple[_Path, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            if key[:1] != "$" and below is not None:
                yield from _leaves(below, (*path, key))
    else:
        yield path, value


def _value_at(value: Any, path: _Path) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _without(pod: Pod, paths: Iterable[_Path]) -> Pod:
    """The pod without the values at `paths`, and without the mappings that have nothing left."""
    for path in paths:
        pod = _without_path(pod, path)
    return pod


def _without_path(mapping: JsonObject, path: _Path) -> JsonObject:
    key, *rest = path
    below = _without_path(mapping[key], tuple(rest)) if rest else None
    return {name: below if name == key else value for name, value in mapping.items() if name != key or below}
