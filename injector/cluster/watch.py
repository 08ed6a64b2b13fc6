"""Namespaces, nodes and ProxyConfigs followed as they change, and the snapshot that they make.

Each kind is listed once, then watched from that version on, on its own: whatever happens to one, the others go on.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Event as Signal
from threading import Lock, Thread, Timer
from time import monotonic
from typing import Any

from injector.cluster.api import NAMESPACES, NODES, PROXY_CONFIGS, ApiServer, ClusterError, Event, Resource
from injector.cluster.backoff import Backoff
from injector.cluster.objects import Namespace, Node, ProxyConfig
from injector.cluster.snapshot_file import snapshot_of
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Snapshot

# An API server that is silent is noticed at the end of a watch, so watches are short.
_WATCH_SECONDS = 30
_STEADY_SECONDS = 5.0
_GATHER_SECONDS = 0.1
# A watch that ends at once, in good order, is opened again after this at the latest.
_REOPEN_SECONDS = 1.0
_ABSENT_SECONDS = 30.0
# An empty answer that contradicts so many objects is believed only when it is repeated for so long.
_MANY, _EMPTY_SECONDS = 3, 300.0
# A watch that is refused so often in a row may never be granted: a list is tried in its place.
_WATCH_TRIES = 10
_BUSY = frozenset({0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Source:
    """What to follow: a kind, in all namespaces or in `namespace`, or the one object called `name`.

    `shape`: the fields that are read; `page`: how many objects at a time. `is_optional`: there are clusters without
    this kind. `is_never_empty`: every cluster has objects of it.
    """

    resource: Resource
    name: str = ""
    namespace: str = ""
    shape: type = dict[str, Any]
    page: int = 250
    is_optional: bool = False
    is_never_empty: bool = False

    @property
    def query(self) -> Mapping[str, str]:
        """As the API server wants it; accounts that may read one object only may list and watch with it."""
        return {"fieldSelector": f"metadata.name={self.name}"} if self.name else {}

    def __str__(self) -> str:
        """For people."""
        return f"{self.resource.plural} {self.namespace and f'{self.namespace}/'}{self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Status:
    """How current the objects of one kind are, or of several.

    `known`: they were read once, and are kept since. `connected`: changes arrive. Where they do not, `error` says why
    and `age_seconds` for how long.
    """

    known: bool
    connected: bool
    age_seconds: float
    error: str
    objects: int


class Reflector:
    """Keeps the objects of `source`, from a thread of its own; reading is always possible and never waits.

    `objects` is replaced, never changed; None as long as nothing was read, and where the cluster lacks the kind. What
    was read once stays through every failure: an API server that starts answers 403 until it has its roles.
    """

    def __init__(
        self, server: ApiServer, source: Source, changed: Callable[[], None], noted: Callable[[], None] = lambda: None
    ) -> None:
        """Call `changed` after each change of the objects, `noted` when they become known, are lost, or regained."""
        self.source = source
        self.objects: Mapping[str, JsonObject] | None = None
        self.error = "not read yet"
        self.is_lost = False
        self.lists = 0
        self._server, self._changed, self._noted = server, changed, noted
        self._version, self._contact = "", monotonic()
        # Refusals end with the next answer; a watch that is opened only to break again is no end of its interruptions.
        self._refusals, self._interruptions, self._absence = Backoff(), Backoff(), Backoff(_ABSENT_SECONDS)
        self._is_streaming = False
        self._empty_since: float | None = None
        self._known, self._stopped = Signal(), Signal()

    def start(self) -> None:
        """Begin to follow the API server."""
        Thread(target=self.run, name=f"watch {self.source}", daemon=True).start()

    def stop(self) -> None:
        """End at the next event, at the latest when the watch in progress ends."""
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is known after at most `seconds` what there is, or that the cluster lacks the kind."""
        return self._known.wait(seconds)

    @property
    def status(self) -> Status:
        """How current the objects are now."""
        error = self.error
        age = monotonic() - self._contact if error else 0.0
        return Status(self._known.is_set(), not error, age, error, len(self.objects or ()))

    def run(self) -> None:
        """Follow the API server until `stop` is called."""
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                pause = self._watch() if self._version else self._list()
            except ClusterError as error:
                pause = self._fail(error)
            except Exception as error:  # noqa: BLE001 -- a thread that ends would leave the last objects for ever
                unforeseen = f"{self.source}: an answer that makes no sense: {type(error).__name__}: {error}"
                pause = self._fail(ClusterError(unforeseen, is_garbled=True))

    def _list(self) -> float:
        """Read all objects; gives the seconds to wait before the watch."""
        self.lists += 1
        before, found, version = self.objects or {}, dict[str, JsonObject](), ""
        source = self.source
        pages = self._server.pages(
            source.resource, source.namespace, source.query, limit=source.page, shape=source.shape
        )
        for page in pages:
            for item in page.items:
                key = _key(item)
                # Of two equal objects the old one is kept: until the last page is read all would be there twice.
                found[key] = before[key] if before.get(key) == item else item
            version = page.version
        if not version:
            raise ClusterError(f"{self.source}: a list without a resource version", is_garbled=True)
        self._refuse_doubtful(found)
        self._version = version
        self._publish(found)
        self._succeed()
        return 0.0

    def _refuse_doubtful(self, found: Mapping[str, JsonObject]) -> None:
        """Raise ClusterError where nothing is found though much was known, which is a fault until it is repeated."""
        known = len(self.objects or ())
        if found or known < (1 if self.source.is_never_empty else _MANY):
            self._empty_since = None
            return
        if self._empty_since is None:
            self._empty_since = monotonic()
        if self.source.is_never_empty or monotonic() - self._empty_since < _EMPTY_SECONDS:
            raise ClusterError(f"{self.source}: the API server lists none of them; {known} were known", is_garbled=True)

    def _watch(self) -> float:
        """Take the events after the version last seen, until the API server ends the watch in good order."""
        started, source = monotonic(), self.source
        try:
            events = self._server.watch(
                source.resource,
                source.namespace,
                source.query,
                version=self._version,
                seconds=_WATCH_SECONDS,
                shape=source.shape,
            )
            self._succeed()
            self._is_streaming = True
            for event in events:
                self._apply(event)
                self._succeed()
                self._interruptions.reset()
                if self._stopped.is_set():
                    break
        finally:
            is_steady = monotonic() - started > _STEADY_SECONDS
            if is_steady:
                self._interruptions.reset()
        self._is_streaming = False
        return 0.0 if is_steady else min(self._interruptions.after(), _REOPEN_SECONDS)

    def _apply(self, event: Event) -> None:
        known = self.objects or {}
        if event.type == "DELETED":
            gone = _key(event.object)
            self._publish({key: each for key, each in known.items() if key != gone})
        elif event.type in ("ADDED", "MODIFIED"):
            key = _key(event.object)
            if known.get(key) != event.object:
                self._publish({**known, key: event.object})
        elif event.type != "BOOKMARK":
            raise ClusterError(f"watching {self.source}: an event of type {event.type!r:.80}", is_garbled=True)
        self._version = event.version

    def _publish(self, objects: Mapping[str, JsonObject]) -> None:
        if objects != self.objects:
            self.objects = objects
            self._changed()

    def _succeed(self) -> None:
        """Take note that the API server answers, and that the objects are those that it has."""
        self._contact, was_lost = monotonic(), self.is_lost
        self._refusals.reset()
        self.error, self.is_lost = "", False
        if was_lost or not self._known.is_set():
            self._known.set()
            self._noted()

    def _fail(self, error: ClusterError) -> float:
        """Take note of `error`; gives the seconds to wait before the next try."""
        if error.is_missing and self.source.is_optional and not self.objects:
            # The cluster lacks this kind, which is all there is to know until somebody adds it.
            self._version = ""
            self._succeed()
            return self._absence.after(error)
        if not error.may_pass or self._is_never_granted(error):
            # Whatever version was asked for, a fresh list can do no harm.
            self._version = ""
        backoff = self._interruptions if self._is_streaming or error.is_expired else self._refusals
        pause, self._is_streaming = backoff.after(error), False
        if error.is_expired and backoff.failures == 1:
            # This is how an API server says that a list is due: nothing is wrong.
            return pause
        self.error = str(error)
        if backoff.failures > 1 and not self.is_lost:
            self.is_lost = True
            self._noted()
        return pause

    def _is_never_granted(self, error: ClusterError) -> bool:
        return error.status not in _BUSY and self._refusals.failures >= _WATCH_TRIES


