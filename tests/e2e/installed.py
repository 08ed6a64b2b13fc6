"""The chart installed on a control plane without nodes: its server as a process, its pods as a kubelet reports them."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.chart.rendering import CLUSTER_NAME, NAMESPACE, RELEASE, rendered
from tests.e2e.charted import command, own_kubeconfig
from tests.e2e.cluster import Cluster, wait_until
from tests.ports import free_port, is_listened_on

# Kinds whose definitions no bare API server has.
_FOREIGN = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "Certificate", "Issuer"}
# The API server calls endpoints itself: nothing here makes virtual addresses reachable.
API_SERVER_FLAGS = ("--enable-aggregator-routing=true",)
SLICE = "injector-1"


def own_address() -> str:
    """An address of this machine that is no loopback one, which API servers refuse as an endpoint."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the kernel only chooses the address that it would send from.
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
        return address


@dataclass
class Installed:
    """An installed release whose server runs."""

    cluster: Cluster
    directory: Path
    documents: list[Any]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """The log of the server."""
        return self.directory / "injector.log"

    def start(self) -> None:
        """Run the server with the rights of the release's account, and wait until it is ready and registered."""
        arguments = command(self.documents, self.directory, own_kubeconfig(self.cluster, self.directory))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(arguments, stderr=log)
        wait_until(self.is_ready, f"the server is not ready; see {self.log}")
        wait_until(self.has_bundle, f"no CA bundle; see {self.log}")

    def stop(self) -> None:
        """End it without a word."""
        if self.process:
            self.process.kill()
            self.process.wait()
            # Its worker ends when it sees that it is alone; until then it answers on open connections.
            wait_until(self.is_gone, "it still answers")

    def is_gone(self) -> bool:
        """Whether nobody listens any more."""
        return not is_listened_on(self.port)

    def is_ready(self) -> bool:
        """Whether it takes reviews."""
        try:
            url = f"https://127.0.0.1:{self.port}/readyz"
            return httpx.get(url, verify=False).status_code == 200  # noqa: S501 -- read only
        except httpx.TransportError:
            return False

    def has_bundle(self) -> bool:
        """Whether its registration has a CA bundle everywhere."""
        found = json.loads(self.cluster.kubectl("get", "mutatingwebhookconfiguration", CLUSTER_NAME, "-o", "json"))
        return all(entry["clientConfig"].get("caBundle") for entry in found["webhooks"])

    def pods(self) -> list[str]:
        """The names of the release's pods."""
        return [each["metadata"]["name"] for each in self.cluster.items("pods", NAMESPACE)]

    def created(self, namespace: str, *options: str) -> str:
        """What kubectl says when a pod is created there, as a dry run."""
        arguments = ("run", "app", "--image=app", "--dry-run=server", "-n", namespace, *options)
        return self.cluster.kubectl(*arguments, check=False)

    def report(self, status: Any) -> None:
        """Set the status of the first pod, as a kubelet does."""
        patch = json.dumps({"status": status})
        self.cluster.kubectl("patch", "pod", self.pods()[0], "-n", NAMESPACE, "--subresource=status", "-p", patch)


def running(address: str) -> Any:
    """The status of a pod that runs."""
    return {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "containerStatuses": None}


def endpoints(address: str, port: int, *, ready: bool = True) -> Any:
    """The endpoints of the release's Service, as their controller would keep them."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": SLICE, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": RELEASE}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
    }


@contextmanager
def installed(cluster: Cluster, directory: Path, values: Any) -> Iterator[Installed]:
    """The chart with `values`, and two pods that are the same process."""
    port, address = free_port(), own_address()
    server = {"host": "0.0.0.0", "port": port, "drainSeconds": 0, **values.get("server", {})}  # noqa: S104 -- as in a pod
    documents = rendered({**values, "server": server})
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    cluster.apply(*(each for each in documents if each["kind"] not in _FOREIGN | {"Pod"}), endpoints(address, port))
    made = Installed(cluster, directory, documents, port)
    try:
        wait_until(lambda: len(made.pods()) == 2, "the Deployment has no pods")
        for pod in made.pods():
            patch = json.dumps({"status": running(address)})
            cluster.kubectl("patch", "pod", pod, "-n", NAMESPACE, "--subresource=status", "-p", patch)
        made.start()
        yield made
    finally:
        made.stop()
