"""Requests a second and latency over HTTPS: the injector and the floor in turn, each answered on a core of its own."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPException, HTTPSConnection
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import orjson

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from tests.bench.in_process import IDENTICAL, NEVER_SEEN, REPLICA
from tests.bench.load import Result, Task, bodies_of
from tests.bench.process import resident
from tests.bench.recorded import PODS
from tests.bench.subjects import BY_VARIABLES, SMALL, SNAPSHOT
from tests.ports import free_port
from tests.support import REPOSITORY

FLOOR, INJECTOR = "floor", "injector"
_ROUNDS, _SECONDS, _CONNECTIONS = 3, 2.0, 8
_START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of traffic to one server. `of_floor`: its requests a second as a part of the floor's, in pairs."""

    server: str
    subject: str
    reviews: str
    workers: int
    body_bytes: int
    requests_per_second: float
    of_floor: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class _Served:
    """The two servers of a comparison: their ports, and the certificates that both show."""

    ports: dict[str, int]
    store: DirectoryStore
    workers: int


def measure() -> Iterator[Row]:
    """All rows, by number of workers and size of the body."""
    with TemporaryDirectory() as directory:
        store = DirectoryStore(Path(directory))
        ensure(store, Settings(names=("127.0.0.1", "localhost")), datetime.now(UTC))
        for workers in (1, 2):
            ports = {FLOOR: free_port(), INJECTOR: free_port()}
            with (
                serving(floor_command(ports[FLOOR], store, workers)),
                serving(injector_command(ports[INJECTOR], store, workers)),
            ):
                for port in ports.values():
                    wait_until_ready(port)
                served = _Served(ports, store, workers)
                yield from _compared(served, SMALL.name, 20_000)
                if workers == 1:
                    yield from _compared(served, PODS["deployment"], 10_000, REPLICA)
                    yield from _compared(served, BY_VARIABLES[-1].name, 2_000)


def start_up() -> dict[str, str]:
    """How long the injector takes from its start until it is ready, and what memory it takes then."""
    with TemporaryDirectory() as directory:
        store = DirectoryStore(Path(directory))
        ensure(store, Settings(names=("127.0.0.1", "localhost")), datetime.now(UTC))
        times, memory = [], 0
        for _ in range(_ROUNDS):
            port, started = free_port(), perf_counter()
            with serving(injector_command(port, store, 1)) as process:
                wait_until_ready(port)
                times.append(perf_counter() - started)
                memory = resident(process.pid)
    return {"start to ready": f"{min(times):.2f} s", "memory of a worker when ready": f"{memory / 1e6:.0f} MB"}


def _compared(served: _Served, subject: str, bodies: int, alike: str = IDENTICAL) -> Iterator[Row]:
    """Floor, pods never seen before and pods that are `alike` in turn; then each at half of what it can do."""
    task = Task(0, str(served.store.bundle), subject, False, bodies, _CONNECTIONS, _SECONDS, 0)
    kinds = {
        (FLOOR, NEVER_SEEN): replace(task, port=served.ports[FLOOR]),
        (INJECTOR, NEVER_SEEN): replace(task, port=served.ports[INJECTOR]),
        (INJECTOR, alike): replace(task, port=served.ports[INJECTOR], identical=True),
    }
    found: dict[tuple[str, str], list[Result]] = {kind: [] for kind in kinds}
    firsts = count(step=bodies)
    for _ in range(_ROUNDS):
        for kind, each in kinds.items():
            found[kind].append(_sent(replace(each, first=next(firsts)), served.workers))
    floors = [result.requests_per_second for result in found[FLOOR, NEVER_SEEN]]
    size = len(bodies_of(replace(task, bodies=1))[0])
    for kind, each in kinds.items():
        speeds = [result.requests_per_second for result in found[kind]]
        half = [replace(each, rate=median(speeds) / 2, first=next(firsts)) for _ in range(_ROUNDS)]
        steady = [_sent(task, served.workers) for task in half]
        server, reviews = kind
        yield Row(
            server,
            subject,
            reviews,
            workers=served.workers,
            body_bytes=size,
            requests_per_second=median(speeds),
            of_floor=median(speed / floor for speed, floor in zip(speeds, floors, strict=True)),
            p50_ms=median(result.p50_ms for result in steady),
            p99_ms=median(result.p99_ms for result in steady),
            failed=sum(result.failed for result in (*found[kind], *steady)),
        )


def _sent(task: Task, workers: int) -> Result:
    command = [sys.executable, "-m", "tests.bench.load"]
    document = orjson.dumps(task)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        _pin(process.pid, _cores()[-1:] if workers == 1 else _cores())
        output, _ = process.communicate(document)
    return Result(**orjson.loads(output))


def injector_command(port: int, store: DirectoryStore, workers: int) -> list[str]:
    """The command that starts the injector on `port`, knowing the cluster of `SNAPSHOT`."""
    snapshot = store.certificate.parent / "snapshot.json"
    items = [
        *({"apiVersion": "v1", "kind": "Namespace", **each} for each in SNAPSHOT.namespaces.values()),
        *({"apiVersion": "v1", "kind": "Node", **each} for each in SNAPSHOT.nodes or ()),
    ]
    snapshot.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
    options = {"--host": "127.0.0.1", "--port": port, "--workers": workers, "--snapshot": snapshot}
    pair = {"--tls-cert": store.certificate, "--tls-key": store.key, "--drain-seconds": 0}
    given = [str(word) for option in (options | pair).items() for word in option]
    return [sys.executable, "-m", "injector", "serve", *given]


def floor_command(port: int, store: DirectoryStore, workers: int) -> list[str]:
    """The command that starts the floor on `port`."""
    pair = [str(store.certificate), str(store.key)]
    return [sys.executable, "-m", "tests.bench.floor_server", str(port), *pair, str(workers)]


@contextmanager
def serving(command: list[str], log: Path = Path(os.devnull)) -> Iterator["subprocess.Popen[bytes]"]:
    """The server that `command` starts, on the first core if it is to be alone there; its log goes to a file."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stderr=stream, cwd=REPOSITORY)
    alone = "1" in (command[-1], command[command.index("--workers") + 1] if "--workers" in command else "")
    _pin(process.pid, _cores()[:1] if alone else _cores())
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(port: int) -> None:
    """Return as soon as the server on `port` says that it is ready. Raises TimeoutError."""
    until = perf_counter() + _START_SECONDS
    trusting = ssl._create_unverified_context()  # noqa: S323, SLF001 -- whether it answers, not who it is
    while perf_counter() < until:
        connection = HTTPSConnection("127.0.0.1", port, context=trusting, timeout=1)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            sleep(0.005)
        finally:
            connection.close()
    raise TimeoutError(f"the server on port {port} was not ready within {_START_SECONDS} s")


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))[:2]


def _pin(process: int, cores: list[int]) -> None:
    os.sched_setaffinity(process, cores)
