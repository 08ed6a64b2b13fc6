"""Receiving the body of a request, bounded in size, in time, and in what all bodies on their way take together."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs

from starlette.types import Receive, Scope

from injector.core.duration import SECOND, nanoseconds
from injector.core.errors import InjectorError
from injector.server.client_auth import CLIENT_REFUSAL, ClientRefusal
from injector.server.limits import Limits

# How long the client of a request is ready to wait, and whether it has waited too long for work on it to make
# sense. An API server says how long it waits in the query: `?timeout=10s`, the webhook's `timeoutSeconds`.
# https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#timeouts

# Where the connection notes, in the state of an ASGI scope, when the whole request had been read (`perf_counter`).
ARRIVED = "arrived"
# API servers write whole seconds, and nothing else: for them nothing has to be decoded.
_TIMEOUT = b"timeout="
_LONGEST_QUERY = 1_000


def timeout_of(query: bytes) -> float:
    """The seconds that the `timeout` in a query string gives; infinite where there is none that is a duration."""
    if query.startswith(_TIMEOUT) and query.endswith(b"s") and query[len(_TIMEOUT) : -1].isdigit():
        return float(query[len(_TIMEOUT) : -1]) or float("inf")
    if len(query) > _LONGEST_QUERY:
        return float("inf")
    try:
        seconds = nanoseconds(parse_qs(query.decode("ascii"))["timeout"][0]) / SECOND
    except (KeyError, ValueError):
        return float("inf")
    return seconds if seconds > 0 else float("inf")


def waited_too_long(scope: Mapping[str, Any], limit: float) -> str:
    """Why no work should begin on the request of `scope` now, as one line; empty where it should.

    A request waits as long as those are worked on that were read with it, and before that, unseen in its socket, as
    long as those read before: that is bounded by the same limit. So half of the client's timeout is the most.
    """
    arrived = scope.get("state", {}).get(ARRIVED)
    if arrived is None:
        return ""
    waited, limit = perf_counter() - arrived, min(limit, timeout_of(scope["query_string"]) / 2)
    if waited <= limit:
        return ""
    return f"overloaded: the request waited {waited:.3f} s for its turn, the limit is {limit:.3f} s; try again"


class RequestRefused(InjectorError):  # noqa: N818 -- the request is refused, the server is fine
    """A request that is not answered, after which its connection is closed.

    `status` is the HTTP status, the text one line for the answer, `reason` that of the metric where the status does not
    tell it.
    """

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        """Keep the HTTP `status` beside the message."""
        super().__init__(message)
        self.status, self.reason = status, reason


def client_refusal(scope: Mapping[str, Any]) -> ClientRefusal | None:
    """Why the client of a request may not call the webhook, if the connection found that it may not."""
    refusal: ClientRefusal | None = scope.get("state", {}).get(CLIENT_REFUSAL)
    return refusal


def refuse_client(scope: Mapping[str, Any]) -> None:
    """Raise RequestRefused where the connection found that its client may not call the webhook."""
    refusal = client_refusal(scope)
    if refusal is not None:
        raise RequestRefused(refusal.status, refusal.message)


@dataclass(slots=True, eq=False)
class _Slow:
    """A body on its way: the time it has, how much of it is there, and whether it had to give way."""

    timeout: asyncio.Timeout
    size: int = 0
    gave_way: bool = False


class Reception:
    """Receives bodies. Where those on their way are too many, the one that has been at it longest gives way.

    A body from an API server is there within milliseconds: the oldest one is a slow client's.
    """

    def __init__(self, limits: Limits) -> None:
        """Receive within `limits`."""
        self._limits = limits
        self._slow: dict[_Slow, None] = {}
        self._held = 0

    async def body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises RequestRefused: 408 too slow, 413 too large, 503 gave way, 400 broken off."""
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self._limits.body:
            raise RequestRefused(413, self._too_large())
        if ARRIVED in scope.get("state", ()):
            return await self._received(receive, None)
        return await self._slowly_received(receive, min(self._limits.seconds, timeout_of(scope["query_string"])))

    async def _slowly_received(self, receive: Receive, seconds: float) -> bytes:
        slow = _Slow(asyncio.timeout(seconds))
        try:
            async with slow.timeout:
                with self._entered(slow):
                    return await self._received(receive, slow)
        except TimeoutError:
            if slow.gave_way:
                raise RequestRefused(503, "overloaded: gave up a slow body to make room for others") from None
            raise RequestRefused(408, f"the body did not arrive within {seconds:g} s") from None

    async def _received(self, receive: Receive, slow: _Slow | None) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestRefused(400, "the client closed the connection before the body was complete")
            piece = message.get("body", b"")
            size += len(piece)
            if size > self._limits.body:
                raise RequestRefused(413, self._too_large())
            pieces.append(piece)
            if not message.get("more_body"):
                return b"".join(pieces)
            if slow:
                self._grown(slow, len(piece))

    @contextmanager
    def _entered(self, slow: _Slow) -> Iterator[None]:
        self._slow[slow] = None
        self._make_room()
        try:
            yield
        finally:
            self._leave(slow)

    def _grown(self, slow: _Slow, size: int) -> None:
        if slow.gave_way:
            return
        slow.size += size
        self._held += size
        self._make_room()

    def _make_room(self) -> None:
        while len(self._slow) > self._limits.receiving or self._held > self._limits.held:
            oldest = next(iter(self._slow))
            self._leave(oldest)
            oldest.gave_way = True
            if not oldest.timeout.expired():
                oldest.timeout.reschedule(0)

    def _leave(self, slow: _Slow) -> None:
        if not slow.gave_way:
            del self._slow[slow]
            self._held -= slow.size

    def _too_large(self) -> str:
        return f"the body is too large: the limit is {self._limits.body} bytes"


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a header by its lower-case name; empty where there is none."""
    value: bytes
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""
