"""What is between API server and replicas: a Service that chooses ready endpoints, and a network that can be cut."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

import httpx

from tests.e2e.injecting import Injector

# As the chart's readiness probe has it, and as long as a kubelet takes to see that a container ended.
_PROBE_SECONDS, _PROBE_TIMEOUT, _PROBE_FAILURES, _KUBELET_SECONDS = 2.0, 1.0, 2, 1.0


class Forwarder:
    """Connects whoever comes to the port that `choose` gives at that moment; `cut` ends and refuses connections."""

    def __init__(self, choose: Callable[[], int]) -> None:
        self._choose, self.is_cut = choose, False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.is_cut:
                return
            with socket.create_connection(("127.0.0.1", self._choose())) as server:
                self._open |= {client, server}
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()
                self._open -= {client, server}


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class Service:
    """The ready ones of `replicas`, as kubelets and kube-proxy would have it; `choose` takes them in turn."""

    def __init__(self, replicas: Sequence[Injector]) -> None:
        self._replicas, self._turn = replicas, count()
        self._failures = dict.fromkeys(range(len(replicas)), 0)
        self._over = threading.Event()

    def choose(self) -> int:
        ready = [at for at, failures in self._failures.items() if failures < _PROBE_FAILURES]
        return self._replicas[ready[next(self._turn) % len(ready)] if ready else 0].port

    @contextmanager
    def watched(self) -> Iterator[None]:
        for at in self._failures:
            threading.Thread(target=self._probe, args=(at,), daemon=True).start()
        try:
            yield
        finally:
            self._over.set()

    def _probe(self, at: int) -> None:
        url, last = f"https://127.0.0.1:{self._replicas[at].port}/readyz", 0.0
        while not self._over.wait(_KUBELET_SECONDS):
            process = self._replicas[at].process
            if process is None or process.poll() is not None:
                self._failures[at] = _PROBE_FAILURES
            elif time.monotonic() - last >= _PROBE_SECONDS:
                last = time.monotonic()
                self._failures[at] = 0 if _is_ready(url) else self._failures[at] + 1


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(url, verify=False, timeout=_PROBE_TIMEOUT).status_code == httpx.codes.OK  # noqa: S501 -- as kubelets do
    except httpx.TransportError:
        return False
