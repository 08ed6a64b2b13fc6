"""One kind of object, kept as the API server has it: listed once, then watched from that version on.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import uniform
from threading import Event, Lock, Thread
from time import monotonic

from injector.cluster.api import NAMESPACES, NODES, PROXY_CONFIGS, ApiServer, ClusterError, Resource
from injector.cluster.snapshot_file import snapshot_of
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Snapshot

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_WATCH_SECONDS = 60
# A kind that the cluster does not have may be added at any time.
_MISSING_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Source:
    """What to keep: a kind, in one namespace or all, or the one object called `name`."""

    resource: Resource
    namespace: str = ""
    name: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        """As the API server wants it; accounts that may read one object only may list and watch with it."""
        return {"fieldSelector": f"metadata.name={self.name}"} if self.name else {}

    def __str__(self) -> str:
        """For people."""
        return f"{self.resource.plural} {self.name}".rstrip()


class Reflector:
    """Keeps the objects of `source`, from a thread of its own; reading is always possible and never waits.

    `objects` is replaced, never changed; None as long as nothing was read, and where the cluster lacks the kind. What
    was read once stays through every failure: an API server that starts answers 403 until it has its roles.
    `error` says why the API server is not followed at the moment; empty where it is.
    """

    def __init__(
        self,
        server: ApiServer,
        source: Source,
        changed: Callable[[], None],
        keep: Callable[[JsonObject], JsonObject] = lambda document: document,
    ) -> None:
        """Call `changed` after each change of what `keep` leaves of the objects."""
        self.source = source
        self.objects: Mapping[str, JsonObject] | None = None
        self.error = "not read yet"
        self.last_contact: float | None = None
        self.lists = 0
        self._server, self._changed, self._keep = server, changed, keep
        self._version = ""
        self._settled, self._stopped = Event(), Event()

    def start(self) -> None:
        """Begin to follow the API server."""
        Thread(target=self.run, name=f"watch {self.source}", daemon=True).start()

    def stop(self) -> None:
        """End at the next event, at the latest when the watch in progress ends."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is known after at most `seconds` what there is, or that the cluster lacks the kind."""
        return self._settled.wait(seconds)

    def run(self) -> None:
        """Follow the API server until `stop` is called."""
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                if self._version:
                    self._watch()
                    # Events wait for the next watch; a server that ends each at once is not run against in a circle.
                    pause = _FIRST_PAUSE
                else:
                    self._list()
                    pause = 0.0
            except ClusterError as error:
                pause = self._pause_after(error, pause)
            except Exception as error:  # noqa: BLE001 -- a thread that ends would leave the last objects for ever
                self._version = ""
                unforeseen = ClusterError(f"watching {self.source}: {type(error).__name__}: {error}")
                pause = self._pause_after(unforeseen, pause)

    def _list(self) -> None:
        found, version = dict[str, JsonObject](), ""
        self.lists += 1
        for page in self._server.pages(self.source.resource, self.source.namespace, self.source.query):
            found |= {_key(each): self._keep(each) for each in page.items}
            version = page.version
        self._publish(found)
        self._mark_contact()
        self._settled.set()
        self._version = version

    def _watch(self) -> None:
        """Take the events after the version last seen, until the API server ends the watch in good order."""
        source = self.source
        events = self._server.watch(
            source.resource, source.namespace, version=self._version, seconds=_WATCH_SECONDS, **source.query
        )
        self._mark_contact()
        for event in events:
            self._mark_contact()
            self._apply(event)
            self._version = event["object"]["metadata"]["resourceVersion"]
            if self._stopped.is_set():
                return
        self._mark_contact()

    def _pause_after(self, error: ClusterError, pause: float) -> float:
        """Take note of `error`; gives the seconds to wait before the next try, after `pause` before the last one."""
        if error.is_missing and self.objects is None:
            # The cluster does not have this kind, which is all there is to know until somebody adds it.
            self._mark_contact()
            self._settled.set()
            return _MISSING_PAUSE
        if error.is_expired:
            self._version = ""
            return 0.0
        if not error.may_pass:
            # Whatever version was asked for, a fresh list can do no harm.
            self._version = ""
        self.error = str(error)
        return longer(pause)

    def _apply(self, event: JsonObject) -> None:
        document, known = event["object"], dict(self.objects or {})
        if event["type"] == "DELETED":
            known.pop(_key(document), None)
        elif event["type"] in ("ADDED", "MODIFIED"):
            known[_key(document)] = self._keep(document)
        self._publish(known)

    def _publish(self, objects: Mapping[str, JsonObject] | None) -> None:
        if objects != self.objects:
            self.objects = objects
            self._changed()

    def _mark_contact(self) -> None:
        self.error, self.last_contact = "", monotonic()


def longer(pause: float) -> float:
    """The seconds to wait after a failure, when it was `pause` after the one before: twice as long, within bounds."""
    longest = min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
    # Replicas that lost the same API server do not all come back at the same moment.
    return longest * uniform(0.7, 1.0)  # noqa: S311 -- no secret


def _key(document: JsonObject) -> str:
    metadata = document["metadata"]
    return f"{metadata.get('namespace') or ''}/{metadata['name']}"


# The cluster followed as it changes: one immutable snapshot, published by swapping a reference.


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
