"""Where requests go: destinations with their full name, their port, the policy there, and how Envoy finds them.

Sources: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination (short names belong to
the namespace of the virtual service; the port may be left out where there is only one) and
https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/ (names of ports, appProtocol).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from injector.core.errors import Path, quoted
from injector.core.model import JsonObject
from injector.gateway.destination_rules import (
    DestinationRules,
    effective_policy,
    subset_names,
    subset_of,
)
from injector.gateway.documents import Resources, validated
from injector.gateway.hosts import full_name, is_address, service_of
from injector.gateway.model import Endpoint, Report, Resource, Upstream
from injector.gateway.service_entries import ServiceEntries, entry_discovery, entry_endpoints, entry_ports
from injector.gateway.services import SERVICE, DerivedService, derived_name, is_headless, pod_port, sees_pods

_HTTP2_NAMES = ("grpc", "http2")
_HTTP2_PROTOCOLS = (*_HTTP2_NAMES, "kubernetes.io/h2c")
_DNS, _STATIC = "STRICT_DNS", "STATIC"
# What the name of a headless Service that is made for the purpose ends with.
_OF_PODS = "pods"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A destination as a route names it: who writes it and where, its full host, its port and subset."""

    owner: Resource
    path: Path
    host: str
    port: int
    subset: str


