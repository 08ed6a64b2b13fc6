"""Events on the Deployment and the ConfigMap while something is at fault: what `kubectl describe` shows first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from injector.cluster.api import CONFIG_MAPS, DEPLOYMENTS, ApiServer, ClusterError, Resource
from injector.cluster.events import Notice
from injector.core.model import JsonObject
from injector.runtime.errors import UsageError

OBJECTS: Mapping[str, Resource] = {"configmap": CONFIG_MAPS, "deployment": DEPLOYMENTS}


# The API server forgets Events after an hour.
_AGAIN_SECONDS = 3_000.0


class Topic(NamedTuple):
    """What can be at fault: the reasons of the Events when it is and when it no longer is, and who gets them."""

    fault: str
    recovery: str
    recovered: str
    kinds: frozenset[Resource]


CONFIGURATION = Topic(
    "ConfigurationRefused",
    "ConfigurationInForce",
    "the configuration is in force again",
    frozenset({CONFIG_MAPS, DEPLOYMENTS}),
)
CERTIFICATES = Topic(
    "CertificatesAtFault", "CertificatesKept", "certificates are looked after again", frozenset({DEPLOYMENTS})
)
CLUSTER = Topic("ClusterNotFollowed", "ClusterFollowed", "the cluster is followed again", frozenset({DEPLOYMENTS}))


@dataclass(frozen=True, slots=True)
class Reported:
    """An object of the installation that gets Events."""

    resource: Resource
    name: str

    @classmethod
    def of(cls, text: str) -> "Reported":
        """The object that `text` names: KIND/NAME. Raises UsageError."""
        kind, _, name = text.partition("/")
        if kind not in OBJECTS or not name:
            raise UsageError(f"--report-to {text!r:.80}: must be KIND/NAME; valid kinds: {', '.join(OBJECTS)}")
        return cls(OBJECTS[kind], name)


class FaultEvents:
    """Tells of faults in Events on `objects` of `namespace`, through `record`: of each when it is new, and hourly."""

    def __init__(
        self,
        server: ApiServer,
        namespace: str,
        objects: Sequence[Reported],
        record: Callable[[Notice], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Nothing is at fault yet. `clock` gives seconds that only ever grow."""
        self._server, self._namespace, self._record = server, namespace, record
        self._objects, self._clock = tuple(objects), clock
        self._regarding: dict[Reported, JsonObject] = {}
        self._told: dict[Topic, tuple[str, float]] = {}

    def look(self, faults: Mapping[Topic, str]) -> None:
        """Tell of what is at fault now, by topic, empty where nothing is, and of what no longer is."""
        now = self._clock()
        for topic, fault in faults.items():
            before, since = self._told.get(topic, ("", now))
            if fault and (fault != before or now - since > _AGAIN_SECONDS):
                self._tell(topic, topic.fault, fault, is_refusal=True)
                self._told[topic] = fault, now
            elif before and not fault:
                self._tell(topic, topic.recovery, topic.recovered, is_refusal=False)
                del self._told[topic]

    def _tell(self, topic: Topic, reason: str, message: str, *, is_refusal: bool) -> None:
        for each in self._objects:
            if each.resource in topic.kinds:
                self._record(Notice(self._namespace, self._found(each), is_refusal, reason, message))

    def _found(self, each: Reported) -> JsonObject:
        """The object as Events name it. Without its uid, which kubectl describe asks for, kubectl get events has it."""
        if each not in self._regarding:
            regarding = {"apiVersion": each.resource.api_version, "kind": each.resource.kind, "name": each.name}
            try:
                found = self._server.get(each.resource, each.name, self._namespace)
            except ClusterError:
                return regarding
            self._regarding[each] = {**regarding, "uid": found["metadata"]["uid"]}
        return self._regarding[each]
