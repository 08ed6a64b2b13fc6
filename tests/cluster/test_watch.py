"""A kind of object as the API server has it: through events, disconnects, and versions that are no longer kept."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from injector.cluster.api import NAMESPACES, ApiServer
from injector.cluster.watch import ClusterWatch, Reflector, Source, longer
from injector.core.model import Snapshot
from tests.cluster.answering import answering, event, gone, listed
from tests.cluster.keeping import Keeper, keeping
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
        assert reflector.last_contact is not None
        reflector.stop()


def test_pauses_grow_and_stay_bounded() -> None:
    pauses = [0.0]
    for _ in range(12):
        pauses.append(longer(pauses[-1]))
    assert 0 < pauses[1] < 0.3
    assert 2 < max(pauses) <= 5


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
        reflector = started(server)
        assert reflector.wait(5)
        assert (reflector.objects, reflector.error) == (None, "")
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
    assert followed.watch.connection.connected


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
    assert not followed.watch.connection.connected
    assert "403" in followed.watch.connection.error


def test_a_cluster_without_proxy_configs_is_known(followed: Followed) -> None:
    followed.keeper.refusing[PROXY_CONFIGS_PATH] = 404
    assert followed.watch.start(10)
    assert followed.snapshots[-1].proxy_configs == ()
    assert followed.watch.connection.connected


@pytest.mark.parametrize("path", [NAMESPACES_PATH, NODES_PATH, PROXY_CONFIGS_PATH])
def test_one_refusal_erases_nothing(followed: Followed, path: str) -> None:
    followed.keeper.put(f"{PROXY_CONFIGS_PATH}/mesh", named("mesh"))
    assert followed.watch.start(10)
    before = followed.snapshots[-1]
    followed.keeper.refusing[path] = 403
    followed.keeper.interrupt()
    wait_until(lambda: not followed.watch.connection.connected)
    assert followed.watch.snapshot == before
    followed.keeper.refusing.clear()
    wait_until(lambda: followed.watch.connection.connected)
    assert followed.watch.snapshot == before


def test_proxy_configs_are_in_order_of_their_age(followed: Followed) -> None:
    for name, created in (("young", "2026-02-01T00:00:00Z"), ("old", "2025-01-01T00:00:00Z")):
        document = {"metadata": {"name": name, "namespace": "shop", "creationTimestamp": created}}
        followed.keeper.put(f"{PROXY_CONFIGS_PATH}/{name}", document)
    assert followed.watch.start(10)
    assert [each["metadata"]["name"] for each in followed.snapshots[-1].proxy_configs] == ["old", "young"]


def test_a_cluster_that_does_not_answer_is_told_with_the_time_since() -> None:
    with answering(500) as (server, _):
        watch = ClusterWatch(server, lambda _: None)
        assert not watch.start(0.1)
        wait_until(lambda: "500" in watch.connection.error)
        assert not watch.connection.connected
        age = watch.connection.age_seconds
        wait_until(lambda: watch.connection.age_seconds > age)
        watch.stop()
