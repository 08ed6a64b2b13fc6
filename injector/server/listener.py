"""Taking connections: so many at a time, so many in all, each with a bounded TLS handshake.

The event loop's own server takes whatever is queued, and shows a connection to nobody until its handshake is done.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Collection

from injector.server.connection import Guard, GuardedConnection

HANDSHAKE_FAILED, HANDSHAKE_GAVE_WAY, TOO_MANY_CONNECTIONS = "HandshakeFailed", "HandshakeGaveWay", "TooManyConnections"

_BACKLOG = 2048
_SHUTDOWN_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_POLL_SECONDS = 0.02


class Listener:
    """Takes connections from `bound` until it is closed, within the limits of a guard, and tells that what it dropped.

    Where room is short it is made: the handshake that has been at it longest gives way, and so does the connection that
    has been without a whole request longest. An honest client is through in milliseconds and works on; it is the silent
    ones that are old.
    """

    def __init__(self, bound: socket.socket, context: ssl.SSLContext, guard: Guard) -> None:
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
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except OSError:
            self._dropped(HANDSHAKE_FAILED)
