"""Which VirtualServices a server takes its routes from, for which hosts, and where their routes lead.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/#Server (hosts) and
.../virtual-service/#VirtualService (hosts, gateways, exportTo): the rules of one VirtualService apply in order; where
several share a host, in the order of the documents, but rules for any request after all others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.gateway.delegates import HttpRule, http_rules, is_delegate
from injector.gateway.destinations import Destinations
from injector.gateway.documents import Resources, mapping_in, strings_in, validated
from injector.gateway.hosts import ANY, MESH, common, full_name, names_gateway, selects, split_namespace
from injector.gateway.model import Mirror, Report, Resource, Route, Target, Upstream, VirtualHost
from injector.gateway.servers import Server
from injector.gateway.virtual_services import VIRTUAL_SERVICE
from injector.gateway.workload import GatewayPods

# Fields of a match that say where it counts or what it is called, not which requests match.
_NO_CONDITION = frozenset(
    ("name", "gateways", "port", "ignoreUriCase", "sourceLabels", "sourceNamespace", "statPrefix")
)
_ANY_PATH = ({"prefix": "/"}, {"prefix": ""}, {"regex": ".*"}, {"regex": "/.*"})
_EVERYTHING = 100.0


def bound_services(
    resources: Resources, gateways: Sequence[Resource], pods: GatewayPods, report: Report
) -> list[Resource]:
    """The validated VirtualServices that name one of the Gateways and that the gateway can see.

    Others are not validated, and warned of.
    """
    found = []
    for raw in resources.of("VirtualService"):
        named = mapping_in(raw, "spec").get("gateways") or [MESH]
        if is_delegate(raw) and named == [MESH]:
            continue
        # A list of Gateways that is none is left to validation.
        bound = [each for each in gateways if not isinstance(named, list) or _is_named(each, named, raw)]
        if not bound:
            names = ", ".join(map(str, named if isinstance(named, list) else [named]))
            report.warn(raw, ("spec", "gateways"), f"is left out: it is bound to no Gateway rendered here ({names})")
        elif not any(_is_exported(raw, strings_in(raw, "spec", "exportTo"), each, pods) for each in bound):
            report.warn(raw, ("spec", "exportTo"), "is left out: it is not exported to the gateway's namespace")
        else:
            service = validated(raw, VIRTUAL_SERVICE, report)
            found += [service] if service else []
    return found


def _is_exported(service: Resource, exported: Sequence[str], gateway: Resource, pods: GatewayPods) -> bool:
    return any(
        selects(namespace, service.namespace, home)
        for namespace in exported or [ANY]
        for home in pods.homes | {gateway.namespace}
    )


def _is_named(gateway: Resource, names: Sequence[Any], owner: Resource) -> bool:
    return any(
        isinstance(name, str) and names_gateway(name, owner.namespace, (gateway.namespace, gateway.name))
        for name in names
    )


@dataclass(slots=True)
class _Host:
    """What is gathered for one domain."""

    routes: list[Route]
    redirects: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """VirtualServices bound to Gateways, with everything that routes need to know."""

    services: Sequence[Resource]
    resources: Resources
    destinations: Destinations
    pods: GatewayPods
    report: Report
    _rules: dict[tuple[str, str], list[HttpRule]] = field(default_factory=dict)
    _reached: set[tuple[str, str, str]] = field(default_factory=set)

    def virtual_hosts(self, servers: Sequence[Server]) -> tuple[VirtualHost, ...]:
        """The hosts of servers that share a chain, with the routes of every VirtualService bound to them.

        A server that redirects to HTTPS does so for all its hosts, whether there is a VirtualService or none.
        """
        hosts: dict[str, _Host] = {}
        for server in servers:
            for service in self._bound_to(server):
                if not service.body.get("http"):
                    continue
                routes = list(self._routes(server, service))
                for domain in self._domains(server, service) if routes else ():
                    host = hosts.setdefault(domain, _Host([]))
                    host.routes += [route for route in routes if route not in host.routes]
            for domain in server.domains if server.redirects_to_https else ():
                hosts.setdefault(domain, _Host([]))
            _mark_redirects(server, hosts)
        return tuple(_grouped(hosts))

    def tcp_targets(self, server: Server) -> tuple[Target, ...]:
        """Where a server that takes connections sends them: the first route of `tcp` that counts for it."""
        for service in self._bound_to(server):
            if not list(self._domains(server, service)):
                continue
            for index, rule in enumerate(service.body.get("tcp") or ()):
                if any(self._counts(match, server, service) for match in rule.get("match") or [{}]):
                    return self._targets(service, ("tcp", index), rule["route"], server)
        return ()

    def tls_targets(self, server: Server) -> dict[tuple[str, ...], tuple[Target, ...]]:
        """Where a server that passes TLS through sends connections, by the names that clients ask for."""
        found: dict[tuple[str, ...], tuple[Target, ...]] = {}
        taken: set[str] = set()
        for service in self._bound_to(server):
            domains = list(self._domains(server, service))
            for index, rule in enumerate(service.body.get("tls") or ()):
                for match in rule["match"]:
                    if not self._counts(match, server, service):
                        continue
                    wanted = (common(name, domain) for name in match["sniHosts"] for domain in domains)
                    names = tuple(dict.fromkeys(name for name in wanted if name and name not in taken))
                    taken.update(names)
                    if names:
                        found[names] = self._targets(service, ("tls", index), rule["route"], server)
        return found

    def _bound_to(self, server: Server) -> Iterator[Resource]:
        for service in self.services:
            if _is_named(server.gateway, service.body.get("gateways") or (), service) and _is_exported(
                service, service.body.get("exportTo") or (), server.gateway, self.pods
            ):
                yield service

    def _domains(self, server: Server, service: Resource) -> Iterator[str]:
        """The hosts that the server and the service have in common."""
        domain = self.destinations.cluster_domain
        for server_host in server.body["hosts"]:
            namespace, pattern = split_namespace(server_host)
            if selects(namespace, server.gateway.namespace, service.namespace):
                for host in service.body.get("hosts") or ():
                    found = common(pattern, full_name(host, service.namespace, domain))
                    if found:
                        self._reached.add((service.namespace, service.name, host))
                        yield found

    def _routes(self, server: Server, service: Resource) -> Iterator[Route]:
        """The service's rules as far as they count for the server, up to the first for any request."""
        for rule in self._http_rules(service):
            for match in rule.matches():
                if not self._counts(match, server, rule.owner):
                    continue
                route = self._route(rule, match, server)
                if route:
                    yield route
                if is_catch_all(match):
                    return

    def _http_rules(self, service: Resource) -> list[HttpRule]:
        key = (service.namespace, service.name)
        if key not in self._rules:
            self._rules[key] = list(http_rules(service, self.resources, self.report))
        return self._rules[key]

    def _counts(self, match: JsonObject, server: Server, owner: Resource) -> bool:
        """Whether the match is for this server, and for callers like the gateway's pods, as far as it says so."""
        gateways = match.get("gateways")
        namespace = match.get("sourceNamespace")
        return (
            (not gateways or _is_named(server.gateway, gateways, owner))
            and match.get("port", server.port) == server.port
            and self.pods.selected_by(match.get("sourceLabels") or {})
            and (not namespace or namespace in self.pods.homes)
        )

    def _route(self, rule: HttpRule, match: JsonObject, server: Server) -> Route | None:
        """The route of one match of a rule; None where a destination is refused."""
        path: Path = ("http", rule.index)
        body, name = rule.body, f"{rule.name}.{match['name']}" if "name" in match else rule.name
        if "route" not in body:
            return Route(name, match, body, server.port)
        targets = self._targets(rule.owner, path, body["route"], server)
        mirrors = self._mirrors(rule, path, server)
        return Route(name, match, body, server.port, targets, mirrors) if targets else None

    def _targets(
        self, owner: Resource, path: Path, destinations: Sequence[JsonObject], server: Server
    ) -> tuple[Target, ...]:
        found = []
        for index, each in enumerate(destinations):
            upstream = self._upstream(owner, (*path, "route", index, "destination"), each["destination"], server)
            # Only among several has a weight a meaning.
            weight = each.get("weight", 0) if len(destinations) > 1 else 1
            found += [Target(upstream, weight, each.get("headers") or {})] if upstream else []
        return tuple(found) if len(found) == len(destinations) else ()

    def _mirrors(self, rule: HttpRule, path: Path, server: Server) -> tuple[Mirror, ...]:
        body = rule.body
        mirrors = [((*path, "mirrors", at, "destination"), each) for at, each in enumerate(body.get("mirrors") or ())]
        if "mirror" in body:
            share = {"value": body["mirrorPercent"]} if "mirrorPercent" in body else body.get("mirrorPercentage")
            mirrors = [((*path, "mirror"), {"destination": body["mirror"], "percentage": share})]
        found = []
        for where, each in mirrors:
            share = each.get("percentage") or {"value": _EVERYTHING}
            upstream = self._upstream(rule.owner, where, each["destination"], server)
            found += [Mirror(upstream, share.get("value", 0))] if upstream else []
        return tuple(found)

    def _upstream(self, owner: Resource, path: Path, destination: JsonObject, server: Server) -> Upstream | None:
        return self.destinations.resolve(owner, path, destination, grpc=server.protocol == "GRPC")

    def warn_of_the_unreached(self) -> None:
        """Warn of hosts that no server has, of rules behind one for every request, and of delegates nobody uses."""
        delegated = {(rule.owner.namespace, rule.owner.name) for rules in self._rules.values() for rule in rules}
        for service in self.resources.of("VirtualService"):
            if is_delegate(service) and (service.namespace, service.name) not in delegated:
                self.report.warn(service, ("spec", "http"), "is left out: it has no hosts, and nothing delegates to it")
        for service in self.services:
            for index, host in enumerate(service.body.get("hosts") or ()):
                if (service.namespace, service.name, host) not in self._reached:
                    self.report.warn(service, ("hosts", index), f"{host!r} is a host of no server of its gateways")
            self._warn_of_hidden_rules(service)

    def _warn_of_hidden_rules(self, service: Resource) -> None:
        rules = service.body.get("http") or []
        counted = {rule.index for rule in self._http_rules(service) if rule.owner is service and _takes_all(rule)}
        first = min(counted, default=len(rules))
        for index in range(first + 1, len(rules)):
            self.report.warn(service, ("http", index), f"is never reached: http[{first}] matches every request")


def _takes_all(rule: HttpRule) -> bool:
    scoped = {"gateways", "port", "sourceLabels", "sourceNamespace"}
    return any(is_catch_all(match) and not match.keys() & scoped for match in rule.matches())


def is_catch_all(match: JsonObject) -> bool:
    """Whether every request matches."""
    conditions = {name: value for name, value in match.items() if name not in _NO_CONDITION and value}
    return not conditions or (conditions.keys() == {"uri"} and conditions["uri"] in _ANY_PATH)


def _mark_redirects(server: Server, hosts: dict[str, _Host]) -> None:
    if server.redirects_to_https:
        for domain, host in hosts.items():
            host.redirects |= any(common(own, domain) == domain for own in server.domains)


def _grouped(hosts: dict[str, _Host]) -> Iterator[VirtualHost]:
    """Domains with the same routes as one host."""
    groups: list[tuple[_Host, list[str]]] = []
    for domain, host in hosts.items():
        group = next((domains for other, domains in groups if other == host), None)
        if group is None:
            groups.append((host, [domain]))
        else:
            group.append(domain)
    for host, domains in groups:
        ordered = sorted(host.routes, key=lambda route: is_catch_all(route.match))
        yield VirtualHost(tuple(domains), tuple(ordered), host.redirects)
