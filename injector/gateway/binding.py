"""Which virtual services a server takes its routes from, and for which hosts.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/#Server (hosts) and
.../virtual-service/#VirtualService (hosts, gateways, exportTo): the rules of one virtual service apply in order; where
several share a host, in the order of the documents, but rules for any request after all others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from injector.core.model import JsonObject
from injector.gateway.model import Report, Resource, Route, VirtualHost
from injector.gateway.servers import ANY, Server, common, full_name, selects, split_namespace

_MESH = "mesh"
# Fields of a match that say where it counts or what it is called, not which requests match.
_NO_CONDITION = frozenset(("name", "gateways", "port", "ignoreUriCase"))
_ANY_PATH = ({"prefix": "/"}, {"regex": ".*"}, {"regex": "/.*"})


@dataclass(slots=True)
class _Host:
    """What is gathered for one domain."""

    routes: list[Route]
    redirects: bool = False


def virtual_hosts(
    servers: Sequence[Server], virtual_services: Sequence[Resource], cluster_domain: str
) -> tuple[VirtualHost, ...]:
    """The hosts of servers that share a chain, with the routes of every virtual service bound to them.

    A server that redirects to HTTPS does so for all its hosts, whether there is a virtual service or none.
    """
    hosts: dict[str, _Host] = {}
    for server in servers:
        for service in virtual_services:
            routes = list(_routes(server, service)) if _is_bound(server.gateway, service) else []
            for domain in _domains(server, service, cluster_domain) if routes else ():
                host = hosts.setdefault(domain, _Host([]))
                host.routes += [route for route in routes if route not in host.routes]
        for domain in server.domains if server.redirects_to_https else ():
            hosts.setdefault(domain, _Host([]))
        _mark_redirects(server, hosts)
    return tuple(_grouped(hosts))


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


def _is_bound(gateway: Resource, service: Resource) -> bool:
    named = service.body.get("gateways") or [_MESH]
    exported = service.body.get("exportTo") or [ANY]
    return any(_is_named(gateway, name, service.namespace) for name in named) and any(
        selects(namespace, service.namespace, gateway.namespace) for namespace in exported
    )


def _is_named(gateway: Resource, name: str, namespace: str) -> bool:
    own, slash, short = name.rpartition("/")
    return (own if slash else namespace, short) == (gateway.namespace, gateway.name)


def _domains(server: Server, service: Resource, cluster_domain: str) -> Iterator[str]:
    names = [full_name(host, service.namespace, cluster_domain) for host in service.body["hosts"]]
    for server_host in server.body["hosts"]:
        namespace, domain = split_namespace(server_host)
        if selects(namespace, server.gateway.namespace, service.namespace):
            yield from (found for name in names if (found := common(domain, name)))


def _routes(server: Server, service: Resource) -> Iterator[Route]:
    """The virtual service's rules as far as they count for the server, up to the first for any request."""
    for index, rule in enumerate(service.body["http"]):
        for match in _matches(rule):
            if _counts(match, server, service):
                name = rule.get("name") or f"{service.namespace}/{service.name}/{index}"
                yield Route(f"{name}.{match['name']}" if "name" in match else name, match, rule)
                if is_catch_all(match):
                    return


def _counts(match: JsonObject, server: Server, service: Resource) -> bool:
    gateways = match.get("gateways")
    is_for_gateway = not gateways or any(_is_named(server.gateway, name, service.namespace) for name in gateways)
    return is_for_gateway and match.get("port", server.port) == server.port


def is_catch_all(match: JsonObject) -> bool:
    """Whether any request matches."""
    conditions = {name: value for name, value in match.items() if name not in _NO_CONDITION and value}
    return not conditions or (conditions.keys() == {"uri"} and conditions["uri"] in _ANY_PATH)


def warn_of_the_unbound(servers: Sequence[Server], services: Sequence[Resource], domain: str, report: Report) -> None:
    """Tell of virtual services, hosts and rules that have no effect at the gateway."""
    for service in services:
        bound = [server for server in servers if _is_bound(server.gateway, service)]
        if not bound:
            named = ", ".join(service.body.get("gateways") or [_MESH])
            message = f"is bound to no Gateway of the input (gateways: {named}) and left out"
            report.warnings.append(service.place.below("gateways").fault(f"{service.title} {message}"))
            continue
        reached = {found for server in bound for found in _domains(server, service, domain)}
        for index, host in enumerate(service.body["hosts"]):
            if not any(common(full_name(host, service.namespace, domain), found) for found in reached):
                message = f"{service.title}: {host!r} is a host of no server of its gateways"
                report.warnings.append(service.place.below("hosts", index).fault(message))
        _warn_of_the_unreached(service, report)


def _warn_of_the_unreached(service: Resource, report: Report) -> None:
    rules = service.body["http"]
    first = next((at for at, rule in enumerate(rules) if _takes_all(rule)), len(rules))
    for index in range(first + 1, len(rules)):
        message = f"{service.title}: is never reached: http[{first}] matches every request"
        report.warnings.append(service.place.below("http", index).fault(message))


def _takes_all(rule: JsonObject) -> bool:
    return any(is_catch_all(match) and not match.keys() & {"gateways", "port"} for match in _matches(rule))


def _matches(rule: JsonObject) -> list[JsonObject]:
    """The rule's matches; without any, one that any request meets."""
    return rule.get("match") or [{}]
