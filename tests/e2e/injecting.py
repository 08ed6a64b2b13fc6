"""`injector serve` as a process that follows the cluster, and its registration with the API server."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from injector.core.selection import selection_rules
from tests.cli.running import INJECTOR
from tests.e2e.cluster import Cluster, wait_until

NAMESPACE, SECRET, CONFIGURATION, LEASE = "mesh", "injector-certificates", "istio-sidecar-injector", "sidecar-injector"


def registration(port: int) -> Any:
    """The webhook configuration as the chart renders it: one entry for each row of the opt-in table, no CA bundle."""
    entries = [
        {
            "name": f"{rule.name}.sidecar-injector.istio.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "NoneOnDryRun",
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "timeoutSeconds": 5,
            "namespaceSelector": rule.namespace.as_json(),
            "objectSelector": rule.pod.as_json(),
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "clientConfig": {"url": f"https://127.0.0.1:{port}/inject"},
        }
        for rule in selection_rules("default", (), namespaces_by_default=False)
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": {"istio.io/rev": "default"}},
        "webhooks": entries,
    }


@dataclass
class Injector:
    """A running `injector serve`; `port` stays the same when it is started again."""

    cluster: Cluster
    directory: Path
    port: int
    arguments: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    starts: int = field(default=0)
    kubeconfig: Path | None = None

    @property
    def log_file(self) -> Path:
        """The log of the latest start."""
        return self.directory / f"injector-{self.port}-{self.starts}.log"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        self.starts += 1
        command = [
            *(
                INJECTOR,
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                self.port,
                "--kubeconfig",
                self.kubeconfig or self.cluster.kubeconfig,
            ),
            *("--namespace", NAMESPACE, "--cert-secret", SECRET, "--webhook-config", CONFIGURATION, "--lease", LEASE),
            *("--drain-seconds", "0", *self.arguments),
        ]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen([str(part) for part in command], stderr=log)

    def wait(self) -> None:
        """Wait until it serves."""
        wait_until(lambda: self.lines("serving"), f"it does not serve; see {self.log_file}", 30)

    def kill(self) -> None:
        """End it without a word."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def terminate(self) -> None:
        """End it in good order."""
        if self.process:
            os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(20)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about `event`."""
        found = [json.loads(line) for line in self.log_file.read_bytes().splitlines() if line.startswith(b"{")]
        return [line for line in found if line["event"] == event]

    def ready(self) -> Any:
        """What /readyz tells."""
        return httpx.get(f"https://127.0.0.1:{self.port}/readyz", verify=False).json()  # noqa: S501 -- read only

    def metrics(self) -> str:
        """What /metrics tells."""
        return httpx.get(f"https://127.0.0.1:{self.port}/metrics", verify=False).text  # noqa: S501 -- read only


@contextmanager
def injectors(
    cluster: Cluster, directory: Path, *ports: int, arguments: Sequence[str] = ()
) -> Iterator[list[Injector]]:
    """Replicas that are started all at once, ready."""
    made = [Injector(cluster, directory, port, arguments) for port in ports]
    try:
        for each in made:
            each.start()
        for each in made:
            each.wait()
        yield made
    finally:
        for each in made:
            each.kill()


def timed(condition: Callable[[], Any], what: str, seconds: float = 30) -> float:
    """How many seconds it takes until `condition` is true."""
    started = time.monotonic()
    wait_until(condition, what, seconds)
    return time.monotonic() - started
