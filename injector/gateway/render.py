"""The way from documents to Envoy's configuration, and to the Services that it needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from injector.core.errors import Fault
from injector.core.model import JsonObject
from injector.core.yaml.writer import write
from injector.envoy import KnownPeers, Peer, Tracing
from injector.gateway.authentication import jwt_rules
from injector.gateway.authorization import authorization_policies
from injector.gateway.binding import Binding, bound_services
from injector.gateway.bootstrap import bootstrap
from injector.gateway.certificates import Secrets, server_tls
from injector.gateway.destination_rules import DestinationRules
from injector.gateway.destinations import Destinations
from injector.gateway.documents import Resources, read_resources, validated
from injector.gateway.envoy_listeners import Edge, Topology
from injector.gateway.envoy_tls import CertificateSource, secret_files
from injector.gateway.hosts import ANY
from injector.gateway.model import FilterChain, GatewayFaults, Listener, Report, Resource
from injector.gateway.servers import GATEWAY, Server, chains, servers_by_port
from injector.gateway.service_entries import ServiceEntries
from injector.gateway.workload import (
    GatewayPods,
    gateway_pods,
    refuse_patches,
    selected_gateways,
    target_ports,
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the documents do not say.

    `namespace` is that of documents that name none; `labels` and `gateway_namespace` are those of the gateway's pods,
    where they are not to be taken from the documents. `secrets` is the folder of the pod that holds a folder for each
    Secret, `directory` the one that holds Envoy's own files. `address` is where to listen; spans go to `tracing`,
    nowhere where that is None. `workload` and `cluster` are the gateway's names in metrics.
    """

    namespace: str = "default"
    cluster_domain: str = "cluster.local"
    root_namespace: str = "istio-system"
    labels: Mapping[str, str] | None = None
    gateway_namespace: str | None = None
    secrets: str = "/etc/gateway/secrets"
    directory: str = "/etc/gateway/configuration"
    address: str = "0.0.0.0"  # noqa: S104 -- a gateway is there for everybody
    topology: Topology = field(default_factory=Topology)
    normalization: str = "BASE"
    tracing: Tracing | None = None
    workload: str = "gateway"
    cluster: str = "Kubernetes"
    known_peers: KnownPeers = field(default_factory=KnownPeers)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the documents come to.

    `configuration` is one file, whose certificates Envoy reads once, when it starts. `files` are the same as several
    files, by name, whose certificates Envoy reads again when they change. `services` have to be created beside those of
    the documents. `warnings` say what of the documents has no effect.
    """

    configuration: JsonObject
    files: Mapping[str, JsonObject]
    services: Sequence[JsonObject]
    warnings: Sequence[Fault]

    def manifests(self, name: str, namespace: str) -> Iterator[JsonObject]:
        """What brings it into a cluster: a ConfigMap of `files`, which the template mounts, and the Services."""
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": {file: write(content) for file, content in self.files.items()},
        }
        yield from self.services


def render(files: Sequence[tuple[str, str]], options: Options) -> Rendered:
    """The configuration of the gateway that the documents of `files` (name and text) describe.

    Raises GatewayFaults with everything that is wrong in a document that counts for the gateway, or cannot be honoured;
    documents that do not count are warned of.
    """
    report = Report()
    resources = read_resources(files, options.namespace, report)
    pods = gateway_pods(resources, options.labels, options.gateway_namespace, options.root_namespace)
    gateways = _gateways(resources, pods, files, report)
    refuse_patches(resources, pods, report)
    rules = DestinationRules(resources, pods, options.cluster_domain, report)
    entries = ServiceEntries(resources, pods, report)
    destinations = Destinations(resources, rules, entries, options.cluster_domain, report)
    binding = Binding(bound_services(resources, gateways, pods, report), resources, destinations, pods, report)
    secrets = Secrets(options.secrets, resources)
    listeners = [
        Listener(address, port, tuple(_chains(servers, binding, secrets, report)))
        for (address, port), servers in _ports(gateways, resources, pods, report).items()
    ]
    edge = Edge(
        address=options.address,
        peer=_peer(options, pods, gateways),
        known_peers=options.known_peers,
        topology=options.topology,
        normalization=options.normalization,
        tracing=options.tracing,
        jwt_rules=tuple(jwt_rules(resources, pods, report)),
        policies=tuple(authorization_policies(resources, pods, report)),
    )
    if report.faults:
        raise GatewayFaults(*report.faults)
    binding.warn_of_the_unreached()
    rules.warn_of_the_unused()
    entries.warn_of_the_unused()
    return _rendered([each for each in listeners if each.chains], destinations, edge, options, report)


def _peer(options: Options, pods: GatewayPods, gateways: Sequence[Resource]) -> Peer:
    """Who the gateway is in metrics."""
    labels = pods.labels
    service = first_label(labels, "service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
    return Peer(
        workload=options.workload,
        namespace=pods.namespace or (gateways[0].namespace if gateways else options.namespace),
        app=labels.get("app", ""),
        version=labels.get("version", ""),
        service=service or options.workload,
        revision=first_label(labels, "service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
        or "latest",
        cluster=options.cluster,
    )


def first_label(labels: Mapping[str, str], *names: str) -> str:
    """The value of the first of the labels that is there; empty where none is."""
    return next((labels[name] for name in names if labels.get(name)), "")


def _gateways(
    resources: Resources, pods: GatewayPods, files: Sequence[tuple[str, str]], report: Report
) -> list[Resource]:
    """The validated Gateways of these pods; there has to be one."""
    found = selected_gateways(resources, pods, report)
    if not found and not report.faults:
        message = "holds no Gateway of networking.istio.io" if not resources.of("Gateway") else "holds no Gateway"
        reason = "" if not resources.of("Gateway") else " that selects the pods that are rendered for"
        report.faults.append(Fault(files[0][0] if files else "-", None, "", f"{message}{reason}"))
    valid = (validated(each, GATEWAY, report) for each in found)
    return [each for each in valid if each is not None]


def _ports(
    gateways: Sequence[Resource], resources: Resources, pods: GatewayPods, report: Report
) -> dict[tuple[str, int], list[Server]]:
    return servers_by_port(gateways, lambda port: target_ports(resources, pods, port, report), report)


def _chains(servers: Sequence[Server], binding: Binding, secrets: Secrets, report: Report) -> Iterator[FilterChain]:
    """The filter chains of the servers of one port. A server without a way to forward what it takes has none."""
    for together in chains(servers):
        first = together[0]
        name = f"{first.protocol.lower()}.{first.port}"
        if first.takes_requests:
            yield FilterChain(
                name=f"{name}.{first.domains[0]}" if first.has_tls else name,
                server_names=first.server_names,
                tls=server_tls(first, secrets, report),
                virtual_hosts=binding.virtual_hosts(together),
                grpc_web=any(server.protocol == "GRPC-WEB" for server in together),
            )
        elif first.passes_tls_through:
            yield from _passed_through(first, name, binding, report)
        else:
            tls, targets = server_tls(first, secrets, report), binding.tcp_targets(first)
            if targets:
                yield FilterChain(name=name, server_names=first.server_names, tls=tls, targets=targets)
            else:
                report.warn(first.gateway, first.at(), "is left out: no VirtualService bound to it has a tcp route")


def _passed_through(server: Server, name: str, binding: Binding, report: Report) -> Iterator[FilterChain]:
    found = binding.tls_targets(server)
    if not found:
        report.warn(server.gateway, server.at(), "is left out: no VirtualService bound to it has a tls route")
    for names, targets in found.items():
        if targets:
            yield FilterChain(name=f"{name}.{names[0]}", server_names=() if ANY in names else names, targets=targets)


def _rendered(
    listeners: Sequence[Listener], destinations: Destinations, edge: Edge, options: Options, report: Report
) -> Rendered:
    upstreams = list(destinations.upstreams())

    def configuration(directory: str | None) -> JsonObject:
        return bootstrap(listeners, upstreams, edge, CertificateSource(directory), options.secrets)

    terminated = [chain.tls for listener in listeners for chain in listener.chains if chain.tls]
    secrets = secret_files(terminated, upstreams, options.secrets)
    return Rendered(
        configuration=configuration(None),
        files={"envoy.yaml": configuration(options.directory), **secrets},
        services=destinations.services(),
        warnings=tuple(report.warnings),
    )
