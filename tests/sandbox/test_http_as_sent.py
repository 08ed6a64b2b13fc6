"""HTTP arrives as it was sent, and so does the answer; what the proxy adds is the list in docs/traffic.md."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.sandbox import RunningPod, Sandbox, needs_namespaces
from tests.sandbox.lab import PATIENCE, client_pod, envoy_setup, run, server_pod
from tests.sandbox.programs.protocols import PORTS

pytestmark = needs_namespaces

ADDED_TO_REQUESTS, ADDED_TO_ANSWERS = {"x-request-id", "x-forwarded-proto"}, {"date"}
DECLARED = {f"traffic.sidecar-injector.io/{way}Protocols": f"{PORTS['raw']}:http" for way in ("inbound", "outbound")}
REQUESTS = {
    "header case": b"GET / HTTP/1.1\r\nHoSt: server\r\nX-MiXeD_name: 1\r\naccept: */*\r\n\r\n",
    "path unnormalised": b"GET //a/../b/%2e%2E/c%2Fd\\e?x=//..&y=%zz HTTP/1.1\r\nHost: server\r\n\r\n",
    "100 KB header": b"GET / HTTP/1.1\r\nHost: server\r\nX-Large: " + b"x" * 100_000 + b"\r\n\r\n",
    "method of its own": b"BREW /pot HTTP/1.1\r\nHost: server\r\nContent-Length: 0\r\n\r\n",
    "header twice": b"GET / HTTP/1.1\r\nHost: server\r\nX-A: 1\r\nX-A: 2\r\n\r\n",
    "expect": b"POST / HTTP/1.1\r\nHost: server\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    "trailers": (
        b"POST / HTTP/1.1\r\nHost: server\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n"
        b"4\r\nbody\r\n0\r\nx-end: well\r\n\r\n"
    ),
}


@dataclass(frozen=True)
class Pair:
    """A client and the server behind two sidecars."""

    client: RunningPod
    server: RunningPod

    def connect(self) -> socket.socket:
        with self.client.entered():
            return socket.create_connection((self.server.address, PORTS["raw"]), 30)

    def asked(self, request: bytes, is_whole: Callable[[bytes], bool]) -> bytes:
        """What is answered, until it is whole or the server ends."""
        with self.connect() as connection:
            connection.sendall(request)
            data = b""
            while not is_whole(data) and (more := connection.recv(1 << 20)):
                data += more
            return data


@pytest.fixture(scope="module", params=["detected", "declared"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    setup = envoy_setup(tmp_path_factory.mktemp("http"), more=f"meshConfig: {{{PATIENCE}}}\n")
    names = DECLARED if request.param == "declared" else None
    with Sandbox() as sandbox:
        yield Pair(run(sandbox, client_pod(names), setup), run(sandbox, server_pod(annotations=names), setup))


def message(data: bytes, added: set[str]) -> tuple[str, list[str], bytes]:
    """First line, headers without those that a proxy adds, in no order, and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return first, sorted(each for each in headers if each.partition(":")[0].lower() not in added), body


def unchunked(body: bytes) -> tuple[bytes, bytes]:
    """The data of a chunked body, and its trailers."""
    data = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        if not int(size, 16):
            return data, rest
        data, body = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_and_answers_pass_unchanged(pair: Pair, name: str) -> None:
    answer = pair.asked(REQUESTS[name], lambda data: data.lower().endswith(b"\r\n0\r\nx-end: well\r\n\r\n"))

    first, headers, body = message(answer, ADDED_TO_ANSWERS)
    seen, trailers = unchunked(body)
    assert message(seen, ADDED_TO_REQUESTS) == message(REQUESTS[name], set())
    assert (first, headers) == (
        "HTTP/1.1 200 Fine",
        ["Trailer: X-End", "Transfer-Encoding: chunked", "X-CaSe: Kept"],
    )
    assert trailers.lower() == b"x-end: well\r\n\r\n"


def test_http_1_0_without_a_host_is_answered_until_the_end(pair: Pair) -> None:
    answer = pair.asked(b"GET /old HTTP/1.0\r\nX-A: 1\r\n\r\n", lambda _: False)

    assert b"200" in answer.splitlines()[0]
    assert b"GET /old HTTP/1." in answer
    assert b"X-A: 1" in answer


def test_an_absolute_url_keeps_its_host_and_path(pair: Pair) -> None:
    request = b"GET http://other:81//a/../b HTTP/1.1\r\nHost: server\r\n\r\n"

    answer = pair.asked(request, lambda data: data.endswith(b"well\r\n\r\n"))

    assert b"GET //a/../b HTTP/1.1\r\n" in answer
    assert b"host: other:81\r\n" in answer.lower()


@pytest.mark.parametrize("protocol", ["websocket", "SPDY/3.1", "tcp", "raw"])
def test_an_upgrade_becomes_a_tunnel(pair: Pair, protocol: str) -> None:
    head = f"GET /exec HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n"
    with pair.connect() as connection:
        connection.sendall(head.encode())
        assert b" 101 " in connection.recv(65536).splitlines()[0]
        connection.sendall(b"\x00\xffbytes")
        assert connection.recv(100) == b"\x00\xffbytes"


@pytest.mark.parametrize(
    ("request_line", "more", "status"),
    [
        (b"GET / HTTP/1.1", b"", b"400"),
        (b"OPTIONS * HTTP/1.1", b"Host: server\r\n", b"404"),
        (b"GET / HTTP/1.1", b"Host: server\r\nConnection: Upgrade\r\nUpgrade: odd/7\r\n", b"403"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(pair: Pair, request_line: bytes, more: bytes, status: bytes) -> None:
    answer = pair.asked(request_line + b"\r\n" + more + b"\r\n", lambda data: data.endswith(b"\r\n\r\n"))

    assert answer.startswith(b"HTTP/1.1 " + status + b" ")


def test_an_answer_is_whole_where_the_connection_is_closed_behind_it(pair: Pair) -> None:
    request = b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n"

    answer = pair.asked(request, lambda _: False)

    assert answer.lower().endswith(b"\r\n0\r\nx-end: well\r\n\r\n")
