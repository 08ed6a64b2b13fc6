"""The way from documents to Envoy's configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from injector.config.places import Place, Source
from injector.core.errors import Fault
from injector.core.model import JsonObject
from injector.core.validation import read
from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read_all
from injector.envoy import Tracing
from injector.gateway.binding import virtual_hosts, warn_of_the_unbound
from injector.gateway.destinations import destinations, with_full_destinations
from injector.gateway.envoy_listeners import Observation, bootstrap
from injector.gateway.model import FilterChain, GatewayFaults, Listener, Report, Resource, Resources, Route
from injector.gateway.schema import GATEWAY, VIRTUAL_SERVICE
from injector.gateway.servers import Server, chains, server_names, server_tls, servers_by_port

# Reading documents: those that describe the gateway are checked against their fields, others are passed over.

_GROUP = "networking.istio.io"
_VERSIONS = tuple(f"{_GROUP}/{version}" for version in ("v1", "v1beta1", "v1alpha3"))
_SCHEMAS = {"Gateway": GATEWAY, "VirtualService": VIRTUAL_SERVICE}
# Groups of which a document would change what a gateway does.
_OF_ROUTING = (_GROUP, "gateway.networking.k8s.io")
_PLAIN_KINDS = ("Service", "Secret")


def read_resources(files: Iterable[tuple[str, str]], namespace: str, report: Report) -> Resources:
    """What the documents of `files` (name and text) describe, nulls taken out.

    `namespace` is that of documents that name none. A document at fault is reported and left out.
    """
    found: dict[tuple[str, str, str], Resource] = {}
    for name, text in files:
        for document, place in _documents(name, text, report):
            resource = _resource(document, place, namespace, report)
            if resource is not None:
                _keep(found, resource, report)
    return _by_kind(found.values())


def _documents(name: str, text: str, report: Report) -> Iterator[tuple[Any, Place]]:
    """Every document, and every item of a List, with its place."""
    try:
        documents = list(read_all(text))
    except YamlError as fault:
        report.faults.append(Fault(name, fault.line, "", fault.problem))
        return
    several = len(documents) > 1
    for index, document in enumerate(documents):
        place = Place(Source(name, text, index if several else None))
        items = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else None
        if isinstance(items, list):
            yield from ((item, place.below("items", at)) for at, item in enumerate(items))
        else:
            yield document, place


def _resource(document: Any, place: Place, namespace: str, report: Report) -> Resource | None:
    """The document as far as it counts; None where it does not, or is at fault."""
    if document is None:
        return None
    if not isinstance(document, dict):
        report.faults.append(place.fault(f"a document has to be a mapping, not {document!r:.80}"))
        return None
    kind, version = document.get("kind"), str(document.get("apiVersion"))
    schema = _SCHEMAS.get(str(kind))
    if version.partition("/")[0] in _OF_ROUTING:
        if schema:
            return _istio_resource(document, place, namespace, report)
        _report_unread(document, place, report)
        return None
    return _named(document, document, place, namespace) if version == "v1" and kind in _PLAIN_KINDS else None


def _report_unread(document: JsonObject, place: Place, report: Report) -> None:
    supported = ", ".join((*_SCHEMAS, *_PLAIN_KINDS))
    message = f"{document.get('kind')!r} of {document['apiVersion']} is not supported; supported: {supported}"
    report.faults.append(place.below("kind").fault(message))


def _istio_resource(document: JsonObject, place: Place, namespace: str, report: Report) -> Resource | None:
    version = document["apiVersion"]
    if version not in _VERSIONS:
        message = f"{version!r} is not supported for kind {document['kind']}; supported: {', '.join(_VERSIONS)}"
        report.faults.append(place.below("apiVersion").fault(message))
        return None
    resource = _named(document, document.get("spec"), place.below("spec"), namespace)
    if resource is None:
        report.faults.append(place.below("metadata", "name").fault("is missing"))
        return None
    body, findings = read(_SCHEMAS[resource.kind], resource.body)
    report.faults.extend(
        resource.place.below(*path).fault(f"{resource.title}: {message}") for path, message in findings
    )
    return None if findings else replace(resource, body=body)


def _named(document: JsonObject, body: Any, place: Place, namespace: str) -> Resource | None:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return None
    own = metadata.get("namespace") or namespace
    return Resource(document["kind"], str(own), metadata["name"], body, place)


def _keep(found: dict[tuple[str, str, str], Resource], resource: Resource, report: Report) -> None:
    key = (resource.kind, resource.namespace, resource.name)
    if key in found:
        report.faults.append(resource.place.fault(f"{resource.title} stands here a second time; valid: once"))
    found.setdefault(key, resource)


def _by_kind(resources: Iterable[Resource]) -> Resources:
    of_kind: dict[str, list[Resource]] = {}
    for resource in resources:
        of_kind.setdefault(resource.kind, []).append(resource)
    named = {kind: {(each.namespace, each.name): each for each in of_kind.get(kind, ())} for kind in _PLAIN_KINDS}
    return Resources(
        gateways=tuple(of_kind.get("Gateway", ())),
        virtual_services=tuple(of_kind.get("VirtualService", ())),
        services=named["Service"],
        secrets=named["Secret"],
    )


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