class ClusterWatch:
    """Follows namespaces, nodes and ProxyConfig resources, and publishes what they are after each change."""

    def __init__(
        self, server: ApiServer, publish: Callable[[Snapshot], None], noted: Callable[[], None] = lambda: None
    ) -> None:
        """Hand each new snapshot to `publish`, one at a time, from threads of its own; `noted` is a reflector's."""
        self._publish, self._lock = publish, Lock()
        self._published, self._is_due = 0.0, False
        self._namespaces, self._nodes, self._proxy_configs = (
            Reflector(server, source, self._changed, noted)
            for source in (
                Source(NAMESPACES, shape=Namespace, is_never_empty=True),
                Source(NODES, shape=Node, page=50),
                Source(PROXY_CONFIGS, shape=ProxyConfig, is_optional=True),
            )
        )
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
    def statuses(self) -> Mapping[str, Status]:
        """How current each kind is now, by its name in URLs."""
        return {each.source.resource.plural: each.status for each in self.reflectors}

    def _changed(self) -> None:
        """Publish at once, but for changes that come one upon the other: of a large cluster that would be all work."""
        with self._lock:
            wait = self._published + _GATHER_SECONDS - monotonic()
            # What is read first is published before anybody is told that it is known.
            if wait <= 0 or not all(each.status.known for each in self.reflectors):
                self._publish_now()
            elif not self._is_due:
                self._is_due = True
                timer = Timer(wait, self._publish_later)
                timer.daemon = True
                timer.start()

    def _publish_later(self) -> None:
        with self._lock:
            self._is_due = False
            self._publish_now()

    def _publish_now(self) -> None:
        namespaces, nodes, proxy_configs = (
            None if each.objects is None else each.objects.values() for each in self.reflectors
        )
        self.snapshot = snapshot_of(namespaces or (), nodes, proxy_configs or ())
        self._published = monotonic()
        self._publish(self.snapshot)


def overall(statuses: Mapping[str, Status]) -> Status:
    """All kinds as one, which is as current as the worst of them."""
    errors = [f"{name}: {each.error}" for name, each in statuses.items() if each.error]
    return Status(
        known=all(each.known for each in statuses.values()),
        connected=not errors,
        age_seconds=max((each.age_seconds for each in statuses.values()), default=0.0),
        error="; ".join(errors),
        objects=sum(each.objects for each in statuses.values()),
    )


def _key(document: JsonObject) -> str:
    """What tells an object from the others of its kind: its name, behind its namespace where it has one."""
    metadata = document["metadata"]
    namespace, name = metadata.get("namespace"), metadata["name"]
    return f"{namespace}/{name}" if namespace else name
