"""Two replicas behind a Service, pods created through the API server all the while, and something happens to one."""

import json
import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certs.model import Settings
from certs.rotation import forced_rotation
from certs.secret import SecretStore, connect
from tests.e2e.cluster import TOKEN, Cluster, wait_until
from tests.e2e.forwarding import Forwarder, Service
from tests.e2e.injecting import CONFIGURATION, LEASE, NAMESPACE, SECRET, Injector, registration
from tests.ports import free_port
from tests.support import pod_of

pytestmark = pytest.mark.e2e

A_SECOND = 20
SHOP = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "failover", "labels": {"istio-injection": "enabled"}},
}


class Pods:
    """Pods that somebody creates, twenty a second, as dry runs; what became of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._url = f"{cluster.url}/api/v1/namespaces/failover/pods?dryRun=All"
        self._trust = ssl.create_default_context(cafile=cluster.directory / "ca.crt")
        self._over = threading.Event()
        self.created, self.failures = 0, list[str]()

    @contextmanager
    def arriving(self) -> Iterator["Pods"]:
        """They arrive while the block runs, and are all answered when it ends."""
        threads = [threading.Thread(target=self._create, args=(at / 4,), daemon=True) for at in range(4)]
        for each in threads:
            each.start()
        try:
            yield self
        finally:
            self._over.set()
            for each in threads:
                each.join(30)

    def _create(self, delay: float) -> None:
        time.sleep(delay * 4 / A_SECOND)
        with self.client() as client:
            while not self._over.wait(4 / A_SECOND):
                self.create(client)

    def client(self) -> httpx.Client:
        return httpx.Client(verify=self._trust, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)

    def create(self, client: httpx.Client) -> None:
        answer = client.post(self._url, json=pod_of(serviceAccountName="default"))
        if answer.status_code == httpx.codes.CREATED and "istio-proxy" in answer.text:
            self.created += 1
        else:
            self.failures.append(answer.text[:500])


class Installation:
    """Two supervised replicas behind a Service; each has a way of its own to the API server."""

    def __init__(self, cluster: Cluster, replicas: list[Injector], ways: list[Forwarder], config: Path) -> None:
        self.cluster, self.replicas, self.ways, self.config = cluster, replicas, ways, config

    @property
    def leader(self) -> int:
        """Which replica holds the lease."""
        (found,) = (at for at, each in enumerate(self.replicas) if each.ready()["certificates"]["holder"])
        return found

    def worker(self, at: int) -> int:
        """The process of the worker in force."""
        pid: int = self.replicas[at].lines("worker started")[-1]["pid"]
        return pid


@pytest.fixture
def installation(cluster: Cluster, tmp_path: Path) -> Iterator[Installation]:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, SHOP)
    for kind, name in (("secret", SECRET), ("lease", LEASE)):
        cluster.kubectl("delete", kind, name, "-n", NAMESPACE, "--ignore-not-found")
    config = tmp_path / "config.yaml"
    config.write_text("{}", encoding="utf-8")
    ways = [Forwarder(lambda: cluster.port) for _ in range(2)]
    arguments = ["--supervise", "--config", str(config)]
    replicas = [
        Injector(cluster, tmp_path, free_port(), arguments, kubeconfig=kubeconfig(cluster, way, tmp_path))
        for way in ways
    ]
    service = Service(replicas)
    front = Forwarder(service.choose)
    cluster.apply(registration(front.port))
    try:
        for each in replicas:
            each.start()
        for each in replicas:
            each.wait()
        with service.watched():
            made = Installation(cluster, replicas, ways, config)
            wait_until(lambda: is_injecting(cluster), "no pod is injected", 30)
            yield made
    finally:
        for replica in replicas:
            kill(replica)
        for way in (*ways, front):
            way.close()
        cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


@pytest.fixture
def pods(cluster: Cluster) -> Pods:
    return Pods(cluster)


def kubeconfig(cluster: Cluster, way: Forwarder, directory: Path) -> Path:
    """How a replica reaches the API server: by its own way, which can be cut."""
    document = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{way.port}"
    file = directory / f"kubeconfig-{way.port}"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def is_injecting(cluster: Cluster) -> bool:
    pods = Pods(cluster)
    with pods.client() as client:
        pods.create(client)
    return pods.created == 1


def kill(replica: Injector) -> None:
    """End everything that runs in the pod, without a word."""
    for line in replica.lines("worker started"):
        with suppress(ProcessLookupError):
            os.kill(line["pid"], signal.SIGKILL)
    replica.kill()


def told(what: str, pods: Pods) -> None:
    print(f"\n{what}: {pods.created} pods created, {len(pods.failures)} failed {pods.failures[:1]}")  # noqa: T201 -- what the drill is for


def test_a_leader_whose_worker_dies_loses_nothing(installation: Installation, pods: Pods) -> None:
    leader = installation.leader
    with pods.arriving():
        time.sleep(2)
        os.kill(installation.worker(leader), signal.SIGKILL)
        wait_until(lambda: len(installation.replicas[leader].lines("serving")) > 1, "no worker comes after it", 30)
        time.sleep(2)
    told("worker of the leader killed", pods)
    # What it had in hand at that moment.
    assert len(pods.failures) <= 1


def test_a_leader_that_is_killed_loses_a_second_of_pods_at_most(installation: Installation, pods: Pods) -> None:
    leader = installation.leader
    with pods.arriving():
        time.sleep(2)
        kill(installation.replicas[leader])
        wait_until(lambda: installation.replicas[1 - leader].ready()["certificates"]["holder"], "nobody leads", 40)
        time.sleep(2)
    told("leader killed", pods)
    assert len(pods.failures) <= A_SECOND


def test_a_leader_that_is_cut_off_loses_nothing(installation: Installation, pods: Pods) -> None:
    leader = installation.leader
    with pods.arriving():
        time.sleep(1)
        installation.ways[leader].cut()
        wait_until(lambda: installation.replicas[1 - leader].ready()["certificates"]["holder"], "nobody leads", 40)
        assert not installation.replicas[leader].ready()["cluster"]["connected"]
        time.sleep(2)
        installation.ways[leader].mend()
        wait_until(lambda: installation.replicas[leader].ready()["cluster"]["connected"], "it stays cut off", 40)
    told("leader cut off", pods)
    assert pods.failures == []


def test_a_leader_that_stands_still_for_a_moment_loses_nothing(installation: Installation, pods: Pods) -> None:
    worker = installation.worker(installation.leader)
    with pods.arriving():
        time.sleep(1)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(2)
        os.kill(worker, signal.SIGCONT)
        time.sleep(2)
    told("worker of the leader frozen for 2 s", pods)
    assert pods.failures == []


def test_a_leader_that_freezes_loses_what_waits_for_it(installation: Installation, pods: Pods) -> None:
    """API servers wait for a webhook as long as its timeout, and try no other replica."""
    leader = installation.leader
    with pods.arriving():
        time.sleep(1)
        os.kill(installation.worker(leader), signal.SIGSTOP)
        wait_until(lambda: len(installation.replicas[leader].lines("serving")) > 1, "no worker comes after it", 40)
        lost = len(pods.failures)
        time.sleep(6)
    told("worker of the leader frozen", pods)
    # Two probes that fail, and the timeout of the webhook.
    assert lost <= 10 * A_SECOND
    assert len(pods.failures) - lost <= 4


def changes(installation: Installation) -> dict[str, Callable[[], object]]:
    """What operators and accidents do."""
    cluster, config = installation.cluster, installation.config
    store = SecretStore(connect(cluster.kubeconfig, None), NAMESPACE, SECRET)
    settings = Settings(names=("localhost", "127.0.0.1", "::1"))
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "old"}}
    corrupt = json.dumps({"data": {"tls.key": "bm8ga2V5"}})

    def rotated() -> None:
        store.update(
            lambda held: forced_rotation(held, settings, datetime.now(UTC)) if held else pytest.fail("no Secret")
        )

    return {
        "Secret deleted": lambda: cluster.kubectl("delete", "secret", SECRET, "-n", NAMESPACE),
        "Secret corrupted": lambda: cluster.kubectl("patch", "secret", SECRET, "-n", NAMESPACE, "-p", corrupt),
        "authority rotated": rotated,
        "configuration broken": lambda: config.write_text("policy: perhaps", encoding="utf-8"),
        "configuration mended": lambda: config.write_text("{}", encoding="utf-8"),
        "node added": lambda: cluster.apply(node),
        "node deleted": lambda: cluster.kubectl("delete", "node", "old"),
        "every connection cut": lambda: [step() for way in installation.ways for step in (way.cut, way.mend)],
    }


def test_what_operators_and_accidents_do_loses_nothing(installation: Installation, pods: Pods) -> None:
    with pods.arriving():
        for what, act in changes(installation).items():
            before = len(pods.failures)
            act()
            time.sleep(6)
            assert pods.failures[before:] == [], what
    told("everything else", pods)
