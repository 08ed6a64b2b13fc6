"""Which of the objects that injected pods need are missing in their namespaces."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from injector.cluster.api import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, ApiServer, ClusterError, Resource
from injector.cluster.objects import Metadata
from injector.reports.references import Reference

_RESOURCES: Mapping[str, Resource] = {
    CONFIG_MAPS.kind: CONFIG_MAPS,
    SECRETS.kind: SECRETS,
    SERVICE_ACCOUNTS.kind: SERVICE_ACCOUNTS,
}


_FEW = 20


class _Named(Struct):
    """All that is read of a Secret: that it is there."""

    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Missing:
    """References without an object, by namespace, and those that could not be looked at, with the reason."""

    absent: Mapping[str, tuple[Reference, ...]]
    unread: tuple[str, ...]


def missing_references(server: ApiServer, wanted: Iterable[tuple[str, Reference]]) -> Missing:
    """Which of `wanted`, each with its namespace, are not there: one request for each object's name.

    Who may not list them in all namespaces asks in each, as long as they are few.
    """
    namespaces: dict[Reference, list[str]] = defaultdict(list)
    for namespace, reference in dict.fromkeys(wanted):
        namespaces[reference].append(namespace)
    absent: dict[str, tuple[Reference, ...]] = {}
    unread: list[str] = []
    for reference, places in namespaces.items():
        try:
            there = _places(server, reference, places)
        except ClusterError as error:
            unread.append(f"{reference}: {error}")
            continue
        for place in places:
            if place not in there:
                absent[place] = (*absent.get(place, ()), reference)
    return Missing(absent, tuple(unread))


def _places(server: ApiServer, reference: Reference, wanted: Sequence[str]) -> set[str]:
    """The namespaces that have an object of this kind and name, all of `wanted` among them that do."""
    resource = _RESOURCES[reference.kind]
    # From the API server's cache: etcd would read every object of the kind.
    query = {"fieldSelector": f"metadata.name={reference.name}", "resourceVersion": "0"}
    try:
        return {
            item["metadata"]["namespace"]
            for page in server.pages(resource, query=query, shape=_Named)
            for item in page.items
        }
    except ClusterError as error:
        if not error.is_forbidden or len(wanted) > _FEW:
            raise
        return {each for each in wanted if _is_there(server, resource, reference.name, each)}


def _is_there(server: ApiServer, resource: Resource, name: str, namespace: str) -> bool:
    try:
        server.get(resource, name, namespace)
    except ClusterError as error:
        if error.is_missing:
            return False
        raise
    return True
