"""`python -m tests.bench.checking`: how long `injector check` takes in clusters of several sizes.

A real API server with the chart installed; half of its namespaces have opted in, and each has ten pods. Set
KUBEBUILDER_ASSETS as for `make e2e`.
"""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.e2e.cluster import TOKEN, Cluster, control_plane
from tests.e2e.installed import API_SERVER_FLAGS, installed

# Namespaces; each has ten pods.
SIZES = (10, 100, 500)
PODS = 10
# Of as many runs the middle one is shown.
RUNS = 3
TEMPLATE = """
spec:
  containers:
    - name: sidecar
      image: sidecar
  volumes:
    - name: settings
      configMap: {name: settings}
"""
VALUES = {"config": {"templates": {"own": TEMPLATE}, "defaultTemplates": ["own"]}}


def fill(cluster: Cluster, numbers: Iterable[int]) -> None:
    """Make these namespaces, with their pods and what the pods need."""
    context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with httpx.Client(base_url=cluster.url, verify=context, headers=headers, timeout=60) as client:

        def create(path: str, document: Any) -> None:
            client.post(f"/api/v1/{path}", content=json.dumps(document)).raise_for_status()

        def one(number: int) -> None:
            name = f"team-{number}"
            labels = {"istio-injection": "enabled"} if number % 2 == 0 else {}
            create("namespaces", {"metadata": {"name": name, "labels": labels}})
            create(f"namespaces/{name}/serviceaccounts", {"metadata": {"name": "own"}})
            create(f"namespaces/{name}/configmaps", {"metadata": {"name": "settings"}})
            spec = {"serviceAccountName": "own", "containers": [{"name": "app", "image": "app"}]}
            for pod in range(PODS):
                create(f"namespaces/{name}/pods", {"metadata": {"name": f"app-{pod}"}, "spec": spec})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(one, numbers))


def measure(cluster: Cluster) -> tuple[float, str]:
    """Seconds that the command takes, and its last line."""
    command = [str(Path(sys.executable).with_name("injector")), "check", "--kubeconfig", str(cluster.kubeconfig)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return time.perf_counter() - started, (done.stdout.splitlines() or [done.stderr])[-1]


def main() -> None:
    """Write the table."""
    options = {"api_server_flags": API_SERVER_FLAGS}
    with TemporaryDirectory() as folder, control_plane(Path(folder), sys.exit, **options) as cluster:
        release = Path(folder) / "release"
        release.mkdir()
        with installed(cluster, release, VALUES):
            made = 0
            sys.stdout.write("| namespaces | pods | seconds | its last line |\n| --- | --- | --- | --- |\n")
            for size in SIZES:
                fill(cluster, range(made, size))
                made = size
                seconds, said = sorted(measure(cluster) for _ in range(RUNS))[RUNS // 2]
                sys.stdout.write(f"| {size} | {size * PODS} | {seconds:.1f} | {said} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
