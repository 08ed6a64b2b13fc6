"""The official client against a real API server: what is there, what is refused, and where it cannot be reached."""

from pathlib import Path

import pytest

from injector.cluster.api import NAMESPACES, ApiServer, ClusterError
from injector.cluster.client import connect
from injector.cluster.inventory import Inventory, pods, read_cluster
from tests.e2e.cluster import Cluster, wait_until

pytestmark = pytest.mark.e2e

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "inventory"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web"}]},
        },
    },
}


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> ApiServer:
    """A connection of an administrator."""
    return connect(cluster.kubeconfig)


def test_the_snapshot_and_the_workloads_that_no_controller_owns(cluster: Cluster, server: ApiServer) -> None:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "inventory"}}, DEPLOYMENT)
    wait_until(lambda: len(list(pods(server, "inventory"))) == 2, "there are not two pods")
    assert [(each["kind"], each["metadata"]["name"]) for each in Inventory(server).workloads("inventory")] == [
        ("Deployment", "web")
    ]
    snapshot = read_cluster(server)
    assert {"default", "kube-system", "inventory"} <= snapshot.namespaces.keys()
    assert (snapshot.nodes, snapshot.proxy_configs) == ((), ())


def test_a_long_list_comes_in_pages(server: ApiServer) -> None:
    whole = {each["metadata"]["name"] for each in server.items(NAMESPACES)}
    assert len(whole) > 2
    assert {each["metadata"]["name"] for each in server.items(NAMESPACES, limit="1")} == whole


def test_what_is_missing_or_unreachable_says_so(server: ApiServer, cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match='namespaces "nowhere" not found') as raised:
        server.get(NAMESPACES, "nowhere")
    assert raised.value.is_missing
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(cluster.kubeconfig.read_text(encoding="utf-8").replace(str(cluster.port), "1"))
    with pytest.raises(ClusterError, match=r"https://127.0.0.1:1: cannot be reached: .*refused") as raised:
        connect(elsewhere).items(NAMESPACES)
    assert raised.value.status == 0
