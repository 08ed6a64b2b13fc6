"""The cluster followed as it changes: one immutable snapshot, published by swapping a reference."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from injector.cluster.api import ApiServer
from injector.cluster.reflector import Reflector, Source
from injector.cluster.resources import NAMESPACES, NODES, PROXY_CONFIGS
from injector.cluster.snapshot import snapshot_of
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Snapshot


@dataclass(frozen=True, slots=True)
class Connection:
    """How current the snapshot is: whether changes arrive, the seconds since they last could, and why they do not."""

    connected: bool
    age_seconds: float
    error: str


class ClusterWatch:
    """Follows namespaces, nodes and ProxyConfig resources, and publishes what they are after each change."""

    def __init__(self, server: ApiServer, publish: Callable[[Snapshot], None]) -> None:
        """Hand each new snapshot to `publish`, one at a time, from threads of its own."""
        self._publish, self._lock, self._started = publish, Lock(), monotonic()
        self._namespaces = Reflector(server, Source(NAMESPACES), self._changed, _without_managers)
        self._nodes = Reflector(server, Source(NODES), self._changed, _version_only)
        self._proxy_configs = Reflector(server, Source(PROXY_CONFIGS), self._changed, _without_managers)
        self.reflectors = (self._namespaces, self._nodes, self._proxy_configs)
        self.snapshot = EMPTY_SNAPSHOT

    def start(self, seconds: float) -> bool:
        """Begin to follow; whether everything was read within `seconds`. It goes on either way."""
        until = monotonic() + seconds
        for reflector in self.reflectors:
            reflector.start()
        return all(each.wait(max(until - monotonic(), 0)) for each in self.reflectors)

    def stop(self) -> None:
        """No longer follow the cluster."""
        for reflector in self.reflectors:
            reflector.stop()

    @property
    def connection(self) -> Connection:
        """How current the snapshot is now."""
        errors = [each.error for each in self.reflectors if each.error]
        if not errors:
            return Connection(connected=True, age_seconds=0.0, error="")
        oldest = min(each.last_contact or self._started for each in self.reflectors if each.error)
        return Connection(connected=False, age_seconds=monotonic() - oldest, error=errors[0])

    def _changed(self) -> None:
        with self._lock:
            namespaces, nodes, proxy_configs = (
                None if each.objects is None else list(each.objects.values()) for each in self.reflectors
            )
            self.snapshot = snapshot_of(namespaces or [], nodes, proxy_configs or ())
            self._publish(self.snapshot)


def _without_managers(document: JsonObject) -> JsonObject:
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}


def _version_only(node: JsonObject) -> JsonObject:
    """A node without its heartbeat: what is left changes only when the kubelet does."""
    version = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node["metadata"]["name"]},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }
