"""What there is in a cluster at one moment: the snapshot, the workloads, the pods."""

from collections.abc import Iterator

from injector.cluster.api import (
    CUSTOM_RESOURCE_DEFINITIONS,
    NAMESPACES,
    NODES,
    PODS,
    PROXY_CONFIGS,
    WORKLOADS,
    ApiServer,
    ClusterError,
    Resource,
)
from injector.cluster.objects import Namespace, Node, ProxyConfig
from injector.cluster.snapshot_file import snapshot_of
from injector.core.model import JsonObject, Snapshot


def read_cluster(server: ApiServer) -> Snapshot:
    """The snapshot of the cluster now. Raises ClusterError where namespaces cannot be read.

    Where nodes may not be read they are not known; a cluster without ProxyConfig resources has none.
    """
    return snapshot_of(
        _reduced(server, NAMESPACES, Namespace),
        _readable(server, NODES, Node),
        _readable(server, PROXY_CONFIGS, ProxyConfig) or (),
    )


# A page is held whole while it is parsed.
_REDUCED_PAGE = 100
_OPEN = "x-kubernetes-preserve-unknown-fields"


class Inventory:
    """What makes pods in a cluster; `unread` names, once it was read, the kinds that could not be, and why."""

    def __init__(self, server: ApiServer) -> None:
        """Nothing is read before it is asked for."""
        self._server = server
        self.unread: list[str] = []

    def workloads(self, namespace: str = "") -> Iterator[JsonObject]:
        """Objects of `namespace`, or of all, that make pods, and bare pods: those that no controller owns.

        Objects of custom kinds that may hold a pod template are among them. Raises ClusterError where the cluster
        cannot be reached.
        """
        for resource in (*WORKLOADS, *self._custom()):
            for each in self._items(resource, namespace):
                if controller_of(each) is None:
                    yield each

    def _custom(self) -> Iterator[Resource]:
        """The custom kinds whose schema has a pod template in it, or says nothing of what is in it."""
        for definition in self._items(CUSTOM_RESOURCE_DEFINITIONS):
            spec = definition["spec"]
            for version in spec.get("versions") or ():
                schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
                if version.get("storage") and _may_hold_pod_template(schema):
                    api_version = f"{spec['group']}/{version['name']}"
                    yield Resource(api_version, spec["names"]["kind"], spec["names"]["plural"])

    def _items(self, resource: Resource, namespace: str = "") -> list[JsonObject]:
        try:
            return self._server.items(resource, namespace)
        except ClusterError as error:
            if not (error.is_missing or error.is_forbidden):
                raise
            if error.is_forbidden:
                self.unread.append(f"{resource.kind} ({error})")
            return []


def _may_hold_pod_template(schema: JsonObject) -> bool:
    """Whether an object of this schema may have a pod template: `spec.containers` below a key such as `template`."""
    pending: list[tuple[str, JsonObject]] = [("", schema)]
    while pending:
        name, part = pending.pop()
        properties = part.get("properties") or {}
        if "template" in name.lower():
            spec = properties.get("spec") or {}
            if any(each.get(_OPEN) for each in (part, spec)) or "containers" in (spec.get("properties") or {}):
                return True
        pending += [(key, each) for key, each in properties.items() if isinstance(each, dict)]
        for inner in (part.get("items"), part.get("additionalProperties")):
            if isinstance(inner, dict):
                pending.append((name, inner))
    return False


def pods(server: ApiServer, namespace: str = "") -> Iterator[JsonObject]:
    """All pods of `namespace`, or of the cluster, a page at a time held. Raises ClusterError."""
    for page in server.pages(PODS, namespace):
        yield from page.items


def controller_of(document: JsonObject) -> JsonObject | None:
    """The owner reference of the controller that made the object; what a file has in its place is none."""
    metadata = document.get("metadata")
    references = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    owners = (each for each in references if isinstance(each, dict)) if isinstance(references, list) else ()
    return next((each for each in owners if each.get("controller")), None)


def _reduced(server: ApiServer, resource: Resource, shape: type) -> list[JsonObject]:
    """All objects of a kind, with the fields of `shape` alone: a node of 26 KB becomes a hundred bytes."""
    return [item for page in server.pages(resource, limit=_REDUCED_PAGE, shape=shape) for item in page.items]


def _readable(server: ApiServer, resource: Resource, shape: type) -> list[JsonObject] | None:
    try:
        return _reduced(server, resource, shape)
    except ClusterError as error:
        if error.is_missing or error.is_forbidden:
            return None
        raise
