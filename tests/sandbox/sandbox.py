"""The sandbox itself: a node, pods on it, services in front of them; all gone at its end."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from injector.core.model import Pod
from tests.sandbox.containers import Place
from tests.sandbox.images import Image, Images, envoy_image
from tests.sandbox.network import FILES, GATEWAY, Node, entered, inside, remove_namespace, run, sweep
from tests.sandbox.pods import RunningPod


class Sandbox:
    """Use it as a context manager: `with Sandbox() as sandbox: …`. Needs root (`needs_namespaces`)."""

    def __init__(self) -> None:
        """Nothing is made before the block is entered."""
        self._ending = ExitStack()
        self._hosts: dict[str, Sequence[str]] = {}
        self._pods: list[RunningPod] = []

    def __enter__(self) -> Self:
        """Sweep what crashes left behind, then make the node."""
        sweep()
        self.directory = Path(self._ending.enter_context(tempfile.TemporaryDirectory(prefix="sbx-")))
        self.directory.chmod(0o755)
        self._node = Node()
        self._ending.callback(remove_namespace, self._node.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process and remove every namespace."""
        self._ending.close()

    def envoy(self) -> Image:
        """The image of the real Envoy."""
        return envoy_image(self.directory)

    def on_node(self) -> AbstractContextManager[None]:
        """The calling thread on the node: clients reach pods and services, servers are reached at `GATEWAY`."""
        return entered(self._node.name)

    @property
    def node_name(self) -> str:
        """The node's network namespace."""
        return self._node.name

    def run(self, pod: Pod, images: Images, *, wait: bool = True) -> RunningPod:
        """Run the pod, until it is ready if `wait`. Raises PodFailed or TimeoutError."""
        namespace, address, address6 = self._node.attach()
        self._ending.callback(remove_namespace, namespace)
        for sysctl in (pod["spec"].get("securityContext") or {}).get("sysctls") or ():
            run(*inside(namespace, "sysctl", "-qw", f"{sysctl['name']}={sysctl['value']}"))
        (FILES / namespace).mkdir(parents=True)
        # Names are known from `hosts` or not at all: whoever asks is refused at once.
        (FILES / namespace / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")
        metadata = pod.get("metadata") or {}
        name = metadata.get("name") or f"{metadata.get('generateName') or 'pod-'}{namespace.rpartition('-')[2]}"
        directory = self.directory / namespace
        directory.mkdir()
        fields = {
            "metadata.name": name,
            "metadata.namespace": metadata.get("namespace") or "default",
            "status.podIP": address,
            "status.hostIP": GATEWAY,
            "spec.nodeName": "node",
            "spec.serviceAccountName": pod["spec"].get("serviceAccountName") or "default",
        }
        running = RunningPod(Place(namespace, pod, fields, directory, images), self._node.name, (address, address6))
        self._pods.append(running)
        self._write_hosts()
        running.start()
        if wait:
            running.wait_ready()
        return running

    def service(
        self, name: str, pods: Sequence[RunningPod], port: int, target_port: int | None = None
    ) -> tuple[str, str]:
        """Make pods reachable under a name (also `NAME.NAMESPACE…`) from all pods. Returns the service's addresses."""
        targets = [(pod.address, pod.address6) for pod in pods]
        addresses = self._node.publish(targets, port, target_port or port)
        self.host(name, addresses)
        return addresses

    def host(self, name: str, addresses: Sequence[str]) -> None:
        """Make a name known to all pods."""
        self._hosts[name] = addresses
        self._write_hosts()

    def _write_hosts(self) -> None:
        for pod in self._pods:
            own = (pod.pod.get("metadata") or {}).get("namespace") or "default"
            # Written in place: running containers see the same file.
            (FILES / pod.network / "hosts").write_text("".join(self._lines(own)), encoding="utf-8")

    def _lines(self, namespace: str) -> Iterator[str]:
        yield "127.0.0.1 localhost\n::1 localhost\n"
        for name, addresses in self._hosts.items():
            aliases = name if "." in name else f"{name} {name}.{namespace} {name}.{namespace}.svc.cluster.local"
            yield from (f"{address} {aliases}\n" for address in addresses)
