"""Where requests go: destinations with their full name, their port, and the protocol that is spoken there.

Sources: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination (short names belong to
the namespace of the virtual service; the port may be left out where there is only one) and
https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/ (names of ports, appProtocol).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from injector.core.model import JsonObject
from injector.gateway.model import Destination, Report, Resource, Resources, Route
from injector.gateway.servers import full_name

_HTTP2_NAMES = ("grpc", "http2")
_HTTP2_PROTOCOLS = (*_HTTP2_NAMES, "kubernetes.io/h2c")


def with_full_destinations(service: Resource, resources: Resources, domain: str, report: Report) -> Resource:
    """The virtual service, every destination in it with its full name (under the cluster's `domain`) and its port."""
    rules = []
    for index, rule in enumerate(service.body["http"]):
        changed = dict(rule)
        for field in ("route", "mirrors"):
            if field in rule:
                changed[field] = [dict(each) for each in rule[field]]
        for path, holder, key in _places(changed):
            given = holder[key]
            host = full_name(given["host"], service.namespace, domain)
            port = given["port"]["number"] if "port" in given else _only_port(host, resources, domain)
            if port is None:
                report.faults.append(service.place.below("http", index, *path, "port").fault(_missing(service, host)))
            holder[key] = {"host": host, "port": {"number": port}}
        rules.append(changed)
    return replace(service, body={**service.body, "http": rules})


def _places(rule: JsonObject) -> Iterator[tuple[tuple[str | int, ...], JsonObject, str]]:
    """Every destination of a rule: its path, and the mapping and the key that hold it."""
    for field in ("route", "mirrors"):
        for index, each in enumerate(rule.get(field) or ()):
            yield (field, index, "destination"), each, "destination"
    if "mirror" in rule:
        yield ("mirror",), rule, "mirror"


def _missing(service: Resource, host: str) -> str:
    return f"{service.title}: is missing for {host!r}; valid: a number, or a Service of one port among the documents"


def _ports(host: str, resources: Resources, domain: str) -> list[Any]:
    """The ports of the Service of that name; none where it is not among the documents."""
    name, dot, namespace = host.removesuffix(f".svc.{domain}").partition(".")
    found = resources.services.get((namespace, name)) if dot else None
    return (found.body.get("spec") or {}).get("ports") or [] if found else []


def _only_port(host: str, resources: Resources, domain: str) -> int | None:
    ports = _ports(host, resources, domain)
    return ports[0].get("port") if len(ports) == 1 else None


def destinations(
    routes: Iterable[Route], grpc_routes: Iterable[Route], resources: Resources, domain: str
) -> tuple[Destination, ...]:
    """Every destination of the routes once, in order.

    HTTP/2 is spoken where the Service says so; of hosts without one, where a server of protocol GRPC leads there.
    """
    of_grpc = {_key(each) for route in grpc_routes for each in of_rule(route.rule)}
    found = dict.fromkeys(_key(each) for route in routes for each in of_rule(route.rule))
    return tuple(
        Destination(host, port, _speaks_http2(_ports(host, resources, domain), port, (host, port) in of_grpc))
        for host, port in found
    )


def of_rule(rule: JsonObject) -> list[JsonObject]:
    """Every destination of a rule."""
    return [holder[key] for _, holder, key in _places(rule)]


def _key(destination: JsonObject) -> tuple[str, int]:
    return destination["host"], destination["port"]["number"]


def _speaks_http2(ports: list[Any], number: int, otherwise: bool) -> bool:  # noqa: FBT001 -- what holds where nothing is said
    port = next((port for port in ports if port.get("port") == number), None)
    if port is None:
        return otherwise
    protocol = port.get("appProtocol")
    return protocol in _HTTP2_PROTOCOLS if protocol else str(port.get("name")).partition("-")[0] in _HTTP2_NAMES
