"""The cluster followed: one snapshot of namespaces, nodes and ProxyConfigs, and how current it is."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from injector.cluster.api import ApiServer
from injector.cluster.watching import ClusterWatch
from injector.core.model import Snapshot
from tests.cluster.answering import answering
from tests.cluster.keeping import Keeper, keeping
from tests.waiting import wait_until

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
    followed.keeper.close()
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
