"""Connections that do not get on with it are given up, each for its reason, and the others are served."""

import asyncio
import io
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import pytest

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import Webhook, create_app
from injector.server.connections import Guard, Listener
from injector.server.limits import ConnectionLimits, Limits
from injector.server.request_body import ARRIVED, Reception, RequestRefused, timeout_of, waited_too_long
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.support import default_setup, pod_of, review_of
from tests.waiting import rest, wait_until

BODY = review_of(pod_of())
POST = b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A server in this process with limits of its own."""

    port: int
    trust: ssl.SSLContext
    dropped: Counter[str]

    def plain(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    @contextmanager
    def connection(self) -> Iterator[ssl.SSLSocket]:
        with self.plain() as plain, self.trust.wrap_socket(plain, server_hostname="localhost") as connection:
            yield connection

    def drops(self, reason: str) -> None:
        """Wait for one connection to be dropped for that reason, and none for another."""
        wait_until(lambda: bool(self.dropped))
        assert self.dropped == {reason: 1}

    def serves(self) -> None:
        """Wait for a client to be served; where the limits are short it may have to try more than once."""
        wait_until(lambda: tried(self._is_served))

    def _is_served(self) -> bool:
        with self.connection() as connection:
            connection.sendall(POST)
            return status(connection) == 200


Start = Callable[[ConnectionLimits], Bounded]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    store = DirectoryStore(tmp_path)
    ensure(store, Settings(names=("localhost",)), datetime.now(UTC))
    service = Service(State(default_setup(), EMPTY_SNAPSHOT))
    app = create_app(service, Telemetry(io.BytesIO()))
    with ExitStack() as running:

        def make(limits: ConnectionLimits) -> Bounded:
            dropped: Counter[str] = Counter()
            guard = Guard(limits, lambda: service.draining, lambda reason: dropped.update([reason]))
            server = server_for(app, service, ServingCertificate(store.certificate, store.key), guard=guard)
            port = running.enter_context(serving(server, bind(Listening("127.0.0.1", 0))))
            return Bounded(port, ssl.create_default_context(cafile=store.bundle), dropped)

        yield make


def tried(attempt: Callable[[], bool]) -> bool:
    """Whether it came off this time: a client that a busy machine held up is too slow for a short limit."""
    try:
        return attempt()
    except (OSError, HTTPException):
        return False


def status(connection: socket.socket) -> int:
    """The status of the next reply, all of which is read."""
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def test_a_server_listens_before_it_counts_as_serving(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = Listener.start

    def held_up(listener: Listener, *arguments: object) -> None:
        time.sleep(0.2)
        prompt(listener, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Listener, "start", held_up)
    start(ConnectionLimits()).plain().close()


def test_a_client_that_sends_nothing_is_closed(start: Start) -> None:
    bounded = start(ConnectionLimits(head=0.2))
    with bounded.connection() as connection:
        assert rest(connection) == b""
    bounded.serves()


def test_a_head_that_comes_byte_by_byte_is_given_up(start: Start) -> None:
    bounded = start(ConnectionLimits(head=0.3))

    def is_told() -> bool:
        with bounded.connection() as connection:
            with suppress(ConnectionError, ssl.SSLError):
                for byte in POST[:20]:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)
            reply = rest(connection)
        told = reply.endswith(b"the head of the request did not arrive within 0.3 s\n")
        return reply.startswith(b"HTTP/1.1 408") and told

    wait_until(lambda: tried(is_told))
    assert bounded.dropped.keys() == {"HeadTimeout"}
    bounded.serves()


def test_a_head_without_end_is_refused(start: Start) -> None:
    """Piece by piece until there is a reply: what a client sent for nothing could cost it the reply."""
    bounded = start(ConnectionLimits(head_bytes=4096, head=60))
    with bounded.connection() as connection:
        connection.sendall(b"POST /inject HTTP/1.1\r\nX: ")
        connection.settimeout(0.05)
        reply = b""
        for _ in range(1000):
            connection.sendall(b"x" * 1000)
            with suppress(TimeoutError):
                reply = connection.recv(65_536)
                break
    assert reply.startswith(b"HTTP/1.1 431")
    assert bounded.dropped == {"HeadTooLarge": 1}


def test_empty_lines_do_not_keep_a_connection(start: Start) -> None:
    bounded = start(ConnectionLimits(head=0.3))

    def is_closed() -> bool:
        with bounded.connection() as connection:
            connection.sendall(POST)
            assert status(connection) == 200
            connection.sendall(b"\r\n")
            return rest(connection) == b""

    wait_until(lambda: tried(is_closed))


def test_a_body_that_nobody_waits_for_does_not_keep_a_connection(start: Start) -> None:
    bounded = start(ConnectionLimits(message=0.3))
    with bounded.connection() as connection:
        connection.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        assert rest(connection).startswith(b"HTTP/1.1 405")
    assert bounded.dropped == {"MessageTimeout": 1}


def test_a_client_that_never_reads_is_cut_off(start: Start) -> None:
    bounded = start(ConnectionLimits(unread=0.3, buffered=1024, pipelined=10_000))
    with bounded.connection() as connection:
        with suppress(ConnectionError, ssl.SSLError):
            connection.sendall(POST * 10_000)
        bounded.drops("NotReading")
    bounded.serves()


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("pieces", [1, 2, 7], ids=lambda pieces: f"in {pieces} pieces")
def test_replies_come_in_the_order_of_the_requests(start: Start, pieces: int) -> None:
    """Those that are answered at once do not overtake those that are not, whatever of them is read together."""
    sent = POST + HEALTH + POST + POST + HEALTH + HEALTH + POST
    size = -(-len(sent) // pieces)
    with start(ConnectionLimits()).connection() as connection:
        for at in range(0, len(sent), size):
            connection.sendall(sent[at : at + size])
            time.sleep(0.02)
        connection.sendall(HEALTH.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        replies = rest(connection).split(b"HTTP/1.1 ")[1:]
    assert all(reply.startswith(b"200 ") for reply in replies)
    assert [b"AdmissionReview" in reply for reply in replies] == [True, False, True, True, False, False, True, False]


def test_a_request_that_breaks_the_application_is_answered(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = start(ConnectionLimits())
    with monkeypatch.context() as broken, bounded.connection() as connection:
        broken.setattr(Webhook, "_answered", lambda *_: 1 / 0)
        connection.sendall(POST)
        assert status(connection) == 500
    bounded.serves()


def test_a_reply_that_cannot_be_told_of_keeps_no_other_from_its_client(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = start(ConnectionLimits())
    with monkeypatch.context() as broken, bounded.connection() as connection:
        broken.setattr(Telemetry, "record", lambda *_: 1 / 0)
        connection.sendall(POST * 2)
        assert [status(connection), status(connection)] == [200, 200]
    bounded.serves()


def test_the_oldest_handshake_gives_way(start: Start) -> None:
    bounded = start(ConnectionLimits(handshakes=4))
    with ExitStack() as silent:
        for _ in range(6):
            silent.enter_context(bounded.plain())
        bounded.serves()
    assert bounded.dropped["HandshakeGaveWay"] >= 2


def test_a_handshake_is_bounded_in_time(start: Start) -> None:
    bounded = start(ConnectionLimits(handshake=0.2))
    with bounded.plain() as silent:
        assert rest(silent) == b""
        bounded.drops("HandshakeFailed")


def test_the_connection_that_idles_longest_gives_way_to_a_new_one(start: Start) -> None:
    bounded = start(ConnectionLimits(connections=3))
    with ExitStack() as idle:
        first, *others = [idle.enter_context(bounded.connection()) for _ in range(3)]
        for connection in (first, *others):
            connection.sendall(POST)
            assert status(connection) == 200
        bounded.serves()
        rest(first)
        others[-1].sendall(POST)
        assert status(others[-1]) == 200
    assert bounded.dropped["TooManyConnections"] == 1


def test_a_connection_ends_with_a_reply_when_it_is_old(start: Start) -> None:
    bounded = start(ConnectionLimits(age=0.0))
    with bounded.connection() as connection:
        connection.sendall(POST)
        reply = rest(connection)
    assert reply.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in reply


CHUNKED = POST[: POST.index(b"Content-Length")] + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def replies(bounded: Bounded, *pieces: bytes) -> list[str]:
    """The status lines of all that comes back for pieces sent as they are, until the server closes."""
    with bounded.connection() as connection:
        with suppress(ConnectionError, ssl.SSLError):
            for piece in pieces:
                connection.sendall(piece)
        return re.findall(r"HTTP/1\.1 ([^\r]*)", rest(connection).decode())


@pytest.mark.parametrize("broken", [b"INJECT\r\n\r\n", CHUNKED + b"x\r\n", CHUNKED.replace(b":", b" :")])
def test_what_came_before_a_broken_request_is_answered_first(start: Start, broken: bytes) -> None:
    bounded = start(ConnectionLimits())
    assert replies(bounded, POST * 3 + broken + POST) == ["200 OK"] * 3 + ["400 Bad Request"]
    assert bounded.dropped == {"Malformed": 1}
    bounded.serves()


def test_a_request_gets_one_reply_even_if_its_body_is_broken(start: Start) -> None:
    bounded = start(ConnectionLimits())
    with bounded.connection() as connection:
        connection.sendall(CHUNKED.replace(b"/inject", b"/healthz"))
        assert status(connection) == 405
        connection.sendall(b"x\r\n")
        assert rest(connection) == b""
    assert bounded.dropped == {"Malformed": 1}


@pytest.mark.parametrize(
    ("head", "trailer", "expected"),
    [
        (CHUNKED, b"Host: y\r\nContent-Type: text/plain\r\n", "200 OK"),
        (CHUNKED.replace(b"Content-Type: application/json\r\n", b""), b"Content-Type: application/json\r\n", "415 "),
        (CHUNKED.replace(b"Host: x\r\n", b""), b"Host: x\r\n", "400 "),
    ],
)
def test_trailers_are_no_headers(start: Start, head: bytes, trailer: bytes, expected: str) -> None:
    head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    (reply,) = replies(start(ConnectionLimits()), head + WHOLE + trailer + b"\r\n")
    assert reply.startswith(expected)


@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (CHUNKED + WHOLE, b"a: b\r\n"),
        (CHUNKED + WHOLE + b"a: ", b"b"),
        (CHUNKED + WHOLE, b"a"),
        (CHUNKED + b"1;a=", b"b"),
        (CHUNKED, b"0"),
    ],
    ids=["trailers", "a trailer", "the name of a trailer", "a chunk extension", "the size of a chunk"],
)
def test_what_never_ends_around_a_body_is_refused(start: Start, begun: bytes, endless: bytes) -> None:
    bounded = start(ConnectionLimits())
    assert replies(bounded, begun, endless * (2_000_000 // len(endless))) in (["400 Bad Request"], [])
    bounded.drops("Surplus" if endless != b"0" or bounded.dropped["Surplus"] else "Malformed")
    bounded.serves()


def test_a_body_that_nobody_reads_is_bounded(start: Start) -> None:
    bounded = start(ConnectionLimits())
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n"
    assert replies(bounded, head, b"x" * 10_000_000) in (["200 OK"], [])
    bounded.drops("Surplus")


def test_who_sends_a_body_that_nobody_reads_is_answered(start: Start) -> None:
    bounded = start(ConnectionLimits())
    body = b"x" * 1_000_000
    head = b"POST /preveiw HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with bounded.connection() as connection:
        connection.sendall(head + body)
        assert status(connection) == 404


def test_small_chunks_are_no_surplus(start: Start) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY + b" " * 100_000)
    assert replies(start(ConnectionLimits()), CHUNKED + chunks + b"0\r\n\r\n" + b"x\r\n")[0] == "200 OK"


def test_the_last_of_too_many_requests_at_once_ends_their_connection(start: Start) -> None:
    bounded = start(ConnectionLimits(pipelined=4))
    assert replies(bounded, GET * 8_000) == ["200 OK"] * 5
    assert bounded.dropped == {"TooManyRequests": 1}
    assert replies(bounded, GET * 4 + b"x\r\n") == ["200 OK"] * 4 + ["400 Bad Request"]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_the_headers_of_a_request_are_counted(start: Start, end: bytes) -> None:
    bounded = start(ConnectionLimits(headers=100))
    head = GET[:-2] + b"a: b\r\n" * 101 + end
    assert replies(bounded, GET + head) == ["200 OK", "431 Request Header Fields Too Large"]
    assert bounded.dropped == {"HeadTooLarge": 1}


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_a_body_is_not_taken_for_requests_where_another_protocol_is_asked_for(start: Start, protocol: bytes) -> None:
    bounded = start(ConnectionLimits())
    upgrade = b"Connection: Upgrade\r\nUpgrade: %s\r\nContent-Length: %d\r\n\r\n" % (protocol, len(GET))
    request = POST[: POST.index(b"Content-Length")] + upgrade
    assert replies(bounded, request, GET) == ["400 Bad Request"]
    assert replies(bounded, b"CONNECT /inject HTTP/1.1\r\nHost: x\r\n\r\n", GET) == ["400 Bad Request"]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        (b"timeout=10s", 10.0),
        (b"dryRun=All&timeout=1m30s", 90.0),
        (b"timeout=250ms", 0.25),
        (b"", float("inf")),
        (b"timeout=", float("inf")),
        (b"timeout=10", float("inf")),
        (b"timeout=-1s", float("inf")),
        (b"timeout=\xff", float("inf")),
        (b"x=" + b"y" * 1_000 + b"&timeout=10s", float("inf")),
    ],
)
def test_the_timeout_of_an_api_server(query: bytes, seconds: float) -> None:
    assert timeout_of(query) == seconds


@pytest.mark.parametrize(
    ("waited", "query", "late"),
    [(0.0, b"", False), (2.0, b"", True), (0.6, b"timeout=1s", True), (0.6, b"timeout=30s", False)],
)
def test_a_request_that_waited_too_long_is_not_worked_on(waited: float, query: bytes, late: bool) -> None:
    """A second by default, half of what the client waits where that is less."""
    scope = {"query_string": query, "state": {ARRIVED: time.perf_counter() - waited}}
    assert bool(waited_too_long(scope, 1.0)) == late


@pytest.mark.parametrize(
    ("limits", "others"), [(Limits(receiving=1), 1), (Limits(held=15), 2)], ids=["in number", "in bytes"]
)
def test_the_oldest_of_too_many_slow_bodies_gives_way(limits: Limits, others: int) -> None:
    async def stuck() -> dict[str, object]:
        if (task := asyncio.current_task()) in begun:
            await asyncio.Event().wait()
        begun.add(task)
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    async def drill() -> list[str]:
        reception = Reception(limits)
        scope = {"headers": [], "query_string": b""}
        tasks = [asyncio.ensure_future(reception.body(scope, stuck)) for _ in range(others + 1)]
        done, pending = await asyncio.wait(tasks, timeout=60, return_when=asyncio.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        assert tasks[0] in done
        errors = [task.exception() for task in done]
        return [str(error) for error in errors if isinstance(error, RequestRefused) and error.status == 503]

    begun: set[object] = set()
    assert asyncio.run(drill())[0] == "overloaded: gave up a slow body to make room for others"
