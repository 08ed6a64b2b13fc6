"""A kind of object as the API server has it: through events, disconnects, and versions that are no longer kept."""

import threading
from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import pytest

from injector.cluster import api, watch
from injector.cluster.api import NAMESPACES, PROXY_CONFIGS, ApiServer
from injector.cluster.watch import ClusterWatch, Reflector, Source, Status, overall
from injector.core.model import Snapshot
from tests.cluster.answering import answering, event, gone, listed
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import Reply
from tests.waiting import wait_until

HOLD: list[object] = []


def names(reflector: Reflector) -> set[str] | None:
    return None if reflector.objects is None else {each["metadata"]["name"] for each in reflector.objects.values()}


def started(server: ApiServer, changes: list[set[str] | None] | None = None) -> Reflector:
    def changed() -> None:
        if changes is not None:
            changes.append(names(reflector))

    reflector = Reflector(server, Source(NAMESPACES), changed)
    reflector.start()
    return reflector


def test_events_change_what_is_known_and_bookmarks_only_the_version() -> None:
    events = [
        event("ADDED", "b", "8"),
        event("DELETED", "a", "9"),
        event("BOOKMARK", "", "12"),
    ]
    changes: list[set[str] | None] = []
    with answering(listed("7", "a"), events, HOLD) as (server, script):
        reflector = started(server, changes)
        wait_until(lambda: len(script.requests) > 2)
        assert names(reflector) == {"b"}
        assert changes == [{"a"}, {"a", "b"}, {"b"}]
        assert [request[2].get("resourceVersion") for request in script.requests[1:3]] == ["7", "12"]
        reflector.stop()


def test_after_a_disconnect_it_goes_on_from_the_last_version_without_reading_all_again() -> None:
    broken = [event("ADDED", "b", "8"), b'{"type": "ADDED", "obj']
    with answering(listed("7", "a"), broken, [event("ADDED", "c", "9")], HOLD) as (server, script):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"a", "b", "c"})
        assert script.requests[2][2]["resourceVersion"] == "8"
        assert reflector.lists == 1
        reflector.stop()


def test_a_version_that_is_no_longer_kept_leads_to_a_new_list() -> None:
    with answering(listed("7", "a", "b"), [gone()], listed("20", "b", "c"), 410, listed("30", "d"), HOLD) as (
        server,
        _,
    ):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"d"})
        assert reflector.lists == 3
        reflector.stop()


def test_while_the_server_fails_the_last_objects_stay_and_the_reason_is_told() -> None:
    with answering(listed("7", "a"), 500) as (server, _):
        reflector = started(server)
        wait_until(lambda: "500" in reflector.error)
        assert names(reflector) == {"a"}
        assert reflector.status.known
        reflector.stop()


@pytest.mark.parametrize("strange", [{"type": "ADDED", "object": {}}, {"type": "ADDED"}, ["no event"]])
def test_an_event_that_nobody_foresaw_leads_to_a_new_list(strange: Any) -> None:
    with answering(listed("7", "a"), [strange], listed("9", "b"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"b"})
        reflector.stop()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("failing", ["watch", "list"])
def test_last_objects_survive_a_refusal(status: int, failing: str) -> None:
    before: list[Any] = [[gone()]] if failing == "list" else []
    with answering(listed("7", "a"), *before, status) as (server, _):
        reflector = started(server)
        wait_until(lambda: str(status) in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_refusal_is_tried_again_soon(status: int) -> None:
    with answering(listed("7", "a"), [gone()], status, listed("9", "b"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"b"}, seconds=10)
        assert not reflector.error
        reflector.stop()


def test_a_kind_that_may_not_be_read_yet_is_unknown() -> None:
    with answering(403) as (server, _):
        reflector = started(server)
        wait_until(lambda: "403" in reflector.error)
        assert not reflector.wait(0)
        assert reflector.objects is None
        reflector.stop()


def test_a_kind_that_the_cluster_lacks_needs_no_waiting() -> None:
    with answering(404) as (server, _):
        reflector = Reflector(server, Source(PROXY_CONFIGS, is_optional=True), lambda: None)
        reflector.start()
        assert reflector.wait(5)
        assert (reflector.objects, reflector.error) == (None, "")
        reflector.stop()


def test_a_kind_that_every_cluster_has_cannot_be_lacking() -> None:
    with answering(404) as (server, _):
        reflector = started(server)
        wait_until(lambda: "404" in reflector.error)
        assert not reflector.wait(0)
        reflector.stop()


@pytest.mark.parametrize("refusal", [429, 503, Reply(200, [event("ADDED", "b", "8")], cut=True)])
def test_a_busy_server_is_not_asked_for_a_list(refusal: Any) -> None:
    with answering(listed("7", "a"), refusal, refusal, [event("ADDED", "b", "8")], HOLD) as (server, script):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"a", "b"})
        assert reflector.lists == 1
        assert {request[2].get("resourceVersion") for request in script.requests[1:4]} == {"7"}
        reflector.stop()


