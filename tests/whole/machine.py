"""The cluster of one node on this machine, reached through the tool that makes it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.generate import REPOSITORY

# Another cluster is used where REAL_CLUSTER names a program that knows the same commands.
DEFAULT_TOOL = REPOSITORY.parent / "shared" / "tools" / "real-cluster"
WAIT_SECONDS = 180


def tool() -> Path | None:
    """The program that makes the cluster, if it is there."""
    path = Path(os.environ.get("REAL_CLUSTER", DEFAULT_TOOL))
    return path if path.exists() else None


@dataclass(frozen=True, slots=True)
class Machine:
    """A running cluster; every command goes through `program`, which enters the cluster's network."""

    program: Path
    kubeconfig: Path

    def call(self, *arguments: str | Path, given: str | None = None, check: bool = True) -> str:
        """The standard output of a command of the tool; a test fails with its standard error."""
        done = subprocess.run(
            [self.program, *arguments], input=given, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """The output of kubectl."""
        return self.call("kubectl", *arguments, given=given, check=check)

    def python(self, *arguments: str, given: str | None = None) -> str:
        """The output of the interpreter of these tests, run where the cluster's addresses can be reached."""
        return self.call("exec", sys.executable, *arguments, given=given)

    def helm(self, action: str, values: Mapping[str, Any] | None = None, *release: str) -> str:
        """Install, upgrade, roll back or uninstall the chart of this checkout with Helm itself.

        `release` is a name and a namespace, where they are not those of the other tests.
        """
        return self.python("-m", "tests.whole.helm", action, *release, given=json.dumps(values or {}))

    def apply(self, manifest: str) -> None:
        """Apply a manifest of several documents."""
        self.kubectl("apply", "-f", "-", given=manifest)

    def objects(self, kind: str, namespace: str, selector: str = "") -> list[Any]:
        """The objects of a kind in a namespace."""
        chosen = ("-l", selector) if selector else ()
        items: list[Any] = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json", *chosen))["items"]
        return items

    def rolled_out(self, deployment: str, namespace: str) -> None:
        """Wait until every replica of a Deployment is up to date and ready."""
        self.kubectl("rollout", "status", f"deployment/{deployment}", "-n", namespace, f"--timeout={WAIT_SECONDS}s")

    def service_address(self, name: str, namespace: str) -> str:
        """The cluster IP of a Service."""
        return self.kubectl("get", "service", name, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")

    def get(self, url: str, *options: str) -> str:
        """What curl prints for a URL, asked from the node; that learns of a Service a while after its pod is ready."""
        patient = ("--retry", "30", "--retry-connrefused", "--retry-delay", "1")
        return self.call("exec", "curl", "--silent", "--show-error", "--max-time", "10", *patient, *options, url)


def ready_column(pod: Any) -> str:
    """How `kubectl get pods` counts the containers of a pod that are ready: native sidecars are containers there."""
    spec, status = pod["spec"], pod["status"]
    sidecars = {each["name"] for each in spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"}
    states = [*status.get("containerStatuses", ())]
    states += [each for each in status.get("initContainerStatuses", ()) if each["name"] in sidecars]
    return f"{sum(each['ready'] for each in states)}/{len(spec['containers']) + len(sidecars)}"


def wait_until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """What `condition` gives as soon as that is true; fails after `seconds`."""
    until = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < until, f"after {seconds} s: {what}"
        time.sleep(1)
    return result


def build(machine: Machine, name: str, context: Path, options: Sequence[str] = ()) -> None:
    """Build the image of a folder and load it as localhost/NAME."""
    machine.call("image", name, context, *options)
