"""What a sidecar adds to a request: `python -m tests.sandbox.latency`, as root.

The same requests at the same rate, to the same server: directly, through the server's sidecar, and through both. They
are sent when they are due, whether or not earlier ones were answered, and their time runs from then on.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from tests.sandbox import RunningPod, Sandbox
from tests.sandbox.lab import client_pod, envoy_setup, images, run
from tests.support import pod_of

RATE, SECONDS, CONNECTIONS = 1000, 5, 16
PORT = 8080
_SERVER = {"image": "registry.example/python", "args": ["-m", "tests.sandbox.programs.load", "serve", str(PORT)]}
_PROBED = {**_SERVER, "readinessProbe": {"httpGet": {"path": "/", "port": PORT}}}


def measured(client: RunningPod, server: RunningPod) -> list[float]:
    """The milliseconds that each request took, sorted."""
    arguments = (server.address, str(PORT), str(RATE), str(SECONDS), str(CONNECTIONS))
    done = client.exec(sys.executable, "-m", "tests.sandbox.programs.load", "ask", *arguments)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return sorted(float(line) for line in done.stdout.split())


def main() -> None:
    """Print a line for each way, the direct one first."""
    with tempfile.TemporaryDirectory() as directory, Sandbox() as sandbox:
        setup = envoy_setup(Path(directory))
        bare = [sandbox.run(pod, images(sandbox)) for pod in (client_pod(), pod_of(container=_PROBED))]
        injected = [run(sandbox, pod, setup) for pod in (client_pod(), pod_of(container=_PROBED))]
        ways = {"direct": (bare[0], bare[1]), "one sidecar": (bare[0], injected[1]), "both": (injected[0], injected[1])}
        _print(f"{RATE} requests a second for {SECONDS} s over {CONNECTIONS} connections, in ms")
        _print(f"{'way':12} {'p50':>7} {'p90':>7} {'p99':>7}")
        for way, (client, server) in ways.items():
            cuts = statistics.quantiles(measured(client, server), n=100)
            _print(f"{way:12} {cuts[49]:7.3f} {cuts[89]:7.3f} {cuts[98]:7.3f}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