def test_a_watch_that_is_never_granted_leads_to_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_WATCH_TRIES", 2)
    with answering(listed("7", "a"), 403, 403, 403, listed("8", "b"), 403) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"b"})
        reflector.stop()


def test_a_version_that_expires_at_once_again_and_again_is_an_error() -> None:
    with answering(listed("7", "a"), [gone()], listed("8", "a"), [gone()], 410) as (server, _):
        reflector = started(server)
        wait_until(lambda: "too old" in reflector.error or "410" in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()


def test_watches_that_break_at_once_are_not_opened_in_a_circle() -> None:
    broken = Reply(200, [event("ADDED", "b", "8")], cut=True)
    with answering(listed("7", "a"), broken) as (server, script):
        reflector = started(server)
        sleep(2)
        assert 3 <= len(script.requests) <= 8
        reflector.stop()


def test_a_server_that_falls_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_ANSWER_SECONDS", 0.2)
    over = threading.Event()

    def silent() -> Iterator[Any]:
        over.wait(30)
        yield b""

    with answering(listed("7", "a"), [gone()], Reply(200, silent())) as (server, _):
        reflector = started(server)
        wait_until(lambda: "timed out" in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()
        over.set()


def test_a_server_that_asks_for_time_gets_it() -> None:
    busy = Reply(429, [{"code": 429}], {"Retry-After": "60"})
    with answering(listed("7", "a"), busy) as (server, script):
        reflector = started(server)
        wait_until(lambda: "429" in reflector.error)
        sleep(1)
        assert len(script.requests) == 2
        reflector.stop()


def test_no_objects_where_many_were_known_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(listed("7", "a", "b", "c"), [gone()], listed("8")) as (server, _):
        reflector = started(server)
        wait_until(lambda: "lists none of them; 3 were known" in reflector.error)
        assert names(reflector) == {"a", "b", "c"}
        monkeypatch.setattr(watch, "_EMPTY_SECONDS", 0.0)
        wait_until(lambda: names(reflector) == set())
        reflector.stop()


def test_no_objects_where_few_were_known_is_believed() -> None:
    with answering(listed("7", "a", "b"), [gone()], listed("8"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == set())
        assert not reflector.error
        reflector.stop()


def test_no_namespaces_are_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_EMPTY_SECONDS", 0.0)
    with answering(listed("7", "a"), [gone()], listed("8"), listed("9"), listed("10", "b"), HOLD) as (server, _):
        changes: list[Any] = []
        reflector = Reflector(server, Source(NAMESPACES, is_never_empty=True), lambda: changes.append(names(reflector)))
        reflector.start()
        wait_until(lambda: names(reflector) == {"b"})
        assert changes == [{"a"}, {"b"}]
        reflector.stop()


def test_a_list_without_a_version_changes_nothing() -> None:
    with answering(listed("7", "a"), [gone()], {"metadata": {}, "items": []}) as (server, _):
        reflector = started(server)
        wait_until(lambda: "without a resource version" in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()


def test_a_page_that_fails_changes_nothing() -> None:
    first = listed("8", "b")
    first["metadata"]["continue"] = "next"
    with answering(listed("7", "a"), [gone()], first, 500) as (server, _):
        reflector = started(server)
        wait_until(lambda: "500" in reflector.error)
        assert names(reflector) == {"a"}
        reflector.stop()


def test_equal_objects_are_kept_once() -> None:
    with answering(listed("7", "a"), [gone()], listed("8", "a", "b"), HOLD) as (server, _):
        reflector = started(server)
        wait_until(lambda: names(reflector) == {"a"})
        before = (reflector.objects or {})["a"]
        wait_until(lambda: names(reflector) == {"a", "b"})
        assert (reflector.objects or {})["a"] is before
        reflector.stop()


def test_a_loss_and_its_end_are_noted() -> None:
    noted: list[tuple[bool, bool]] = []
    with answering(listed("7", "a"), 503, 503, 503, [event("ADDED", "b", "8")], HOLD) as (server, _):
        reflector = Reflector(
            server, Source(NAMESPACES), lambda: None, lambda: noted.append((reflector.status.known, reflector.is_lost))
        )
        reflector.start()
        wait_until(lambda: len(noted) > 2)
        assert noted == [(True, False), (True, True), (True, False)]
        reflector.stop()


def test_one_object_is_asked_for_by_its_name_alone() -> None:
    with answering(listed("7"), HOLD) as (server, script):
        reflector = Reflector(server, Source(NAMESPACES, name="a"), lambda: None)
        reflector.start()
        wait_until(lambda: len(script.requests) > 1)
        assert {request[2]["fieldSelector"] for request in script.requests} == {"metadata.name=a"}
        reflector.stop()


# The cluster followed: one snapshot of namespaces, nodes and ProxyConfigs, and how current it is.

NAMESPACES_PATH, NODES_PATH = "/api/v1/namespaces", "/api/v1/nodes"
PROXY_CONFIGS_PATH = "/apis/networking.istio.io/v1beta1/proxyconfigs"


def named(name: str, **fields: Any) -> Any:
    return {"metadata": {"name": name}, **fields}


def node(name: str, version: str, heartbeat: str = "0") -> Any:
    return named(
        name, status={"nodeInfo": {"kubeletVersion": version}, "conditions": [{"lastHeartbeatTime": heartbeat}]}
    )


class Followed:
    """A watch of a cluster, and what it published."""

    def __init__(self, server: ApiServer, keeper: Keeper) -> None:
        self.keeper, self.snapshots = keeper, list[Snapshot]()
        self.watch = ClusterWatch(server, self.snapshots.append)

    @property
    def status(self) -> Status:
        return overall(self.watch.statuses)

    def until(self, condition: Callable[[Snapshot], bool]) -> None:
        wait_until(lambda: bool(self.snapshots) and condition(self.snapshots[-1]))


@pytest.fixture
def followed() -> Iterator[Followed]:
    """A cluster with a namespace and a node, not followed yet."""
    with keeping() as (server, keeper):
        keeper.put(f"{NAMESPACES_PATH}/shop", named("shop"))
        keeper.put(f"{NODES_PATH}/one", node("one", "v1.33.0"))
        made = Followed(server, keeper)
        yield made
        made.watch.stop()


def test_everything_is_known_when_it_has_started(followed: Followed) -> None:
    assert followed.watch.start(10)
    snapshot = followed.snapshots[-1]
    assert (set(snapshot.namespaces), snapshot.proxy_configs) == ({"shop"}, ())
    assert snapshot.nodes is not None
    assert [each["status"] for each in snapshot.nodes] == [{"nodeInfo": {"kubeletVersion": "v1.33.0"}}]
    assert followed.status.connected


def test_what_changes_makes_a_new_snapshot_and_leaves_the_old_one_as_it_was(followed: Followed) -> None:
    assert followed.watch.start(10)
    before = followed.snapshots[-1]
    followed.keeper.put(f"{NAMESPACES_PATH}/bank", named("bank"))
    followed.until(lambda now: set(now.namespaces) == {"shop", "bank"})
    followed.keeper.remove(f"{NAMESPACES_PATH}/shop")
    followed.until(lambda now: set(now.namespaces) == {"bank"})
    assert set(before.namespaces) == {"shop"}


def test_a_node_s_heartbeat_changes_nothing_but_a_new_version_does(followed: Followed) -> None:
    assert followed.watch.start(10)
    before = len(followed.snapshots)
    followed.keeper.put(f"{NODES_PATH}/one", node("one", "v1.33.0", heartbeat="1"))
    followed.keeper.put(f"{NODES_PATH}/one", node("one", "v1.34.0", heartbeat="2"))
    followed.until(lambda now: "v1.34.0" in str(now.nodes))
    assert len(followed.snapshots) == before + 1


def test_nodes_that_may_not_be_read_are_unknown(followed: Followed) -> None:
    followed.keeper.refusing.update({NODES_PATH: 403, PROXY_CONFIGS_PATH: 404})
    assert not followed.watch.start(1)
    assert (followed.snapshots[-1].nodes, followed.snapshots[-1].proxy_configs) == (None, ())
    assert not followed.status.connected
    assert "403" in followed.status.error


def test_a_cluster_without_proxy_configs_is_known(followed: Followed) -> None:
    followed.keeper.refusing[PROXY_CONFIGS_PATH] = 404
    assert followed.watch.start(10)
    assert followed.snapshots[-1].proxy_configs == ()
    assert followed.status.connected


@pytest.mark.parametrize("path", [NAMESPACES_PATH, NODES_PATH, PROXY_CONFIGS_PATH])
def test_one_refusal_erases_nothing(followed: Followed, path: str) -> None:
    followed.keeper.put(f"{PROXY_CONFIGS_PATH}/mesh", named("mesh"))
    assert followed.watch.start(10)
    before = followed.snapshots[-1]
    followed.keeper.refusing[path] = 403
    followed.keeper.interrupt()
    wait_until(lambda: not followed.status.connected)
    assert followed.watch.snapshot == before
    followed.keeper.refusing.clear()
    wait_until(lambda: followed.status.connected)
    assert followed.watch.snapshot == before


def test_changes_one_upon_the_other_make_few_snapshots(followed: Followed) -> None:
    assert followed.watch.start(10)
    before = len(followed.snapshots)
    for number in range(200):
        followed.keeper.put(f"{NAMESPACES_PATH}/n{number}", named(f"n{number}"))
    followed.until(lambda now: len(now.namespaces) == 201)
    assert len(followed.snapshots) - before < 100


def test_what_nobody_reads_is_dropped(followed: Followed) -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    metadata = {"name": "shop", "labels": {"c": "d"}, "annotations": annotations, "managedFields": [{}]}
    document = {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    followed.keeper.put(f"{NAMESPACES_PATH}/listed", {**document, "metadata": {**metadata, "name": "listed"}})
    assert followed.watch.start(10)
    followed.keeper.put(f"{NAMESPACES_PATH}/watched", {**document, "metadata": {**metadata, "name": "watched"}})
    followed.until(lambda now: "watched" in now.namespaces)
    for name in ("listed", "watched"):
        found = followed.snapshots[-1].namespaces[name]
        kept = {"name": name, "uid": found["metadata"]["uid"], "labels": {"c": "d"}, "annotations": {"a": "b"}}
        assert found == {"apiVersion": "v1", "kind": "Namespace", **document, "metadata": kept}


@pytest.mark.parametrize("spec", [None, [], "x", {"concurrency": "x"}])
def test_a_strange_proxy_config_keeps_no_other_from_being_read(followed: Followed, spec: Any) -> None:
    followed.keeper.put(f"{PROXY_CONFIGS_PATH}/strange", named("strange", spec=spec))
    followed.keeper.put(f"{PROXY_CONFIGS_PATH}/good", named("good", spec={"concurrency": 3}))
    assert followed.watch.start(10)
    assert {each["metadata"]["name"] for each in followed.snapshots[-1].proxy_configs} == {"strange", "good"}


def test_proxy_configs_are_in_order_of_their_age(followed: Followed) -> None:
    for name, created in (("young", "2026-02-01T00:00:00Z"), ("old", "2025-01-01T00:00:00Z")):
        document = {"metadata": {"name": name, "namespace": "shop", "creationTimestamp": created}}
        followed.keeper.put(f"{PROXY_CONFIGS_PATH}/{name}", document)
    assert followed.watch.start(10)
    assert [each["metadata"]["name"] for each in followed.snapshots[-1].proxy_configs] == ["old", "young"]


def test_a_cluster_that_does_not_answer_is_told_with_the_time_since() -> None:
    with answering(500) as (server, _):
        cluster = ClusterWatch(server, lambda _: None)
        assert not cluster.start(0.1)
        wait_until(lambda: "500" in overall(cluster.statuses).error)
        assert not overall(cluster.statuses).connected
        age = overall(cluster.statuses).age_seconds
        wait_until(lambda: overall(cluster.statuses).age_seconds > age)
        cluster.stop()
