"""`injector serve` in a cluster: a label on the namespace is all it takes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster import Cluster, applicable_sample, wait_until
from tests.e2e.injecting import CONFIGURATION, NAMESPACE, Injector, injectors, registration
from tests.ports import free_port

pytestmark = pytest.mark.e2e

SERVICES = {"details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"}


def namespace(name: str, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Any:
    metadata = {"name": name, "labels": labels, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


@pytest.fixture(scope="module")
def injector(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    """One replica, registered; its CA bundle is its own business."""
    port = free_port()
    cluster.apply(namespace(NAMESPACE, {}), registration(port))
    with injectors(cluster, tmp_path_factory.mktemp("serve"), port) as started:
        wait_until(lambda: started[0].ready()["certificates"]["holder"], "nobody holds the lease")
        wait_until(lambda: has_bundle(cluster), "there is no CA bundle")
        yield started[0]
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION)


def has_bundle(cluster: Cluster) -> bool:
    found = json.loads(cluster.kubectl("get", "mutatingwebhookconfiguration", CONFIGURATION, "-o", "json"))
    return all(entry["clientConfig"].get("caBundle") for entry in found["webhooks"])


def is_injected(found: Any) -> bool:
    spec = found["spec"]
    return "istio-proxy" in {each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])}


def test_bookinfo_is_injected_when_its_namespace_is_labelled(cluster: Cluster, injector: Injector) -> None:
    cluster.apply(namespace("shop", {}))
    cluster.kubectl("label", "namespace", "shop", "istio-injection=enabled")
    for file in applicable_sample()[1:]:
        text = file.read_text(encoding="utf-8").replace("namespace: bookinfo", "namespace: shop")
        cluster.kubectl("apply", "-n", "shop", "-f", "-", given=text)
    wait_until(lambda: len(cluster.items("pods", "shop")) == 7, "there are not seven pods")
    pods = cluster.items("pods", "shop")
    injected = {each["metadata"]["generateName"].rsplit("-", 2)[0]: is_injected(each) for each in pods}
    assert injected == {**dict.fromkeys(SERVICES, True), "legacy-catalog": False}
    assert injector.ready()["cluster"]["connected"]
    # No node at all is old: the proxies are native sidecars.
    assert all(
        "istio-proxy" in {each["name"] for each in pod["spec"]["initContainers"]} for pod in pods if is_injected(pod)
    )


def created(cluster: Cluster, where: str, **spec: Any) -> Any:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "row", "namespace": where},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}], **spec},
    }
    return json.loads(cluster.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=json.dumps(pod)))


@pytest.mark.usefixtures("injector")
def test_an_old_node_ends_native_sidecars_as_soon_as_it_is_seen(cluster: Cluster) -> None:
    cluster.apply(namespace("nodes", {"istio-injection": "enabled"}))
    wait_until(lambda: "istio-proxy" in names(created(cluster, "nodes"), "initContainers"), "not native at first")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "old"}}
    cluster.apply(node)
    status = {"status": {"nodeInfo": {"kubeletVersion": "v1.28.3"}}}
    cluster.kubectl("patch", "node", "old", "--subresource=status", "--type=merge", "-p", json.dumps(status))
    wait_until(lambda: "istio-proxy" in names(created(cluster, "nodes"), "containers"), "still native")
    cluster.kubectl("delete", "node", "old")
    wait_until(lambda: "istio-proxy" in names(created(cluster, "nodes"), "initContainers"), "not native again")


def names(pod: Any, which: str) -> set[str]:
    return {each["name"] for each in pod["spec"].get(which, ())}
