"""The way from documents to Envoy's configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from injector.config.errors import Fault
from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.gateway.binding import virtual_hosts, warn_of_the_unbound
from injector.gateway.destinations import destinations, with_full_destinations
from injector.gateway.documents import read_resources
from injector.gateway.envoy import Observation, bootstrap
from injector.gateway.model import FilterChain, GatewayFaults, Listener, Report, Resource, Resources, Route
from injector.gateway.servers import Server, chains, server_names, server_tls, servers_by_port


@dataclass(frozen=True, slots=True)
class Options:
    """What the documents do not say.

    `namespace` is that of documents that name none, `secrets` the folder of the pod that holds a folder for each
    Secret, `address` where to listen; spans go to `tracing`, nowhere where that is None.
    """

    namespace: str = "default"
    cluster_domain: str = "cluster.local"
    secrets: str = "/etc/gateway/secrets"
    address: str = "0.0.0.0"  # noqa: S104 -- a gateway is there for everybody
    tracing: Tracing | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """Envoy's configuration, and what of the documents has no effect on it."""

    configuration: JsonObject
    warnings: tuple[Fault, ...]


def render(files: Sequence[tuple[str, str]], options: Options) -> Rendered:
    """The configuration of the gateway that the documents of `files` (name and text) describe.

    Raises GatewayFaults with everything that is wrong in any document, or cannot be expressed.
    """
    report = Report()
    resources = read_resources(files, options.namespace, report)
    services = [
        with_full_destinations(each, resources, options.cluster_domain, report) for each in resources.virtual_services
    ]
    ports = servers_by_port(resources.gateways, report)
    listeners = [Listener(port, tuple(_chains(ports[port], services, resources, options, report))) for port in ports]
    if not resources.gateways and not report.faults:
        report.faults.append(Fault(files[0][0] if files else "-", None, "", "holds no Gateway of networking.istio.io"))
    if report.faults:
        raise GatewayFaults(tuple(report.faults))
    everyone = [server for servers in ports.values() for server in servers]
    warn_of_the_unbound(everyone, services, options.cluster_domain, report)
    return Rendered(_configuration(listeners, ports, resources, options), tuple(report.warnings))


def _chains(
    servers: Sequence[Server], services: Sequence[Resource], resources: Resources, options: Options, report: Report
) -> Iterator[FilterChain]:
    for together in chains(servers):
        first = together[0]
        own = f".{first.domains[0]}" if first.has_tls else ""
        yield FilterChain(
            name=f"{first.protocol.lower()}.{first.port}{own}",
            server_names=server_names(first),
            tls=server_tls(first, resources, options.secrets, report),
            virtual_hosts=virtual_hosts(together, services, options.cluster_domain),
        )


def _configuration(
    listeners: Sequence[Listener], ports: Mapping[int, Sequence[Server]], resources: Resources, options: Options
) -> JsonObject:
    of_grpc = [each for each in listeners if any(server.protocol == "GRPC" for server in ports[each.port])]
    found = destinations(_routes(listeners), _routes(of_grpc), resources, options.cluster_domain)
    return bootstrap(listeners, found, Observation(options.address, options.tracing))


def _routes(listeners: Iterable[Listener]) -> list[Route]:
    return [route for listener in listeners for route in listener.routes()]
