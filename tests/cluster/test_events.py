"""Events for authors of pods: who is told of what, once in a while, and never of a dry run."""

from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from injector.cluster.api import EVENTS, ClusterError, Resource
from injector.cluster.events import EventRecorder, Notice, event_of, notice_of
from injector.cluster.metrics import ClusterMetrics
from injector.core.model import JsonObject, Pod, Snapshot
from injector.core.review import parse_review
from injector.core.setup import Setup
from tests.support import admitted, default_setup, pod_of, review_of, setup_of
from tests.waiting import wait_until

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-6f", "uid": "u-6f", "controller": True}
TOLD = {key: value for key, value in OWNER.items() if key != "controller"}
WRONG = {"proxy.istio.io/config": "concurrency: many"}


def owned(pod: Pod, *owners: JsonObject) -> Pod:
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": list(owners or (OWNER,))}}


def notice(pod: Pod, setup: Setup | None = None, labels: dict[str, str] | None = None, **request: Any) -> Notice | None:
    """What is told of a pod that is created in the namespace `default`, opted in unless `labels` says otherwise."""
    given = labels if labels is not None else {"istio-injection": "enabled"}
    snapshot = Snapshot({"default": {"metadata": {"name": "default", "labels": given}}})
    setup = setup or default_setup()
    admission = admitted(pod, setup, snapshot, **request)
    return notice_of(parse_review(review_of(pod, **request)), admission, setup, snapshot)


def test_the_owner_of_a_refused_pod_is_told_what_is_wrong() -> None:
    found = notice(owned(pod_of(annotations=WRONG)))
    assert found is not None
    assert (found.regarding, found.namespace) == (TOLD, "default")
    assert (found.is_refusal, found.reason) == (True, "Refused")
    assert "proxy.istio.io/config" in found.message


def test_the_owner_of_a_pod_that_cannot_have_a_sidecar_is_told_why() -> None:
    found = notice(owned(pod_of(hostNetwork=True)))
    assert found is not None
    assert (found.is_refusal, found.reason) == (False, "HostNetwork")
    assert "the pod shares the node's network" in found.message


def test_the_configuration_s_own_word_is_told(tmp_path: Path) -> None:
    found = notice(owned(pod_of()), setup_of(tmp_path, "policy: disabled"))
    assert found is not None
    assert found.reason == "Policy"


def test_of_several_owners_the_controller_is_told() -> None:
    other = {**OWNER, "name": "other", "controller": False}
    found = notice(owned(pod_of(hostNetwork=True), other, OWNER))
    assert found is not None
    assert found.regarding == TOLD


@pytest.mark.parametrize(
    ("pod", "labels", "request_fields"),
    [
        (owned(pod_of()), None, {}),
        (owned(pod_of(hostNetwork=True)), None, {"dryRun": True}),
        (owned(pod_of(annotations=WRONG)), None, {"dryRun": True}),
        (pod_of(hostNetwork=True), None, {}),
        (owned(pod_of(hostNetwork=True), {**OWNER, "controller": False}), None, {}),
        (owned(pod_of(hostNetwork=True)), {}, {}),
        (owned(pod_of(labels={"sidecar.istio.io/inject": "false"})), None, {}),
        (owned(pod_of(hostNetwork=True)), None, {"namespace": "not-known"}),
    ],
    ids=[
        "injected",
        "dry run of a skip",
        "dry run of a refusal",
        "no owner",
        "no controller",
        "not selected",
        "asked for it",
        "unknown namespace",
    ],
)
def test_nobody_is_told(pod: Pod, labels: dict[str, str] | None, request_fields: dict[str, Any]) -> None:
    assert notice(pod, labels=labels, **request_fields) is None


def test_an_event_names_the_owner_and_says_it_in_bounds() -> None:
    told = Notice("shop", OWNER, is_refusal=True, reason="Refused", message="x" * 5000)
    event = event_of(told, "replica-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert event["involvedObject"] == {
        **{key: OWNER[key] for key in ("apiVersion", "kind", "name", "uid")},
        "namespace": "shop",
    }
    assert event["metadata"]["namespace"] == "shop"
    assert event["metadata"]["name"].startswith("shop-6f.")
    assert (event["type"], event["reason"], len(event["message"])) == ("Warning", "Refused", 1000)
    assert (event["firstTimestamp"], event["reportingInstance"]) == ("2026-01-02T03:04:05Z", "replica-1")
    skipped = Notice("shop", OWNER, is_refusal=False, reason="Policy", message="")
    assert event_of(skipped, "replica-1", datetime.now(UTC))["type"] == "Normal"


class Writer:
    """Stands in for an API server: takes Events, or refuses them, or lets them wait."""

    def __init__(self) -> None:
        self.written, self.refuses, self.open = list[JsonObject](), False, Event()
        self.open.set()
        self._lock = Lock()

    def create(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        assert self.open.wait(30)
        assert (resource, namespace) == (EVENTS, document["metadata"]["namespace"])
        if self.refuses:
            raise ClusterError("no")
        with self._lock:
            self.written.append(document)
        return document


class Told:
    """A recorder whose clock stands still, and what became of what it was given."""

    def __init__(self) -> None:
        self.writer, self.now, self._registry = Writer(), 1000.0, CollectorRegistry()
        metrics = ClusterMetrics(self._registry)
        self._recorder = EventRecorder(self.writer, "replica-1", metrics, lambda: self.now)  # type: ignore[arg-type]
        self._recorder.start()

    def record(self, uid: str = "u", reason: str = "Refused") -> None:
        self._recorder.record(Notice("shop", {**OWNER, "uid": uid}, is_refusal=True, reason=reason, message="m"))

    def counted(self, result: str) -> float:
        return self._registry.get_sample_value("sidecar_injector_events_total", {"result": result}) or 0.0


def test_one_owner_is_told_once_of_each_reason_in_five_minutes() -> None:
    told = Told()
    for _ in range(20):
        told.record()
    told.record(reason="HostNetwork")
    told.record(uid="another")
    wait_until(lambda: told.counted("written") == 3)
    assert told.counted("limited") == 19
    told.now += 299
    told.record()
    assert told.counted("limited") == 20
    told.now += 1
    told.record()
    wait_until(lambda: told.counted("written") == 4)


def test_a_flood_of_owners_is_bounded_and_passes() -> None:
    told = Told()
    told.writer.open.clear()
    for number in range(1000):
        told.record(uid=str(number))
    assert told.counted("dropped") >= 1000 - 300
    told.writer.open.set()
    kept = 1000 - told.counted("dropped")
    wait_until(lambda: told.counted("written") == kept)
    told.now += 300
    told.record(uid="later")
    wait_until(lambda: told.counted("written") == kept + 1)


def test_an_event_that_is_refused_is_counted_and_the_next_one_is_written() -> None:
    told = Told()
    told.writer.refuses = True
    told.record()
    wait_until(lambda: told.counted("failed") == 1)
    told.writer.refuses = False
    told.record(uid="another")
    wait_until(lambda: told.counted("written") == 1)


def test_of_an_owner_no_more_is_told_than_a_reference_has() -> None:
    """An owner reference is its pod's author's: a long one would wait in memory until its Event is written."""
    found = notice(owned(pod_of(annotations=WRONG), {**OWNER, "name": "a" * 100_000, "more": ["a"] * 100_000}))
    assert found is not None
    assert found.regarding == {**TOLD, "name": "a" * 253}
