"""A pod that runs: containers started and ended in the kubelet's order.

Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/, …/sidecar-containers/ and …/pod-lifecycle/.
"""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from injector.core.model import Container, JsonObject, Pod
from tests.sandbox.containers import Place, Process, as_container, environment
from tests.sandbox.network import entered, inside
from tests.sandbox.probes import passes, until

_START_SECONDS = 120


class PodFailed(Exception):  # noqa: N818 -- the pod failed, not the sandbox
    """A container did not start as it should: the text is its name and its log."""


class RunningPod:
    """A pod in the sandbox, from its first init container on."""

    def __init__(self, place: Place, node: str, addresses: tuple[str, str]) -> None:
        """Where it runs, from which node it is probed, and its addresses."""
        self.address, self.address6 = addresses
        self.pod: Pod = place.pod
        self.network = place.namespace
        self._place, self._node = place, node
        self._sidecars: list[Process] = []
        self._applications: list[Process] = []

    def start(self) -> None:
        """Run init containers one after the other, sidecars among them until they have started; then all others.

        Raises PodFailed.
        """
        for container in self.pod["spec"].get("initContainers") or ():
            process = Process(container, self._place)
            if container.get("restartPolicy") == "Always":
                self._sidecars.append(process)
                self._post_start(container)
                self._wait_for_startup(process)
            elif process.wait(_START_SECONDS) != 0:
                raise PodFailed(f"{container['name']}: {self.logs(container['name'])}")
        for container in self.pod["spec"]["containers"]:
            self._applications.append(Process(container, self._place))
            self._post_start(container)

    def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        """Wait until every container has started and is ready. Raises PodFailed, or TimeoutError with its name."""
        for process in (*self._sidecars, *self._applications):
            self._wait_for_startup(process)
        for container in self._running_containers():
            until(lambda each=container: self.probe(each["name"]), seconds, f"{container['name']} is ready")  # type: ignore[misc]

    def probe(self, container: str, which: str = "readinessProbe") -> bool:
        """Whether the container's probe passes now; without one it does."""
        found = self.container(container)
        return which not in found or self._passes(found[which], found)

    def container(self, name: str) -> Container:
        """The container of that name in the pod's spec."""
        spec = self.pod["spec"]
        found = [each for each in (*(spec.get("initContainers") or ()), *spec["containers"]) if each["name"] == name]
        container: Container = found[0]
        return container

    def is_running(self, name: str) -> bool:
        """Whether the container's process runs."""
        return any(p.is_running for p in (*self._sidecars, *self._applications) if p.container["name"] == name)

    def entered(self) -> AbstractContextManager[None]:
        """The calling thread in the pod's network: what it connects to, the pod connects to."""
        return entered(self.network)

    def exec(self, *command: str, container: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the pod's network, as root; with `container` as that container's user."""
        line = inside(self.network, *command)
        if container:
            line = as_container(command, self.container(container), self._place)
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)

    def logs(self, container: str) -> str:
        """What the container has written."""
        path = self._place.directory / f"{container}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End the pod: preStop hooks, TERM for applications, then for sidecars from last to first."""
        grace = float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))
        running = [process for process in (*self._sidecars, *self._applications) if process.is_running]
        with ThreadPoolExecutor() as pool:
            hooks = {p.container["name"]: pool.submit(self._pre_stop, p.container) for p in running}
            list(
                pool.map(
                    lambda p: (hooks[p.container["name"]].result(), p.terminate(grace)), self._applications_in(running)
                )
            )
        for process in reversed(self._sidecars):
            process.terminate(grace)

    def _applications_in(self, running: list[Process]) -> list[Process]:
        return [process for process in running if process in self._applications]

    def _running_containers(self) -> Iterator[Container]:
        return (process.container for process in (*self._sidecars, *self._applications))

    def _wait_for_startup(self, process: Process) -> None:
        container = process.container
        probe = container.get("startupProbe")

        def has_started() -> bool:
            if not process.is_running:
                raise PodFailed(f"{container['name']} ended: {self.logs(container['name'])}")
            return probe is None or self._passes(probe, container)

        until(has_started, _START_SECONDS, f"{container['name']} has started")

    def _passes(self, probe: JsonObject, container: Container) -> bool:
        with entered(self._node):
            return passes(probe, self.address, container, lambda command: self._execute(command, container))

    def _execute(self, command: list[str], container: Container) -> int:
        line = as_container(command, container, self._place)
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment(container, self._place)}
        done = subprocess.run(line, env=variables, capture_output=True, check=False, timeout=60)
        return done.returncode

    def _post_start(self, container: Container) -> None:
        self._hook(container, "postStart")

    def _pre_stop(self, container: Container) -> None:
        self._hook(container, "preStop")

    def _hook(self, container: Container, which: str) -> None:
        hook = (container.get("lifecycle") or {}).get(which)
        if hook and "exec" in hook and self._execute(hook["exec"]["command"], container):
            raise PodFailed(f"{container['name']}: {which} failed")
