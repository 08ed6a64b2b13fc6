"""One of several replicas writes: it holds a Lease, in which every replica also says which certificate it serves.

Source: https://kubernetes.io/docs/concepts/architecture/leases/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic

from injector.cluster.api import LEASES, ApiServer, ClusterError
from injector.core.model import JsonObject

HOLD_SECONDS = 6
# A replica that has not said anything for so long is gone.
_GONE_SECONDS = 20.0
_PREFIX = "replica.sidecar-injector.istio.io/"
_NAME_LENGTH = 63


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something that others write, and when this process first saw it so: their clocks play no part."""

    value: object
    since: float


class Lease:
    """The Lease `name`, as the replica `identity` takes part in it."""

    def __init__(
        self, server: ApiServer, namespace: str, name: str, identity: str, clock: Callable[[], float] = monotonic
    ) -> None:
        """Take no part before `renew` is called. `clock` gives seconds that only ever grow."""
        self._server, self._namespace, self._name = server, namespace, name
        self.identity, self._clock = identity, clock
        self._key = _PREFIX + identity[-_NAME_LENGTH:].lstrip("-_.")
        self._holder = _Seen(None, self._clock())
        self._replicas: dict[str, _Seen] = {}

    def renew(self, serving: bytes, *, competes: bool = True) -> bool:
        """Say that this replica lives and shows the certificate `serving`; whether it holds the lease now.

        Who does not compete for it says what it shows in the Lease that others made. Raises ClusterError.
        """
        found = self._read()
        self._look(found)
        mine = f"{fingerprint(serving)} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if competes and self._may_hold(found):
            return self._take(found, mine)
        if found["metadata"].get("resourceVersion"):
            self._server.merge(LEASES, self._annotated(mine), self._namespace)
        return False

    def all_show(self, serving: bytes) -> bool:
        """Whether every replica that lives has said that it shows the certificate `serving`."""
        now, expected = self._clock(), fingerprint(serving)
        living = {key: seen for key, seen in self._replicas.items() if now - seen.since < _GONE_SECONDS}
        return all(str(seen.value).split(" ")[0] == expected for seen in living.values())

    def release(self) -> None:
        """Leave: another replica may take over at once. Raises ClusterError."""
        found = self._read()
        document = self._annotated(None)
        if (found.get("spec") or {}).get("holderIdentity") == self.identity:
            document["spec"] = {"holderIdentity": ""}
        self._server.merge(LEASES, document, self._namespace)

    def _read(self) -> JsonObject:
        try:
            return self._server.get(LEASES, self._name, self._namespace)
        except ClusterError as error:
            if not error.is_missing:
                raise
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": {"name": self._name}}

    def _look(self, found: JsonObject) -> None:
        spec, now = found.get("spec") or {}, self._clock()
        current = spec.get("holderIdentity"), spec.get("renewTime")
        if self._holder.value != current:
            self._holder = _Seen(current, now)
        told = {key: value for key, value in _annotations(found).items() if key.startswith(_PREFIX)}
        self._replicas = {
            key: self._replicas[key]
            if key in self._replicas and self._replicas[key].value == value
            else _Seen(value, now)
            for key, value in told.items()
        }

    def _may_hold(self, found: JsonObject) -> bool:
        holder = (found.get("spec") or {}).get("holderIdentity")
        return holder in (None, "", self.identity) or self._clock() - self._holder.since > HOLD_SECONDS

    def _take(self, found: JsonObject, mine: str) -> bool:
        """Whether nobody else was first."""
        now, spec = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", found.get("spec") or {}
        gone = {key for key, seen in self._replicas.items() if self._clock() - seen.since > _GONE_SECONDS}
        kept = {key: value for key, value in _annotations(found).items() if key not in gone}
        taken = {} if spec.get("holderIdentity") == self.identity else {"acquireTime": now}
        document = {
            **found,
            "metadata": {**found["metadata"], "annotations": {**kept, self._key: mine}},
            "spec": {
                **spec,
                **taken,
                "holderIdentity": self.identity,
                "leaseDurationSeconds": HOLD_SECONDS,
                "renewTime": now,
            },
        }
        try:
            if found["metadata"].get("resourceVersion"):
                self._server.replace(LEASES, document, self._namespace)
            else:
                self._server.create(LEASES, document, self._namespace)
        except ClusterError as error:
            if not error.is_conflict:
                raise
            # Another replica wrote: it took the lease, or only said what it serves.
            return bool((self._read().get("spec") or {}).get("holderIdentity") == self.identity)
        self._replicas[self._key] = _Seen(mine, self._clock())
        return True

    def _annotated(self, mine: str | None) -> JsonObject:
        return {"metadata": {"name": self._name, "annotations": {self._key: mine}}}


def fingerprint(certificate: bytes) -> str:
    """What tells one PEM certificate from another, short enough to read."""
    return sha256(certificate).hexdigest()[:16]


def _annotations(found: JsonObject) -> Mapping[str, str]:
    return found["metadata"].get("annotations") or {}
