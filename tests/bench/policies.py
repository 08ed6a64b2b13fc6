"""`python -m tests.bench.policies`: how long a dry-run create takes with nothing, with a policy and with the webhook.

All on one machine, API server, etcd and webhook on the same cores; KUBEBUILDER_ASSETS as for `make e2e`.
"""

import json
import ssl
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import httpx

from injector.config import load
from injector.policy import policies
from tests.e2e.cluster import TOKEN, Cluster, control_plane, wait_until
from tests.e2e.injecting import NAMESPACE, injectors, registration
from tests.policy.equality import GALLERY
from tests.ports import free_port
from tests.support import pod_of

TEMPLATE = "otel-collector"
# Namespace → its labels. The policy answers to a revision of its own, so that each way has its own pods.
WAYS = {"nothing": {}, "policy": {"istio.io/rev": "policy"}, "webhook": {"istio-injection": "enabled"}}
CONCURRENCY = (1, 4, 16)
CREATES = 400


@contextmanager
def running() -> Iterator[Cluster]:
    """A control plane in which one namespace is injected by a policy, and one by the webhook."""
    with TemporaryDirectory() as folder, control_plane(Path(folder), sys.exit) as cluster:
        namespaces = {**WAYS, NAMESPACE: {}}
        cluster.apply(
            *(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
                for name, labels in namespaces.items()
            )
        )
        own = load([GALLERY[TEMPLATE]], ["revision=policy"]).config
        cluster.apply(*(document for policy in policies(own) for document in policy.documents()))
        port = free_port()
        cluster.apply(registration(port))
        with injectors(cluster, Path(folder), port, arguments=("-c", str(GALLERY[TEMPLATE]))):
            yield cluster


def create(client: httpx.Client, namespace: str) -> httpx.Response:
    """The answer to one dry-run create."""
    pod = pod_of(serviceAccountName="default")
    return client.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", content=json.dumps(pod))


def _is_injected(client: httpx.Client, namespace: str) -> bool:
    return TEMPLATE in create(client, namespace).text


def measured(client: httpx.Client, namespace: str, at_once: int) -> tuple[float, float, float]:
    """Median and 99th percentile in milliseconds, and creates a second."""

    def one(_: int) -> float:
        started = time.perf_counter()
        answer = create(client, namespace)
        took = time.perf_counter() - started
        answer.raise_for_status()
        return took * 1000

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(50)))
        started = time.perf_counter()
        times = list(pool.map(one, range(CREATES)))
        seconds = time.perf_counter() - started
    return median(times), quantiles(times, n=100)[98], CREATES / seconds


def main() -> None:
    """Write the table."""
    with running() as cluster:
        context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=cluster.url, verify=context, headers=headers, timeout=30) as client:
            for way in ("policy", "webhook"):
                wait_until(partial(_is_injected, client, way), f"no injection by {way}")
            rows = ["| creates at once | way | median ms | p99 ms | a second |", "| --- | --- | --- | --- | --- |"]
            for at_once in CONCURRENCY:
                for way in WAYS:
                    half, late, rate = measured(client, way, at_once)
                    rows.append(f"| {at_once} | {way} | {half:.1f} | {late:.1f} | {rate:.0f} |")
        sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
