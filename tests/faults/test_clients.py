"""Clients that are slow, silent or hostile do not keep others from being served."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from tests.cli.serving import Server
from tests.faults.load import BODY, JSON
from tests.waiting import rest, wait_until

SILENT = 300
HEAD = b"POST /inject?timeout=1s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


def plain(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname or "", address.port or 0), timeout=60)


@contextmanager
def connected(server: Server) -> Iterator[ssl.SSLSocket]:
    trust = ssl.create_default_context(cafile=server.store.bundle)
    with plain(server) as bare, trust.wrap_socket(bare, server_hostname="localhost") as connection:
        yield connection


def sending(stack: ExitStack, server: Server, text: bytes) -> ssl.SSLSocket:
    """A connection, closed with `stack`, on which `text` was sent at once: who only connects is soon given up."""
    connection = stack.enter_context(connected(server))
    connection.sendall(text)
    return connection


def others_are_served(server: Server) -> None:
    """Five new connections, each with one request, as an API server makes them."""
    for _ in range(5):
        with server.client() as client:
            response = client.post("/inject?timeout=10s", content=BODY, headers=JSON)
            assert response.json()["response"]["allowed"]
            assert client.get("/readyz").status_code == 200


def dropped(server: Server, reason: str) -> float:
    with server.client() as client:
        lines = client.get("/metrics").text.splitlines()
    name = f'sidecar_injector_connections_dropped_total{{reason="{reason}"}}'
    return sum(float(line.split()[1]) for line in lines if line.startswith(name))


def test_slow_heads(server: Server) -> None:
    before = dropped(server, "HeadTimeout")
    with ExitStack() as slow:
        connections = [sending(slow, server, HEAD[:30]) for _ in range(50)]
        others_are_served(server)
        assert rest(connections[0]).startswith(b"HTTP/1.1 408")
    wait_until(lambda: dropped(server, "HeadTimeout") > before)


def test_slow_bodies(server: Server) -> None:
    """More than there is room for: the oldest give way, all are told within the timeout that they asked for."""
    with ExitStack() as slow:
        connections = [sending(slow, server, HEAD + b"{") for _ in range(SILENT)]
        others_are_served(server)
        statuses = {rest(connection)[:12] for connection in connections}
    assert statuses <= {b"HTTP/1.1 408", b"HTTP/1.1 503"}
    assert statuses


def test_half_open_connections(server: Server) -> None:
    """Connected, and not a byte of a handshake: closed in the end, and in nobody's way until then."""
    before = dropped(server, "HandshakeGaveWay")
    with ExitStack() as silent:
        connections = [silent.enter_context(plain(server)) for _ in range(SILENT)]
        others_are_served(server)
        assert rest(connections[-1]) == b""
    assert dropped(server, "HandshakeGaveWay") > before


@pytest.mark.slow
def test_clients_that_never_read(server: Server) -> None:
    requests = b"GET /page/codemirror.js HTTP/1.1\r\nHost: x\r\n\r\n" * 16
    with ExitStack() as deaf:
        for _ in range(5):
            connection = deaf.enter_context(connected(server))
            # Little room for replies on this side, and more of them than the server's has.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(requests)
        others_are_served(server)
        wait_until(lambda: dropped(server, "NotReading") > 0, seconds=60)
        others_are_served(server)


def test_garbage_in_place_of_a_handshake(server: Server) -> None:
    before = dropped(server, "HandshakeFailed")
    for garbage in (
        b"\x00" * 1000,
        b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-x\r\n",
    ):
        for _ in range(20):
            with plain(server) as connection:
                with suppress(ConnectionError):
                    connection.sendall(garbage)
                assert b"HTTP" not in rest(connection)
    others_are_served(server)
    assert dropped(server, "HandshakeFailed") > before
    only_json_is_logged(server)


def test_garbage_in_place_of_http(server: Server) -> None:
    for garbage in (b"\x00" * 100, b"INJECT the pod\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with connected(server) as connection:
            connection.sendall(garbage)
            assert rest(connection).startswith(b"HTTP/1.1 400")
    others_are_served(server)
    assert dropped(server, "Malformed") > 0
    only_json_is_logged(server)


@pytest.mark.parametrize(
    "name", [b"\xff\xfe\xffabcdef", b"xn--\xe9shop", b"a\x00shopsss", b"..\r\n\tabcd", b"-a.b-...."]
)
def test_a_handshake_that_asks_for_no_name(server: Server, name: bytes) -> None:
    with plain(server) as connection, suppress(ConnectionError):
        connection.sendall(client_hello().replace(b"localhost", name))
        connection.recv(100)
    others_are_served(server)
    only_json_is_logged(server)


def only_json_is_logged(server: Server) -> None:
    assert [line for line in server.log_file.read_bytes().splitlines() if not line.startswith(b"{")] == []


def test_a_flood_of_handshakes(server: Server) -> None:
    """Client hellos as fast as they can be sent, with nobody there for the answer."""
    hello = client_hello()
    with ExitStack() as flood:
        for _ in range(3):
            for _ in range(SILENT):
                connection = flood.enter_context(plain(server))
                connection.sendall(hello)
            others_are_served(server)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_renegotiation_is_refused(server: Server, version: str) -> None:
    """Openssl asks for another handshake when it reads a line R; with TLS 1.3 it has no such thing to ask for."""
    address = urlsplit(server.url)
    command = ["openssl", "s_client", version, "-connect", f"{address.hostname}:{address.port}"]
    request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
    done = subprocess.run(command, input=b"R\n" + request, capture_output=True, timeout=60, check=False)
    assert b"HTTP/1.1 200" not in done.stdout
    if version == "-tls1_2":
        assert b"no renegotiation" in done.stderr
    others_are_served(server)


def client_hello() -> bytes:
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