@dataclass(frozen=True, slots=True)
class Destinations:
    """Every destination that routes lead to, each resolved once."""

    resources: Resources
    rules: DestinationRules
    entries: ServiceEntries
    cluster_domain: str
    report: Report
    _upstreams: dict[str, Upstream] = field(default_factory=dict)
    _speaking_grpc: set[str] = field(default_factory=set)
    _services: dict[tuple[str, str], DerivedService] = field(default_factory=dict)

    def upstreams(self) -> Iterator[Upstream]:
        """All of them, in the order in which they were asked for.

        HTTP/2 is spoken where the Service says so; to hosts without one, where a server of protocol GRPC leads there.
        """
        for name, upstream in self._upstreams.items():
            yield replace(upstream, http2=upstream.http2 or name in self._speaking_grpc)

    def services(self) -> list[JsonObject]:
        """The Services that have to be made for them."""
        return [each.manifest() for each in self._services.values()]

    def resolve(self, owner: Resource, path: Path, destination: JsonObject, *, grpc: bool = False) -> Upstream | None:
        """The upstream that the destination at `path` of a virtual service stands for; None where it is refused.

        `grpc` says that the requests come to a server of that protocol.
        """
        host = full_name(destination["host"], owner.namespace, self.cluster_domain)
        service, entry = self._service(host), self.entries.about(host)
        ports = (service.body.get("ports") or []) if service else entry_ports(entry) if entry else []
        number = destination["port"]["number"] if "port" in destination else _only_port(ports)
        if number is None:
            message = f"is missing for {host!r}; valid: a number, or a Service with one port among the documents"
            self.report.refuse(owner, (*path, "port"), message)
            return None
        wanted = _Wanted(owner, path, host, number, destination.get("subset", ""))
        port = next((each for each in ports if each.get("port") == number), None)
        if ports and port is None:
            valid = ", ".join(str(each.get("port")) for each in ports)
            self.report.refuse(owner, (*path, "port"), f"{number} is not a port of {host!r}; valid: {valid}")
            return None
        name = f"outbound|{number}|{wanted.subset}|{host}"
        if grpc and port is None:
            self._speaking_grpc.add(name)
        if name not in self._upstreams:
            found = self._upstream(wanted, service, entry, port)
            if found is None:
                return None
            self._upstreams[name] = replace(found, name=name)
        return self._upstreams[name]

    def _service(self, host: str) -> Resource | None:
        key = service_of(host, self.cluster_domain)
        raw = self.resources.find("Service", *key) if key else None
        return validated(raw, SERVICE, self.report) if raw else None

    def _upstream(
        self, wanted: _Wanted, service: Resource | None, entry: Resource | None, port: JsonObject | None
    ) -> Upstream | None:
        """The upstream of a destination that is seen for the first time; its name is left to the caller."""
        key = service_of(wanted.host, self.cluster_domain)
        namespaces = ((key[0],) if key else ()) + ((entry.namespace,) if entry else ()) + (wanted.owner.namespace,)
        rules = self.rules.about(wanted.host, namespaces)
        subset = subset_of(rules, wanted.subset) if wanted.subset else {}
        if subset is None:
            names = ", ".join(subset_names(rules)) or "none, for no DestinationRule of the documents defines any"
            message = f"{quoted(wanted.subset)} is not a subset of {wanted.host!r}; valid: {names}"
            self.report.refuse(wanted.owner, (*wanted.path, "subset"), message)
            return None
        policy, labels = effective_policy(rules, subset, wanted.port), subset.get("labels") or {}
        upstream = Upstream("", wanted.host, _DNS, (), _speaks_http2(port), policy)
        if entry and port and not service:
            endpoints = entry_endpoints(entry, wanted.host, port, labels)
            subject_names = tuple(entry.body.get("subjectAltNames") or ())
            return replace(upstream, discovery=entry_discovery(entry), endpoints=endpoints, subject_names=subject_names)
        if is_address(wanted.host):
            return replace(upstream, discovery=_STATIC, endpoints=(Endpoint(wanted.host, wanted.port),))
        if service and port:
            return replace(upstream, endpoints=(self._endpoint(wanted, service, port, labels, policy),))
        return replace(upstream, endpoints=(self._unknown_endpoint(wanted, labels, policy),))

    def _endpoint(
        self, wanted: _Wanted, service: Resource, port: JsonObject, labels: JsonObject, policy: JsonObject
    ) -> Endpoint:
        """The name to look up for a Service of the documents: its own, or that of a Service made for the purpose."""
        target = pod_port(port)
        headless = is_headless(service)
        if not service.body.get("selector"):
            if labels:
                message = f"{service.title} has no selector, so that no Service can be made for its subsets"
                self.report.refuse(wanted.owner, (*wanted.path, "subset"), message)
            return Endpoint(wanted.host, wanted.port)
        if (headless or sees_pods(policy)) and target is None:
            message = f"targetPort {quoted(port['targetPort'])} is a name, so that pods cannot be reached one by one"
            self.report.warn(service, ("ports",), f"{message}; write its number")
        seen = target is not None and (headless or sees_pods(policy))
        if labels or (seen and not headless):
            parts = [wanted.subset] if labels else []
            parts += [_OF_PODS] if seen and not headless else []
            name = derived_name(service.name, "-".join(parts))
            self._add(wanted, DerivedService(name, service, labels, headless or seen))
        else:
            name = service.name
        host = f"{name}.{service.namespace}.svc.{self.cluster_domain}"
        return Endpoint(host, target if seen and target else wanted.port)

    def _add(self, wanted: _Wanted, derived: DerivedService) -> None:
        key = (derived.original.namespace, derived.name)
        existing = self.resources.find("Service", *key)
        if existing is None:
            is_free = self._services.setdefault(key, derived) == derived
        else:
            is_free = derived.is_same_as(existing)
        if not is_free:
            message = f"needs a Service of the name {derived.name!r}, which another Service has for other pods"
            self.report.refuse(wanted.owner, wanted.path, message)

    def _unknown_endpoint(self, wanted: _Wanted, labels: JsonObject, policy: JsonObject) -> Endpoint:
        """The name to look up for a host that no document describes."""
        key = service_of(wanted.host, self.cluster_domain)
        if not labels:
            if sees_pods(policy):
                message = f"the policy for {wanted.host!r} tells only those addresses apart that DNS gives for it"
                self.report.warn(wanted.owner, wanted.path, f"{message}: one, unless the Service is headless")
            return Endpoint(wanted.host, wanted.port)
        if key is None:
            message = f"{wanted.subset!r} needs a Service or ServiceEntry {wanted.host!r} among the documents"
            self.report.refuse(wanted.owner, (*wanted.path, "subset"), message)
            return Endpoint(wanted.host, wanted.port)
        namespace, service = key
        name = derived_name(service, wanted.subset)
        if self.resources.find("Service", namespace, name) is None:
            conditions = ", ".join(f"{label}={value}" for label, value in labels.items())
            message = f"subset {wanted.subset!r} is looked up as Service {name!r}, which has to select the pods of"
            note = (
                f"{message} {service!r} with {conditions}; with Service {service!r} among the documents it is written"
            )
            self.report.warn(wanted.owner, (*wanted.path, "subset"), note)
        return Endpoint(f"{name}.{namespace}.svc.{self.cluster_domain}", wanted.port)


def _only_port(ports: list[JsonObject]) -> int | None:
    return ports[0].get("port") if len(ports) == 1 else None


def _speaks_http2(port: JsonObject | None) -> bool:
    if port is None:
        return False
    protocol = port.get("appProtocol") or port.get("protocol", "")
    if str(protocol).upper() in ("TCP", ""):
        protocol = str(port.get("name")).partition("-")[0]
    return str(protocol).lower() in _HTTP2_PROTOCOLS
