"""Reading documents: which of them are about a gateway, and which are left out, with one line for each.

A document is not validated here: only those that count for the gateway are, once it is known which these are.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.config.places import Place, Source
from injector.core.errors import Fault, quoted
from injector.core.model import JsonObject
from injector.core.validation import Type, read
from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read_all
from injector.gateway.fields import without_effect
from injector.gateway.model import Report, Resource

NETWORKING, SECURITY = "networking.istio.io", "security.istio.io"
_VERSIONS = {NETWORKING: ("v1", "v1beta1", "v1alpha3"), SECURITY: ("v1", "v1beta1")}
# The kinds that describe what a gateway does.
READ_KINDS = {
    "Gateway": NETWORKING,
    "VirtualService": NETWORKING,
    "DestinationRule": NETWORKING,
    "ServiceEntry": NETWORKING,
    "AuthorizationPolicy": SECURITY,
    "RequestAuthentication": SECURITY,
}
# Kubernetes' own kinds that answer what these leave open: ports, entries of Secrets, labels of pods.
_PLAIN_KINDS = {"Service": "v1", "Secret": "v1", "Pod": "v1", "Deployment": "apps/v1", "DaemonSet": "apps/v1"}
# Kinds that change what Envoy does in ways that cannot be taken over: refused where they are about the gateway.
REFUSED_KINDS = {
    "EnvoyFilter": "it patches the configuration that Istio's control plane writes, which this one is not",
    "WasmPlugin": "its module is fetched and distributed by Istio's control plane",
}
# Kinds that say nothing about a gateway, each with the reason.
LEFT_OUT_KINDS = {
    "Sidecar": "it is about sidecars",
    "PeerAuthentication": "it is about connections between pods of the mesh",
    "WorkloadEntry": "endpoints outside Kubernetes are listed by a ServiceEntry",
    "WorkloadGroup": "it is about machines that join a mesh",
    "ProxyConfig": "proxies are configured by meshConfig.defaultConfig",
    "Telemetry": "what a gateway reports is configured by meshConfig",
}
_GATEWAY_API = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Resources:
    """All documents that count, by kind in their order; nothing of them is validated but their names."""

    by_kind: Mapping[str, Mapping[tuple[str, str], Resource]]

    def of(self, kind: str) -> tuple[Resource, ...]:
        """Those of one kind."""
        return tuple(self.by_kind.get(kind, {}).values())

    def find(self, kind: str, namespace: str, name: str) -> Resource | None:
        """The one of that name."""
        return self.by_kind.get(kind, {}).get((namespace, name))


def read_resources(files: Iterable[tuple[str, str]], namespace: str, report: Report) -> Resources:
    """What the documents of `files` (name and text) are; `namespace` is that of documents that name none.

    Texts that are not YAML, and documents without kind or name, are refused.
    """
    by_kind: dict[str, dict[tuple[str, str], Resource]] = {}
    for file, text in files:
        for document, place in _documents(file, text, report):
            resource = _resource(document, place, namespace, report)
            if resource is not None:
                _keep(by_kind.setdefault(resource.kind, {}), resource, report)
    return Resources(by_kind)


def _keep(known: dict[tuple[str, str], Resource], resource: Resource, report: Report) -> None:
    if known.setdefault((resource.namespace, resource.name), resource) is not resource:
        report.refuse(resource, (), "is defined twice; valid: once")


def _documents(file: str, text: str, report: Report) -> Iterator[tuple[Any, Place]]:
    """Every document, and every item of a List, with its place."""
    try:
        documents = list(read_all(text))
    except YamlError as error:
        report.faults.append(Fault(file, error.line, "", error.problem))
        return
    several = len(documents) > 1
    for index, document in enumerate(documents):
        place = Place(Source(file, text, index if several else None))
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
        report.faults.append(place.fault(f"a document must be a mapping, got {quoted(document)}"))
        return None
    kind, version = str(document.get("kind")), str(document.get("apiVersion"))
    group = version.partition("/")[0]
    if READ_KINDS.get(kind) == group or (kind in REFUSED_KINDS and group in (NETWORKING, "extensions.istio.io")):
        return _named(document, place, namespace, report)
    if group == _GATEWAY_API or group.endswith(".istio.io"):
        report.warnings.append(place.below("kind").fault(f"{kind} is left out: {_reason(kind, group)}"))
        return None
    return _named(document, place, namespace, report) if _PLAIN_KINDS.get(kind) == version else None


def _reason(kind: str, group: str) -> str:
    if group == _GATEWAY_API:
        return "Kubernetes' Gateway API is not read; write Gateway and VirtualService of networking.istio.io"
    return LEFT_OUT_KINDS.get(kind, f"valid kinds are {', '.join(READ_KINDS)}")


def _named(document: JsonObject, place: Place, namespace: str, report: Report) -> Resource | None:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        report.faults.append(place.below("metadata", "name").fault(f"{document['kind']}: is missing"))
        return None
    annotations = metadata.get("annotations")
    return Resource(
        kind=document["kind"],
        namespace=str(metadata.get("namespace") or namespace),
        name=name,
        body=document,
        place=place,
        annotations=annotations if isinstance(annotations, dict) else {},
    )


def validated(resource: Resource, kind: Type, report: Report) -> Resource | None:
    """The resource with its canonical spec as body, once that is checked; None where it is at fault.

    Fields that do nothing at a gateway are warned of.
    """
    version = str(resource.body.get("apiVersion")).partition("/")
    supported = _VERSIONS.get(version[0], (version[2],))
    if version[2] not in supported:
        valid = ", ".join(f"{version[0]}/{each}" for each in supported)
        report.refuse(resource, ("apiVersion",), f"{''.join(version)!r} is not supported; valid: {valid}")
        return None
    # An AuthorizationPolicy without a spec is valid and denies everything: it is a spec without fields.
    body, findings = read(kind, resource.body.get("spec") or {})
    found = replace(resource, body=body, place=resource.place.below("spec"))
    for path, message in findings:
        report.refuse(found, path, message)
    if findings:
        return None
    for path, message in without_effect(kind, body):
        report.warn(found, path, message)
    return found


# What is asked of a resource before it is known whether it counts, and so before it is validated.


def mapping_in(resource: Resource, *path: str) -> JsonObject:
    """The mapping at `path`; an empty one where there is none."""
    found: Any = resource.body
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def strings_in(resource: Resource, *path: str) -> list[str]:
    """The strings of the list at `path`; none where there is no list."""
    found = mapping_in(resource, *path[:-1]).get(path[-1])
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
