"""What there is in a cluster at one moment: the snapshot, the workloads, the pods."""

from collections.abc import Iterator

from injector.cluster.api import NAMESPACES, NODES, PODS, PROXY_CONFIGS, WORKLOADS, ApiServer, ClusterError, Resource
from injector.cluster.snapshot_file import snapshot_of
from injector.core.model import JsonObject, Snapshot


def read_cluster(server: ApiServer) -> Snapshot:
    """The snapshot of the cluster now. Raises ClusterError where namespaces cannot be read.

    Where nodes may not be read they are not known; a cluster without ProxyConfig resources has none.
    """
    return snapshot_of(server.items(NAMESPACES), _readable(server, NODES), _readable(server, PROXY_CONFIGS) or ())


def workloads(server: ApiServer, namespace: str = "") -> Iterator[JsonObject]:
    """What makes pods in `namespace`, or anywhere, and bare pods: objects that no controller owns.

    Kinds that may not be read are left out. Raises ClusterError where the cluster cannot be reached.
    """
    for resource in WORKLOADS:
        for each in _readable(server, resource, namespace) or ():
            if controller_of(each) is None:
                yield each


def pods(server: ApiServer, namespace: str = "") -> list[JsonObject]:
    """All pods of `namespace`, or of the cluster. Raises ClusterError."""
    return server.items(PODS, namespace)


def controller_of(document: JsonObject) -> JsonObject | None:
    """The owner reference of the controller that made the object."""
    references = document["metadata"].get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def _readable(server: ApiServer, resource: Resource, namespace: str = "") -> list[JsonObject] | None:
    try:
        return server.items(resource, namespace)
    except ClusterError as error:
        if error.is_missing or error.is_forbidden:
            return None
        raise
