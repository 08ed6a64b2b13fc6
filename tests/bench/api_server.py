"""`python -m tests.bench.api_server`: how long a user waits for the API server to create a pod, as a dry run.

With no webhook, with one that allows at once, and with this one, by how many create at once. All on one machine, API
server, etcd and webhooks on the same cores; KUBEBUILDER_ASSETS as for `make e2e`. It writes the table into
docs/performance.md, and the curves into `bench/results`.
"""

import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from tests.bench import recording
from tests.bench.curves import Line, chart
from tests.bench.end_to_end import floor_command, serving, wait_until_ready
from tests.bench.policies import create, measured
from tests.bench.report import RESULTS, machine, measured_on, write_between
from tests.e2e.cluster import TOKEN, Cluster, control_plane, wait_until
from tests.e2e.injecting import NAMESPACE, injectors, registration
from tests.ports import free_port
from tests.support import REPOSITORY

# Namespace, which is how the table calls the way, → its labels.
WAYS = {"no webhook": {}, "allows at once": {}, "injects": {"istio-injection": "enabled"}}
CONCURRENCY = (1, 2, 4, 8, 16)
_PAGE = REPOSITORY / "docs" / "performance.md"
_MARKS = ("<!-- api server -->", "<!-- end of api server -->")


def _namespace(way: str) -> str:
    return way.replace(" ", "-")


@contextmanager
def running() -> Iterator[Cluster]:
    """A control plane with a namespace for each way."""
    with TemporaryDirectory() as folder, control_plane(Path(folder), sys.exit) as cluster, ExitStack() as stack:
        namespaces = {NAMESPACE: {}, **{_namespace(way): labels for way, labels in WAYS.items()}}
        kind = {"apiVersion": "v1", "kind": "Namespace"}
        cluster.apply(*({**kind, "metadata": {"name": name, "labels": own}} for name, own in namespaces.items()))
        store = DirectoryStore(Path(folder) / "floor")
        store.certificate.parent.mkdir()
        ensure(store, Settings(names=("127.0.0.1", "localhost")), datetime.now(UTC))
        floor, port = free_port(), free_port()
        stack.enter_context(serving(floor_command(floor, store, 1)))
        wait_until_ready(floor)
        cluster.apply(
            recording.registration(floor, store.bundle.read_bytes(), _namespace("allows at once")), registration(port)
        )
        stack.enter_context(injectors(cluster, Path(folder), port))
        yield cluster


def _is_injected(client: httpx.Client) -> bool:
    return "istio-proxy" in create(client, _namespace("injects")).text


def main() -> None:
    """Measure, and write table and curves."""
    found: dict[tuple[str, int], tuple[float, float, float]] = {}
    with running() as cluster:
        context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=cluster.url, verify=context, headers=headers, timeout=30) as client:
            wait_until(partial(_is_injected, client), "no injection")
            for at_once in CONCURRENCY:
                for way in WAYS:
                    found[way, at_once] = measured(client, _namespace(way), at_once)
    rows = [measured_on(machine()), "| creates at once | webhook | median ms | p99 ms | a second |"]
    rows.append("| --- | --- | --- | --- | --- |")
    for (way, at_once), (half, late, rate) in found.items():
        rows.append(f"| {at_once} | {way} | {half:.1f} | {late:.1f} | {rate:.0f} |")
    lines = [Line(way, [(at_once, found[way, at_once][0]) for at_once in CONCURRENCY]) for way in WAYS]
    svg = chart("Median time to create a pod", "creates at once", lines, "ms")
    (RESULTS / "api_server.svg").write_text(svg, encoding="utf-8")
    picture = "![median time to create a pod](../bench/results/api_server.svg)"
    write_between(_PAGE, _MARKS, "\n".join([*rows, "", picture]) + "\n")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
