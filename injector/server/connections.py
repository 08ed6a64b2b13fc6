"""One connection, bounded: uvicorn's protocol with the limits that it lacks.

uvicorn closes a connection that idles after a reply. It has no bound for a client that sends no first request, the head
of a request byte by byte or without end, request after request without waiting, trailers or chunk extensions without
end, or that never reads.
"""

import asyncio
import socket
import ssl
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from time import perf_counter
from typing import Any, NoReturn

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from injector.server.client_auth import CLIENT_REFUSAL, ClientAuthority, ClientRefusal
from injector.server.limits import ConnectionLimits
from injector.server.replies import Prompt, Reply, Turns
from injector.server.request_body import ARRIVED

HEAD_TIMEOUT, HEAD_TOO_LARGE, MESSAGE_TIMEOUT, NOT_READING, MALFORMED, SURPLUS, TOO_MANY_REQUESTS = (
    "HeadTimeout",
    "HeadTooLarge",
    "MessageTimeout",
    "NotReading",
    "Malformed",
    "Surplus",
    "TooManyRequests",
)
# What is around a chunk: its size and two line breaks. Clients may send chunks of one byte.
_AROUND_A_CHUNK = 16


class _Stage(Enum):
    """How much of the newest request is there."""

    NOTHING = "nothing"
    HEAD = "part of its head"
    BODY = "its head"
    WHOLE = "all of it"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The answer to what never became a request, and the reason for which its connection is dropped."""

    status: int
    reason: str
    message: str


_NO_HTTP = _Refusal(400, MALFORMED, "this is not HTTP/1.1")


@dataclass(frozen=True, slots=True)
class Guard:
    """What connections have in common.

    Their limits, whether the server drains, where to report why one was dropped, and who may call the webhook: without
    `clients` everybody.
    """

    limits: ConnectionLimits
    draining: Callable[[], bool]
    dropped: Callable[[str], None]
    clients: ClientAuthority | None = None


class GuardedConnection(HttpToolsProtocol):
    """A connection whose client has to get on with it."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], guard: Guard, turns: Turns
    ) -> None:
        """As uvicorn makes its protocol, with `guard`, and the `turns` of the requests of all connections."""
        super().__init__(config, server_state, app_state)
        self._guard, self._turns = guard, turns
        self._prompt = config.app if isinstance(config.app, Prompt) else None
        # The cycle of a request whose head is there, and whose body may be in what is being read.
        self._begun: RequestResponseCycle | None = None
        self._stage = _Stage.NOTHING
        self._head_size = self._surplus = self._chunk = self._unanswered = 0
        self._made = 0.0
        self._client_refusal: ClientRefusal | None = None
        # Why nothing more is read, and the answer that is due once all requests before it are answered.
        self._stopped: _Refusal | None = None
        self._due: _Refusal | None = None
        self._patience: TimerHandle | None = None
        self._reading: TimerHandle | None = None

    @property
    def idle_since(self) -> float | None:
        """When it was made or last began to receive; None while a whole request is worked on."""
        return None if self._stage is _Stage.WHOLE and self._unanswered else self._made

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=self._guard.limits.buffered)
        self._made = perf_counter()
        if self._guard.clients is not None:
            self._client_refusal = self._guard.clients.refusal(transport.get_extra_info("peercert"))
        self._wait(self._guard.limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._stop_waiting()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Pass on what came, and bound what is still to come."""
        if self._stopped:
            return
        before, self._chunk = self._stage, len(data)
        super().data_received(data)
        if self._begun is not None:
            begun, self._begun = self._begun, None
            super()._start_asgi_task(begun, self.app)
        if self._stopped:
            return
        if self._stage is _Stage.WHOLE and self._unanswered:
            self._stop_waiting()
            return
        if self._stage is not before or self._patience is None:
            self._stop_waiting()
            self._wait(self._guard.limits.message if self._stage is _Stage.BODY else self._guard.limits.head)
        self._bound_sizes(self._guard.limits)

    def _bound_sizes(self, limits: ConnectionLimits) -> None:
        """Refuse a head without end, and more around a body than the body needs."""
        if self._stage is _Stage.HEAD:
            self._head_size += self._chunk
            if self._head_size > limits.head_bytes:
                self._end(_Refusal(431, HEAD_TOO_LARGE, f"the head is over {limits.head_bytes} bytes"))
            elif len(self.headers) > limits.headers:
                self._end(_too_many_headers(limits))
        elif self._stage is _Stage.BODY:
            self.headers.clear()
            self._surplus += self._chunk
            if self._surplus > limits.surplus:
                message = f"trailers, chunk extensions or an unexpected body of over {limits.surplus} bytes"
                self._end(_Refusal(400, SURPLUS, message))

    def on_message_begin(self) -> None:
        """A request begins; too many that came without waiting for answers end with the last that there was room for.

        Clients send the others again: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2
        """
        if len(self.pipeline) >= self._guard.limits.pipelined:
            self.cycle.keep_alive = False
            self._stop(_Refusal(429, TOO_MANY_REQUESTS, ""))
        super().on_message_begin()
        self.scope["state"][CLIENT_REFUSAL] = self._client_refusal
        # What came with it may belong to requests before it: only what comes later is counted.
        self._stage, self._head_size = _Stage.HEAD, -self._chunk

    def on_headers_complete(self) -> None:
        """The head is there; where the connection is to end, this is its last request."""
        if len(self.headers) > self._guard.limits.headers:
            self._stop(_too_many_headers(self._guard.limits))
        if self.parser.should_upgrade():
            # The parser takes what follows for another protocol, the body of this request included.
            self._stop(_Refusal(400, MALFORMED, "no other protocol is spoken here: expected a request without Upgrade"))
        super().on_headers_complete()
        self._stage, self._surplus = _Stage.BODY, -self._chunk
        self._unanswered += 1
        # Trailers are no headers, and nobody reads them: https://www.rfc-editor.org/rfc/rfc9110#section-6.5
        self.headers = []
        if self._guard.draining() or perf_counter() - self._made > self._guard.limits.age:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Part of the body is there; where its request is answered already, nobody waits for it."""
        if not self.cycle.response_complete:
            self._surplus -= len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._surplus -= _AROUND_A_CHUNK

    def on_message_complete(self) -> None:
        """The request is there; from now on it is the server that lets its client wait."""
        self._stage = _Stage.WHOLE
        self.scope["state"][ARRIVED] = perf_counter()
        super().on_message_complete()
        if self._begun is not None:
            begun, self._begun = self._begun, None
            self._turns.add(self._answer(begun))

    def on_response_complete(self) -> None:
        """A request is answered; what never became a request is, after all before it."""
        super().on_response_complete()
        self._unanswered -= 1
        if self._due and not self._unanswered:
            self._refuse(self._due)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words say less
        """End after what the parser could not go on with."""
        self._end(self._stopped or _NO_HTTP)

    def pause_writing(self) -> None:
        """The client does not read what it was sent: nothing more is done for it, and that only for a while."""
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(self._guard.limits.unread, self._abort, NOT_READING)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def shutdown(self) -> None:
        """Finish. Who has only just connected may still send a request: the time for its head bounds that."""
        if self.cycle is not None or self._patience is None:
            super().shutdown()

    def make_room(self) -> None:
        """Close in favour of a newer connection."""
        self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        """It is the turn of this request."""
        if self._prompt is None or (cycle.more_body and self._stage is not _Stage.HEAD):
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]
        elif cycle.more_body:
            self._begun = cycle
        else:
            self._turns.add(self._answer(cycle))

    def _answer(self, cycle: RequestResponseCycle) -> Iterator[None]:
        """Answer a whole request: work out the reply, write it, do what is left to do."""
        reply = self._reply(cycle)
        if reply is None:
            return
        yield
        if not cycle.disconnected:
            self._write(cycle, reply)
        yield
        reply.sent()

    def _reply(self, cycle: RequestResponseCycle) -> Reply | None:
        """The reply to a whole request; None where it is answered in uvicorn's way, or nobody waits for it any more."""
        if cycle.disconnected:
            return None
        if self._prompt is not None and not self.flow.write_paused:
            # What fails here fails there again, and is reported.
            with suppress(Exception):
                reply = self._prompt.at_once(cycle.scope, bytes(cycle.body))
                if reply is not None:
                    return reply
        super()._start_asgi_task(cycle, self.app)
        return None

    def _write(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        """Write the whole reply in one piece, and go on as uvicorn does after the last one."""
        closing = reply.closing or not cycle.keep_alive
        self.transport.write(reply.message(self.server_state.default_headers, closing=closing))
        cycle.response_started = cycle.response_complete = True
        if closing:
            self.transport.close()
        cycle.on_response()
        # Else the cycle would lead back to its connection: only the garbage collector could free it.
        cycle.on_response = _nothing

    def _wait(self, seconds: float) -> None:
        self._patience = self.loop.call_later(seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        limits = self._guard.limits
        if self._stage is _Stage.HEAD:
            message = f"the head of the request did not arrive within {limits.head:g} s"
            self._end(_Refusal(408, HEAD_TIMEOUT, message))
        elif self._stage is _Stage.BODY:
            self._abort(MESSAGE_TIMEOUT)
        else:
            self.transport.close()

    def _stop(self, refusal: _Refusal) -> NoReturn:
        """Stop the parser, from what it calls. uvicorn then asks for the answer."""
        self._stopped = refusal
        raise ValueError(refusal.message)

    def _end(self, refusal: _Refusal) -> None:
        """Read nothing more, and answer what never became a request after all that came before it."""
        self._stopped = refusal
        self._stop_waiting()
        self._guard.dropped(refusal.reason)
        if self._stage is _Stage.BODY and not self._give_up():
            # Its client may still be sending: closing lets it read the answer first.
            self.transport.close()
        elif not self._unanswered:
            self._refuse(refusal)
        elif self.cycle.keep_alive:
            self._due = refusal

    def _give_up(self) -> bool:
        """Forget the newest request, whose body never ends; False where it is answered already, at least in part."""
        if self.cycle.response_started:
            return False
        if self.pipeline:
            self.pipeline.popleft()
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._unanswered -= 1
        return True

    def _refuse(self, refusal: _Refusal) -> None:
        """Answer what never became a request, and close."""
        if not self.transport.is_closing():
            head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            text = f"{refusal.message}\n".encode()
            self.transport.write(STATUS_LINE[refusal.status] + head % len(text) + text)
            self.transport.close()

    def _abort(self, reason: str) -> None:
        self._guard.dropped(reason)
        self.transport.abort()


def _too_many_headers(limits: ConnectionLimits) -> _Refusal:
    return _Refusal(431, HEAD_TOO_LARGE, f"more than {limits.headers} headers")


def _nothing() -> None:
    """What is left to do for a request that is answered."""


# Taking connections: so many at a time, so many in all, each with a bounded TLS handshake. The event loop's own
# server takes whatever is queued, and shows a connection to nobody until its handshake is done.

HANDSHAKE_FAILED, HANDSHAKE_GAVE_WAY, TOO_MANY_CONNECTIONS = "HandshakeFailed", "HandshakeGaveWay", "TooManyConnections"

_BACKLOG = 2048
_SHUTDOWN_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_POLL_SECONDS = 0.02


class Listener:
    """Takes connections from `bound` until it is closed, within the limits of a guard, and tells that what it dropped.

    `context` gives the TLS context of the next handshake.

    Where room is short it is made: the handshake that has been at it longest gives way, and so does the connection that
    has been without a whole request longest. An honest client is through in milliseconds and works on; it is the silent
    ones that are old.
    """

    def __init__(self, bound: socket.socket, context: Callable[[], ssl.SSLContext], guard: Guard) -> None:
        """Keep what is needed; nothing is taken before `start`."""
        self._bound, self._context, self._limits, self._dropped = bound, context, guard.limits, guard.dropped
        self._loop = asyncio.get_running_loop()
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._make: Callable[[], GuardedConnection]
        self._open: Collection[GuardedConnection] = ()
        self._closed = False

    def start(self, make: Callable[[], GuardedConnection], connections: Collection[GuardedConnection]) -> None:
        """Take connections, each handled by what `make` gives; `connections` are those that are open at any time."""
        self._make, self._open = make, connections
        self._bound.settimeout(0)
        self._bound.listen(_BACKLOG)
        self._loop.add_reader(self._bound, self._take)

    def close(self) -> None:
        """Take what is queued, and nothing after it."""
        self._closed = True
        self._loop.remove_reader(self._bound)
        while self._take_one():
            pass

    async def wait_closed(self) -> None:
        """Return when the last handshake is done and the last connection closed."""
        while self._handshakes or self._open:  # noqa: ASYNC110 -- the set of connections is uvicorn's: it tells nobody
            await asyncio.sleep(_POLL_SECONDS)

    def _take(self) -> None:
        for _ in range(self._limits.accepted):
            if not self._take_one():
                return

    def _take_one(self) -> bool:
        try:
            connection, _ = self._bound.accept()
        except (BlockingIOError, ConnectionError):
            return False
        except OSError:
            self._pause()
            return False
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._make_room()
        handshake = self._loop.create_task(self._shake_hands(connection))
        self._handshakes[handshake] = None
        handshake.add_done_callback(self._done)
        return True

    def _done(self, handshake: asyncio.Task[None]) -> None:
        self._handshakes.pop(handshake, None)

    def _pause(self) -> None:
        """No file descriptor is left: look again in a while."""
        self._loop.remove_reader(self._bound)
        self._loop.call_later(_PAUSE_SECONDS, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._bound, self._take)

    def _make_room(self) -> None:
        if len(self._handshakes) >= self._limits.handshakes:
            oldest = next(iter(self._handshakes))
            self._done(oldest)
            oldest.cancel()
            self._dropped(HANDSHAKE_GAVE_WAY)
        if len(self._open) >= self._limits.connections:
            idle = [each for each in self._open if each.idle_since is not None]
            if idle:
                min(idle, key=lambda each: each.idle_since or 0.0).make_room()
                self._dropped(TOO_MANY_CONNECTIONS)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make,
                connection,
                ssl=self._context(),
                ssl_handshake_timeout=self._limits.handshake,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except OSError:
            self._dropped(HANDSHAKE_FAILED)
