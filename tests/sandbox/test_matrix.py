"""Every protocol between every pair of pods gives what it gives without a sidecar.

`make sandbox` repeats each exchange 30 times on every way; `make test` twice, on ways that have each mode and family.
"""

import hashlib
import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded
from websockets.sync.client import connect

from tests.sandbox import RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.lab import client_pod, envoy_setup, images, run, server_pod
from tests.sandbox.programs.protocols import GREETING, PORTS

pytestmark = needs_namespaces

REPETITIONS = int(os.environ.get("SANDBOX_REPETITIONS", "2"))
# Most of an exchange is waiting: until a silent client is let through, until a tunnel is closed.
AT_A_TIME = 10
MODES = ("REDIRECT", "TPROXY")
# Which of client and server have a sidecar.
SIDECARS = {"none": (False, False), "client": (True, False), "server": (False, True), "both": (True, True)}
FAMILIES = {"IPv4": "address", "IPv6": "address6"}
_QUICK = {
    ("none", "REDIRECT", "IPv4"),
    ("client", "REDIRECT", "IPv6"),
    ("server", "TPROXY", "IPv4"),
    ("both", "REDIRECT", "IPv4"),
    ("both", "TPROXY", "IPv6"),
}
WAYS = [
    pytest.param(way, marks=() if way in _QUICK else pytest.mark.slow, id="-".join(way))
    for way in product(SIDECARS, MODES, FAMILIES)
]


@dataclass(frozen=True)
class Route:
    """A client, and a server under one of its addresses."""

    client: RunningPod
    server: RunningPod
    address: str

    def connect(self, port: str) -> socket.socket:
        """A connection from within the client's pod."""
        with self.client.entered():
            return socket.create_connection((self.address, PORTS[port]), 30)

    @property
    def host(self) -> str:
        """The address as it stands in a URL."""
        return f"[{self.address}]" if ":" in self.address else self.address


def received(connection: socket.socket, end: bytes = b"") -> bytes:
    """What comes until `end` has come, or the other side ends."""
    data = b""
    while not (end and data.endswith(end)) and (more := connection.recv(65536)):
        data += more
    return data


def tcp(route: Route) -> object:
    with route.connect("echo") as connection:
        connection.sendall(b"\x00question" * 999)
        connection.shutdown(socket.SHUT_WR)
        return received(connection) == b"\x00question" * 999


def server_first(route: Route) -> object:
    with route.connect("greeting") as connection:
        greeting = received(connection, GREETING)
        connection.sendall(b"login\n")
        return greeting, received(connection, b"login\n")


def server_ends_first(route: Route) -> object:
    with route.connect("last") as connection:
        return received(connection)


def http1(route: Route) -> object:
    with route.client.entered():
        connection = http.client.HTTPConnection(route.address, PORTS["http"], timeout=30)
        connection.request("POST", "/", b"body" * 999)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
    return answer.status, answer.reason, json.loads(text)


def http2(route: Route) -> object:
    with route.connect("http2") as connection:
        h2 = H2Connection()
        h2.initiate_connection()
        headers = [(":method", "GET"), (":path", "/deep"), (":scheme", "http"), (":authority", "server")]
        h2.send_headers(1, headers, end_stream=True)
        connection.sendall(h2.data_to_send())
        events: list[object] = []
        while not any(isinstance(event, StreamEnded) for event in events):
            events += h2.receive_data(connection.recv(65536))
    (response,) = (dict(event.headers or ()) for event in events if isinstance(event, ResponseReceived))
    data = b"".join(event.data for event in events if isinstance(event, DataReceived) and event.data)
    return response[b":status"], response[b"x-path"], data


def websocket(route: Route) -> object:
    with route.client.entered(), connect(f"ws://{route.host}:{PORTS['websocket']}/") as connection:
        connection.send(b"\x00binary")
        return connection.recv(timeout=30)


EXCHANGES: dict[str, tuple[Callable[[Route], object], object]] = {
    "TCP with half-close": (tcp, True),
    "TCP, the server speaks first": (server_first, (GREETING, b"login\n")),
    "TCP, the server ends first": (server_ends_first, GREETING),
    "HTTP/1.1": (http1, (200, "OK", {"sha256": hashlib.sha256(b"body" * 999).hexdigest()})),
    "HTTP/2": (http2, (b"200", b"/deep", b"two")),
    "WebSocket": (websocket, b"\x00binary"),
}


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool, str], RunningPod]]:
    """Clients and servers, with a sidecar of each mode and without."""
    setup = envoy_setup(tmp_path_factory.mktemp("matrix"))
    makers: dict[str, Callable[..., dict[str, Any]]] = {"client": client_pod, "server": server_pod}
    with Sandbox() as sandbox:
        found = {(role, False, ""): sandbox.run(make(), images(sandbox)) for role, make in makers.items()}
        for mode in MODES:
            for role, make in makers.items():
                pod = make(annotations={"sidecar.istio.io/interceptionMode": mode})
                found[role, True, mode] = run(sandbox, pod, setup)
        yield found


@pytest.fixture(params=WAYS)
def route(request: pytest.FixtureRequest, pods: dict[tuple[str, bool, str], RunningPod]) -> Route:
    """One way through the matrix."""
    sidecars, mode, family = request.param
    client, server = (
        pods[role, has, mode if has else ""] for role, has in zip(("client", "server"), SIDECARS[sidecars], strict=True)
    )
    return Route(client, server, getattr(server, FAMILIES[family]))


@pytest.mark.parametrize("protocol", EXCHANGES)
def test_the_answer_is_that_without_a_sidecar(route: Route, protocol: str) -> None:
    exchange, expected = EXCHANGES[protocol]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        assert list(pool.map(lambda _: exchange(route), range(REPETITIONS))) == [expected] * REPETITIONS


def test_grpc_streams_come_back_with_their_trailer(route: Route) -> None:
    lines = [f"line{number}" for number in range(REPETITIONS)]
    target = f"{route.host}:{PORTS['grpc']}"
    done = route.client.exec(sys.executable, "-m", "tests.sandbox.programs.grpc_client", target, *lines)
    assert (done.stdout, done.returncode) == (f"{' '.join(lines)} well\n", 0), done.stderr


def test_what_is_sent_and_closed_arrives(route: Route) -> None:
    message = f"<34>1 web1 su - {time.monotonic_ns()}\n".encode()
    wanted = f"{len(message)} {hashlib.sha256(message).hexdigest()}"
    for _ in range(REPETITIONS):
        with route.connect("record") as connection:
            connection.sendall(message)

    def arrived() -> int:
        with route.connect("record") as connection:
            connection.sendall(b"?\n")
            return list(json.loads(received(connection))).count(wanted)

    with suppress(TimeoutError):
        until(lambda: arrived() >= REPETITIONS, 60, "all have arrived")
    assert arrived() == REPETITIONS
