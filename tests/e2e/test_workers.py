"""Several workers in one pod: one of them competes for the lease, all serve what is kept."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import CONFIGURATION, LEASE, NAMESPACE, SECRET, Injector, injectors, registration
from tests.ports import free_port

pytestmark = pytest.mark.e2e

WORKERS = 3


@pytest.fixture(scope="module")
def injector(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    """One replica of several workers, where nothing is there yet but its registration."""
    port = free_port()
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, registration(port))
    for kind, name in (("secret", SECRET), ("lease", LEASE)):
        cluster.kubectl("delete", kind, name, "-n", NAMESPACE, "--ignore-not-found")
    directory = tmp_path_factory.mktemp("workers")
    with injectors(cluster, directory, port, arguments=("--workers", str(WORKERS))) as started:
        wait_until(lambda: started[0].lines("CA bundle written"), "there is no CA bundle")
        yield started[0]
        started[0].terminate()
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


def lease(cluster: Cluster) -> Any:
    return json.loads(cluster.kubectl("get", "lease", LEASE, "-n", NAMESPACE, "-o", "json"))


def first_worker(injector: Injector) -> int:
    """Its process, the latest in that place."""
    pid: int = [line["pid"] for line in injector.lines("worker started") if line["worker"] == 0][-1]
    return pid


def test_every_worker_says_what_it_shows_and_one_holds_the_lease(cluster: Cluster, injector: Injector) -> None:
    wait_until(lambda: len(lease(cluster)["metadata"]["annotations"]) == WORKERS, "not every worker says what it shows")
    (taken,) = injector.lines("lease taken")
    assert lease(cluster)["spec"]["holderIdentity"] == taken["identity"]


def test_when_that_worker_dies_its_successor_takes_the_lease(cluster: Cluster, injector: Injector) -> None:
    before = lease(cluster)["spec"]["holderIdentity"]
    os.kill(first_worker(injector), signal.SIGKILL)
    wait_until(lambda: lease(cluster)["spec"]["holderIdentity"] != before, "nobody takes the lease")
    holder = lease(cluster)["spec"]["holderIdentity"]
    wait_until(lambda: injector.lines("lease taken")[-1]["identity"] == holder, "it is not told who took it")
    assert len(injector.lines("lease taken")) == 2
    cluster.kubectl("delete", "secret", SECRET, "-n", NAMESPACE)
    wait_until(
        lambda: cluster.kubectl("get", "secret", SECRET, "-n", NAMESPACE, "--ignore-not-found"),
        "the Secret does not come back",
    )
