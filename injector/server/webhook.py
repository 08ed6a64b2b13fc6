"""The webhook itself, as bare ASGI: bytes in, bytes out, every request bounded in size and time."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

from starlette.types import Receive, Scope, Send

from injector.server.answer import Answer, answer, refusal
from injector.server.state import Service
from injector.server.telemetry import Telemetry

_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may take: bytes of its body (reference 13.4), seconds until the body is there."""

    body: int = 6_291_456
    seconds: float = 10.0


class RequestRefused(Exception):  # noqa: N818 -- the request is refused, the server is fine
    """A request that is not read to its end. `status` is the HTTP status, the text one line for the answer."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP `status` beside the message."""
        super().__init__(message)
        self.status = status


class Webhook:
    """Answers `POST /inject` and every path below it."""

    __slots__ = ("_limits", "_service", "_telemetry")

    def __init__(self, service: Service, telemetry: Telemetry, limits: Limits | None = None) -> None:
        """Answer from the state of `service` and tell `telemetry` about each answer."""
        self._service = service
        self._telemetry = telemetry
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        started = perf_counter()
        closing = self._service.draining
        try:
            body = await self._body(scope, receive)
            found = self._checked(scope, body) or answer(body, scope["path"], self._service.state)
        except RequestRefused as error:
            # What is left of the body is not read: the connection cannot be used again.
            found, closing = refusal(error.status, str(error)), True
        await _send(send, found, closing=closing)
        self._telemetry.record(found, perf_counter() - started)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self._limits.body:
            raise RequestRefused(413, self._too_large())
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._received(receive)
        except TimeoutError:
            raise RequestRefused(408, f"the body did not arrive within {self._limits.seconds:g} s") from None

    async def _received(self, receive: Receive) -> bytes:
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

    def _too_large(self) -> str:
        return f"the body is too large: the limit is {self._limits.body} bytes"

    @staticmethod
    def _checked(scope: Scope, body: bytes) -> Answer | None:
        if scope["method"] != "POST":
            return refusal(405, f"the method {scope['method']} is not allowed here: expected POST")
        if not body:
            return refusal(400, "no body found: expected an AdmissionReview")
        if _header(scope, b"content-type") != _JSON:
            return refusal(415, "invalid Content-Type, want `application/json`")
        return None


def _header(scope: Scope, name: bytes) -> bytes:
    value: bytes
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


async def _send(send: Send, found: Answer, *, closing: bool) -> None:
    headers = [
        (b"content-type", _JSON if found.admission else _TEXT),
        (b"content-length", b"%d" % len(found.body)),
    ]
    if found.status == 405:  # noqa: PLR2004 -- RFC 9110, section 15.5.6
        headers.append((b"allow", b"POST"))
    if closing:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})
