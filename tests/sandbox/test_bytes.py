"""No byte is lost on the way: what is sent and closed at once, halves that close, silence, resets."""

import hashlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.sandbox import RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.lab import client_pod, envoy_setup, images, run, server_pod
from tests.sandbox.programs.protocols import GREETING, PORTS

pytestmark = needs_namespaces

REPETITIONS = 40
MESSAGES = {
    "graphite": b"servers.web1.load 0.5 1700000000\n",
    "gelf": b'{"version":"1.1","host":"web1","short_message":"hello"}\0',
    "syslog": b"<34>1 2003-10-11T22:14:15.003Z web1 su - ID47 - hello\n",
    "binary": b"\x00\x01\x02\x03binary",
    "no separator in 200 KB": b"A" * 200_000,
}
# Which of client and server have a sidecar, and what the server's does with inbound connections.
PATHS = {
    "neither": (False, False, "REDIRECT"),
    "client": (True, False, "REDIRECT"),
    "server": (False, True, "REDIRECT"),
    "both": (True, True, "REDIRECT"),
    "both, TPROXY": (True, True, "TPROXY"),
}
FAMILIES = ("address", "address6")
# Without a declaration, with a name of the container's port, and with the client's annotation.
DECLARED = {
    "outboundProtocols": f"{PORTS['record']}:tcp,{PORTS['echo']}:tcp",
    "inboundProtocols": f"{PORTS['record']}:tcp,{PORTS['echo']}:mysql",
}


class Route:
    """A client and a server."""

    def __init__(self, client: RunningPod, server: RunningPod) -> None:
        self.client, self.server = client, server

    def connect(self, port: str, family: str = "address") -> socket.socket:
        with self.client.entered():
            return socket.create_connection((getattr(self.server, family), PORTS[port]), 30)

    def kept(self) -> list[str]:
        """What the record server has been sent so far."""
        with self.connect("record") as connection:
            connection.sendall(b"?\n")
            return list(json.loads(received(connection)))

    def arrived(self, data: bytes, count: int) -> int:
        """How often the data has arrived, once it did `count` times or time is up."""
        wanted = f"{len(data)} {hashlib.sha256(data).hexdigest()}"
        with suppress(TimeoutError):
            until(lambda: self.kept().count(wanted) >= count, 30, "all have arrived")
        return self.kept().count(wanted)


def received(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Route]]:
    setup = envoy_setup(tmp_path_factory.mktemp("bytes"))
    with Sandbox() as sandbox:
        names = {f"traffic.sidecar-injector.io/{name}": value for name, value in DECLARED.items()}
        clients = {True: run(sandbox, client_pod(), setup), False: sandbox.run(client_pod(), images(sandbox))}
        tproxy = {"sidecar.istio.io/interceptionMode": "TPROXY"}
        servers = {
            (True, "REDIRECT"): run(sandbox, server_pod(), setup),
            (True, "TPROXY"): run(sandbox, server_pod(annotations=tproxy), setup),
            (False, "REDIRECT"): sandbox.run(server_pod(), images(sandbox)),
        }
        found = {name: Route(clients[client], servers[server, mode]) for name, (client, server, mode) in PATHS.items()}
        declared = Route(run(sandbox, client_pod(names), setup), run(sandbox, server_pod(annotations=names), setup))
        yield {**found, "declared": declared}


@pytest.fixture(params=[*PATHS, "declared"])
def path(request: pytest.FixtureRequest, paths: dict[str, Route]) -> Route:
    return paths[request.param]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_sent_before_a_close_arrives(path: Route, name: str) -> None:
    before = path.arrived(MESSAGES[name], 0)

    for number in range(REPETITIONS):
        with path.connect("record", FAMILIES[number % 2]) as connection:
            connection.sendall(MESSAGES[name])

    assert path.arrived(MESSAGES[name], before + REPETITIONS) == before + REPETITIONS


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_arrives_after_the_client_has_ended(path: Route, family: str) -> None:
    with path.connect("echo", family) as connection:
        connection.sendall(b"\x00question" * 9999)
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == b"\x00question" * 9999


@pytest.mark.parametrize("family", FAMILIES)
def test_the_client_goes_on_after_the_server_has_ended(path: Route, family: str) -> None:
    data = f"\x00{time.monotonic_ns()}".encode() * 999
    with path.connect("last", family) as connection:
        assert received(connection) == GREETING
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    assert path.arrived(data, 1) == 1


def test_a_reset_of_the_client_reaches_the_server(path: Route) -> None:
    connection = path.connect("echo")
    connection.sendall(b"\x00before")
    assert connection.recv(100) == b"\x00before"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()

    established = ("ss", "-Htn", "state", "established", f"( sport = :{PORTS['echo']} )")
    until(lambda: path.server.exec(*established).stdout.strip() == "", 30, "the server's connections have ended")


def test_a_server_that_speaks_first_is_heard(path: Route) -> None:
    with path.connect("greeting") as connection:
        assert connection.recv(100) == GREETING
