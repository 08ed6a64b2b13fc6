"""Pods that controllers make of one template are answered from memory, whatever the API server adds to each."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.recording import CONTROLLERS, add_nodes, workload
from tests.e2e.cluster import Cluster, control_plane, wait_until
from tests.e2e.injecting import NAMESPACE, Injector, injectors, registration
from tests.ports import free_port

pytestmark = pytest.mark.e2e

SHOP, PODS, SECONDS = "shop", 20, 8
FIRST = 2
# Workers publish their metrics twice a second.
PUBLISHED_SECONDS = 1.5
_COUNT = re.compile(r'^sidecar_injector_cache_(hits|misses)_total\{cache="answers"\} ([0-9.]+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane with the controllers of all workloads, accounts whose tokens pods get, and nodes."""
    options = {"controllers": CONTROLLERS, "service_accounts": True}
    with control_plane(tmp_path_factory.mktemp("shop"), pytest.skip, **options) as cluster:
        namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}]
        labels = {"istio-injection": "enabled"}
        namespaces += [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP, "labels": labels}}]
        cluster.apply(*namespaces)
        add_nodes(cluster, PODS)
        wait_until(lambda: cluster.items("serviceaccounts", SHOP), "the namespace has no service account")
        yield cluster


@pytest.fixture(scope="module")
def injector(shop: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    """A registered injector."""
    port = free_port()
    shop.apply(registration(port))
    with injectors(shop, tmp_path_factory.mktemp("injector"), port) as started:
        wait_until(lambda: started[0].lines("CA bundle written"), "there is no CA bundle")
        yield started[0]


def counted(injector: Injector) -> dict[str, float]:
    """How many reviews were answered from memory, and how many were not, once that is at rest."""

    def at_rest() -> list[str]:
        before = _COUNT.findall(injector.metrics())
        time.sleep(PUBLISHED_SECONDS)
        now: list[str] = _COUNT.findall(injector.metrics())
        return now if now == before else []

    return {kind: float(count) for kind, count in wait_until(at_rest, "metrics do not come to rest")}


def from_memory(injector: Injector, before: dict[str, float], pods: int) -> float:
    """The share of reviews since `before` and after the second that were answered from memory."""
    now = counted(injector)
    hits, misses = now["hits"] - before["hits"], now["misses"] - before["misses"]
    # Some API servers review an injected pod again: they have added the mount of its token since.
    reviews = hits + misses
    first = FIRST * max(1, round(reviews / pods))
    return hits / (reviews - first)


def pods_of(cluster: Cluster, kind: str, count: int) -> list[Any]:
    """The pods of all workloads of `kind`, once there are so many."""

    def found() -> list[Any]:
        pods = cluster.items("pods", SHOP)
        mine = [pod for pod in pods if pod["metadata"]["ownerReferences"][0]["kind"] == kind]
        return mine if len(mine) >= count else []

    pods: list[Any] = wait_until(found, f"there are no {count} pods of a {kind}")
    return pods


def environment(pod: Any) -> dict[str, str]:
    """The environment of the pod's proxy."""
    every = [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]
    proxy = next(container for container in every if container["name"] == "istio-proxy")
    return {variable["name"]: variable.get("value", "") for variable in proxy["env"]}


@pytest.mark.parametrize("seconds", [SECONDS, pytest.param(30, marks=pytest.mark.slow)])
def test_a_deployment_that_grows_second_by_second(shop: Cluster, injector: Injector, seconds: int) -> None:
    before = counted(injector)
    deployment = workload("Deployment", replicas=0)
    deployment["metadata"]["name"] = f"growing-{seconds}"
    shop.apply(deployment)
    for replicas in range(1, seconds + 1):
        shop.kubectl("scale", "deployment", f"growing-{seconds}", f"--replicas={replicas}", "-n", SHOP)
        time.sleep(1)
    pods = pods_of(shop, "ReplicaSet", seconds)
    assert from_memory(injector, before, len(pods)) >= 0.9
    assert all("ISTIO_META_WORKLOAD_NAME" in environment(pod) for pod in pods)


def test_a_daemon_on_every_node(shop: Cluster, injector: Injector) -> None:
    before = counted(injector)
    shop.apply(workload("DaemonSet"))
    pods = pods_of(shop, "DaemonSet", PODS)
    assert from_memory(injector, before, len(pods)) >= 0.9
    assert {environment(pod)["ISTIO_META_WORKLOAD_NAME"] for pod in pods} == {"shop-daemonset"}


def test_a_parallel_stateful_set(shop: Cluster, injector: Injector) -> None:
    before = counted(injector)
    shop.apply(workload("StatefulSet", replicas=PODS, serviceName="shop", podManagementPolicy="Parallel"))
    pods = pods_of(shop, "StatefulSet", PODS)
    assert from_memory(injector, before, len(pods)) >= 0.9
    assert {environment(pod)["ISTIO_META_WORKLOAD_NAME"] for pod in pods} == {"shop-statefulset"}


def test_jobs_of_one_template(shop: Cluster, injector: Injector) -> None:
    before = counted(injector)
    job = workload("Job")
    names = [f"report-{number}" for number in range(PODS)]
    shop.apply(*({**job, "metadata": {**job["metadata"], "name": name}} for name in names))
    pods = pods_of(shop, "Job", PODS)
    assert from_memory(injector, before, len(pods)) >= 0.9
    for pod in pods:
        job_name = pod["metadata"]["labels"]["job-name"]
        assert environment(pod)["ISTIO_META_WORKLOAD_NAME"] == job_name
        assert environment(pod)["ISTIO_META_OWNER"].endswith(f"/jobs/{job_name}")
