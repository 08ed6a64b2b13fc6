"""The client: reviews over HTTPS with keep-alive, as fast as they are answered or at a steady rate.

A process of its own, so that it takes nothing from the server: bodies are made before the clock starts, and an answer
is read no further than to its end. `python -m tests.bench.load` reads its task as JSON from standard input.
"""

import asyncio
import ssl
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from time import perf_counter
from typing import cast

import orjson
import uvloop

from tests.bench import recorded
from tests.bench.subjects import SUBJECTS, identical_reviews, reviews

_TICK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Task:
    """What to send: `subject` is a name of `SUBJECTS`, or of `recorded.PODS`, of which identical ones are replicas.

    `rate` 0 is as fast as possible, else requests a second. `first` is the number of the first pod: tasks one after the
    other can send different ones. `patience`: seconds after the end in which answers still come; a request without one
    by then has failed.
    """

    port: int
    authority: str
    subject: str
    identical: bool
    bodies: int
    connections: int
    seconds: float
    rate: float
    patience: float = 10.0
    first: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What came back. Latencies are in milliseconds, from when a request was due.

    `failed`: requests that were sent and answered with another status than 200, or not at all. Requests that no
    connection was left for were not sent: they are missing in `requests_per_second`.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


class _Clients:
    """All connections of one task: the free and the busy ones, the requests that wait, and the latencies so far."""

    def __init__(self, messages: Iterator[bytes], *, steady: bool) -> None:
        self.messages, self.steady = messages, steady
        self.free: deque[_Connection] = deque()
        self.busy: set[_Connection] = set()
        self.due: deque[float] = deque()
        self.latencies: list[float] = []
        self.failed = 0
        self.stopped = False

    def send(self, connection: "_Connection", due: float) -> None:
        self.busy.add(connection)
        connection.send(next(self.messages), due)

    def send_due(self) -> None:
        while self.due and self.free:
            self.send(self.free.popleft(), self.due.popleft())

    def answered(self, connection: "_Connection", seconds: float) -> None:
        self.busy.discard(connection)
        self.latencies.append(seconds)
        if self.stopped:
            return
        if self.steady:
            self.free.append(connection)
            self.send_due()
        else:
            self.send(connection, perf_counter())

    def lost(self, connection: "_Connection") -> None:
        """The connection is closed: what was sent on it is not answered any more."""
        if connection in self.busy:
            self.busy.remove(connection)
            self.failed += 1
        elif connection in self.free:
            self.free.remove(connection)

    async def settle(self, patience: float) -> None:
        """Wait so many seconds for the answers that are missing; those that do not come are failures."""
        until = perf_counter() + patience
        while self.busy and perf_counter() < until:  # noqa: ASYNC110 -- answers come to a set, and sets tell nobody
            await asyncio.sleep(_TICK_SECONDS)
        self.failed += len(self.busy)


class _Connection(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self, clients: _Clients) -> None:
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._sent = 0.0
        self._missing = 0
        self._good = True
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._clients.lost(self)

    def send(self, message: bytes, due: float) -> None:
        if self._transport is not None:
            self._sent = due
            self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = b""
            self._good = data.startswith(b"HTTP/1.1 200")
            at = data.lower().index(b"content-length:") + 15
            self._missing = int(data[at : data.index(b"\r", at)]) + end + 4
        self._missing -= len(data)
        if not self._missing:
            self._clients.failed += not self._good
            self._clients.answered(self, perf_counter() - self._sent)


async def run(task: Task) -> Result:
    """Carry out `task`."""
    clients = _Clients(cycle(_messages(task)), steady=task.rate > 0)
    trust = ssl.create_default_context(cafile=task.authority)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(clients), "127.0.0.1", task.port, ssl=trust)
        for _ in range(task.connections)
    ]
    started = perf_counter()
    for _, connection in opened:
        if clients.steady:
            clients.free.append(connection)
        else:
            clients.send(connection, perf_counter())
    await (_keep_the_rate(clients, task) if clients.steady else asyncio.sleep(task.seconds))
    seconds = perf_counter() - started
    clients.stopped = True
    ordered = sorted(clients.latencies)
    await clients.settle(task.patience)
    return Result(len(ordered) / seconds, _percentile(ordered, 50), _percentile(ordered, 99), clients.failed)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Milliseconds, from seconds; 0 where nothing was answered."""
    return ordered[len(ordered) * percent // 100] * 1000 if ordered else 0.0


async def _keep_the_rate(clients: _Clients, task: Task) -> None:
    started, asked = perf_counter(), 0
    while (now := perf_counter()) - started < task.seconds:
        wanted = int((now - started) * task.rate) + 1
        clients.due.extend([now] * (wanted - asked))
        asked = wanted
        clients.send_due()
        await asyncio.sleep(_TICK_SECONDS)


def _messages(task: Task) -> list[bytes]:
    bodies = bodies_of(task)
    head = "POST /inject?timeout=10s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]


def bodies_of(task: Task) -> list[bytes]:
    """The reviews that `task` sends, one after the other and again from the start."""
    subject = SUBJECTS.get(task.subject)
    if subject is None:
        return recorded.bodies(task.subject, task.bodies, task.first, alike=task.identical)
    return identical_reviews(subject, task.bodies) if task.identical else reviews(subject, task.bodies, task.first)


if __name__ == "__main__":
    given = Task(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.write(orjson.dumps(asdict(uvloop.run(run(given)))).decode())
