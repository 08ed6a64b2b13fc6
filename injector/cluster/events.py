"""Events for a pod's author: it was refused, or skipped for a reason that is not the author's own word.

Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Queue
from threading import Thread
from time import monotonic
from uuid import uuid4

from injector.cluster.api import EVENTS, FIELD_MANAGER, ApiServer, ClusterError
from injector.cluster.inventory import controller_of
from injector.cluster.metrics import ClusterMetrics
from injector.core.model import Admission, AdmissionRequest, JsonObject, Snapshot
from injector.core.pods import labels
from injector.core.reasons import REASONS, REFUSED
from injector.core.selection import namespace_labels, selecting_rule
from injector.core.setup import Setup

_AGAIN_SECONDS = 300.0
_WAITING = 100
_IN_FIVE_MINUTES = 300
_NOTE_LENGTH = 1000
# Of names of Kubernetes objects; an owner reference, which is its pod's author's, may hold anything.
_LONGEST_NAME = 253
_REFERENCE = ("apiVersion", "kind", "name", "uid")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told to the author of a pod, or to operators: `regarding` is what the Event is about.

    It has the fields of an owner reference: of the controller that made the pod, or of an object of the installation.
    """

    namespace: str
    regarding: JsonObject
    is_refusal: bool
    reason: str
    message: str


def notice_of(request: AdmissionRequest, admission: Admission, setup: Setup, snapshot: Snapshot) -> Notice | None:
    """What the author of the pod should be told, if anything; None for a dry run, and for pods without a controller."""
    decision, namespace = admission.decision, snapshot.namespaces.get(request.namespace)
    if request.dry_run or decision is None or namespace is None:
        return None
    telling = not admission.allowed or bool(not decision.inject and REASONS[decision.reason].event)
    owner = controller_of({"metadata": request.pod.get("metadata") or {}}) if telling else None
    if owner is None:
        return None
    owner = {key: str(owner[key])[:_LONGEST_NAME] for key in _REFERENCE if key in owner}
    of_namespace = namespace_labels(request.namespace, namespace["metadata"].get("labels") or {})
    if selecting_rule(setup.selection, of_namespace, labels(request.pod)) is None:
        return None
    if admission.allowed:
        message = f"not injected: {decision.message}; {REASONS[decision.reason].event}"
        return Notice(request.namespace, owner, is_refusal=False, reason=decision.reason, message=message)
    return Notice(request.namespace, owner, is_refusal=True, reason=REFUSED, message=admission.message)


class EventRecorder:
    """Writes Events from a thread of its own: one for each owner and reason in five minutes, and no long queue."""

    def __init__(
        self, server: ApiServer, identity: str, metrics: ClusterMetrics, clock: Callable[[], float] = monotonic
    ) -> None:
        """Write as the replica `identity`. `clock` gives seconds that only ever grow."""
        self._server, self._identity, self._metrics = server, identity, metrics
        self._clock = clock
        self._waiting: Queue[Notice] = Queue(_WAITING)
        self._told: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Begin to write what is recorded."""
        Thread(target=self._run, name="events", daemon=True).start()

    def record(self, notice: Notice, *, always: bool = False) -> None:
        """Have `notice` written soon; never waits. What was told lately, or is too much, is left out.

        `always`: it is new, whatever was told lately.
        """
        key, now = (str(notice.regarding.get("uid")), notice.reason), self._clock()
        if always and not self._waiting.full():
            self._waiting.put(notice)
            return
        if now - self._told.get(key, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
            self._metrics.events.labels("limited").inc()
            return
        self._told = {each: since for each, since in self._told.items() if now - since < _AGAIN_SECONDS}
        if len(self._told) >= _IN_FIVE_MINUTES or self._waiting.full():
            self._metrics.events.labels("dropped").inc()
            return
        self._told[key] = now
        self._waiting.put(notice)

    def _run(self) -> None:
        while True:
            notice = self._waiting.get()
            try:
                self._server.create(EVENTS, event_of(notice, self._identity, datetime.now(UTC)), notice.namespace)
                self._metrics.events.labels("written").inc()
            except ClusterError:
                self._metrics.events.labels("failed").inc()


def event_of(notice: Notice, identity: str, now: datetime) -> JsonObject:
    """The Event object that tells `notice` at the time `now`."""
    owner, stamp = notice.regarding, f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": f"{owner.get('name', 'pod')}.{uuid4().hex[:16]}", "namespace": notice.namespace},
        "involvedObject": {
            **{key: owner[key] for key in _REFERENCE if key in owner},
            "namespace": notice.namespace,
        },
        "type": "Warning" if notice.is_refusal else "Normal",
        "reason": notice.reason,
        "message": notice.message[:_NOTE_LENGTH],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": identity,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
