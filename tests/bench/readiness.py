"""`python -m tests.bench.readiness`: how the readiness probe fares while 500 new connections a second come in.

Two floods: connections that finish their handshake and go, and connections that never say a word. A kubelet asks every
two seconds, gives up after one, and takes the replica out after two failures in a row (the chart's probe).
"""

import argparse
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.cli.serving import Server

RATE, SECONDS = 500, 20.0
_PROBE_EVERY, _PROBE_TIMEOUT = 0.5, 1.0
# So many silent connections are held open by a client before it lets the oldest go.
_HELD = 2_000
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What probes saw: how many there were, how many failed, the most that failed in a row, the slowest, in seconds."""

    flood: str
    made: int
    probes: int
    failed: int
    in_a_row: int
    slowest: float


def _handshakes(port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, context.wrap_socket(plain):
        pass


class _Silent:
    """Connections that are opened and left alone."""

    def __init__(self) -> None:
        self.open: list[socket.socket] = []

    def __call__(self, port: int) -> None:
        self.open.append(socket.create_connection(("127.0.0.1", port), timeout=5))
        if len(self.open) > _HELD:
            self.open.pop(0).close()


def _flood(port: int, kind: str, rate: float, seconds: float, made: "Callable[[int], None]") -> None:
    """Connect `rate` times a second, in several threads, for so many seconds."""
    until, count, lock = time.monotonic() + seconds, [0], threading.Lock()

    def connect_on() -> None:
        once: Callable[[int], None] = _handshakes if kind == "handshakes" else _Silent()
        due = time.monotonic()
        while time.monotonic() < until:
            due += _THREADS / rate
            time.sleep(max(due - time.monotonic(), 0))
            with suppress(OSError):
                once(port)
                with lock:
                    count[0] += 1

    threads = [threading.Thread(target=connect_on) for _ in range(_THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    made(count[0])


@contextmanager
def _server() -> Iterator[int]:
    with TemporaryDirectory() as directory:
        server = Server(Path(directory), "--workers=1")
        try:
            yield int(server.url.rpartition(":")[2])
        finally:
            server.process.kill()
            server.process.wait()


def measure(kind: str, rate: float = RATE, seconds: float = SECONDS) -> Outcome:
    """How probes fare during a flood of `kind`: `handshakes` or `silent`."""
    with _server() as port:
        spawn = get_context("spawn")
        made = spawn.Queue()
        flood = spawn.Process(target=_flood, args=(port, kind, rate, seconds, made.put))
        flood.start()
        time.sleep(2)
        times: list[float | None] = []
        while flood.is_alive():
            started = time.monotonic()
            times.append(time.monotonic() - started if _is_ready(port) else None)
            time.sleep(max(_PROBE_EVERY - (time.monotonic() - started), 0))
        flood.join()
        worst = row = 0
        for each in times:
            row = row + 1 if each is None else 0
            worst = max(worst, row)
        answered = [each for each in times if each is not None]
        return Outcome(kind, made.get(), len(times), times.count(None), worst, max(answered, default=0.0))


def _is_ready(port: int) -> bool:
    """As kubelets ask: a connection of its own, nothing verified."""
    try:
        url = f"https://127.0.0.1:{port}/readyz"
        return httpx.get(url, verify=False, timeout=_PROBE_TIMEOUT).status_code == httpx.codes.OK  # noqa: S501
    except httpx.TransportError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.readiness", description=__doc__)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args(arguments)
    for kind in ("handshakes", "silent"):
        found = measure(kind, options.rate, options.seconds)
        sys.stdout.write(
            f"{kind}: {found.made / options.seconds:.0f} connections a second; {found.failed} of {found.probes} probes "
            f"failed, at most {found.in_a_row} in a row; the slowest answer took {found.slowest:.2f} s\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
