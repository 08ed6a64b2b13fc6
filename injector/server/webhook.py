"""The webhook itself, as bare ASGI: bytes in, bytes out, every request bounded in size and time."""

from time import perf_counter

from starlette.types import Receive, Scope, Send

from injector.server.answer import Answer, answer, refusal
from injector.server.limits import Limits
from injector.server.patience import waited_too_long
from injector.server.reception import Reception, RequestRefused, header
from injector.server.state import Service
from injector.server.telemetry import Telemetry

_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"


class Webhook:
    """Answers `POST /inject` and every path below it."""

    __slots__ = ("_limits", "_reception", "_service", "_telemetry")

    def __init__(self, service: Service, telemetry: Telemetry, limits: Limits | None = None) -> None:
        """Answer from the state of `service` and tell `telemetry` about each answer."""
        self._service = service
        self._telemetry = telemetry
        self._limits = limits or Limits()
        self._reception = Reception(self._limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        started = perf_counter()
        closing = self._service.draining
        try:
            body = await self._reception.body(scope, receive)
            late = waited_too_long(scope, self._limits.waiting)
            found = refusal(503, late) if late else self._answered(scope, body)
        except RequestRefused as error:
            # What is left of the body is not read: the connection cannot be used again.
            found, closing = refusal(error.status, str(error)), True
        await _send(send, found, closing=closing)
        self._telemetry.record(found, perf_counter() - started)

    def _answered(self, scope: Scope, body: bytes) -> Answer:
        return self._checked(scope, body) or answer(body, scope["path"], self._service.state)

    @staticmethod
    def _checked(scope: Scope, body: bytes) -> Answer | None:
        if scope["method"] != "POST":
            return refusal(405, f"the method {scope['method']} is not allowed here: expected POST")
        if not body:
            return refusal(400, "no body found: expected an AdmissionReview")
        if header(scope, b"content-type") != _JSON:
            return refusal(415, "invalid Content-Type, want `application/json`")
        return None


async def _send(send: Send, found: Answer, *, closing: bool) -> None:
    headers = [
        (b"content-type", _JSON if found.admission else _TEXT),
        (b"content-length", b"%d" % len(found.body)),
    ]
    if found.status == 405:  # noqa: PLR2004 -- RFC 9110, section 15.5.6
        headers.append((b"allow", b"POST"))
    if found.status == 503:  # noqa: PLR2004 -- RFC 9110, section 10.2.3; API servers try again then
        headers.append((b"retry-after", b"1"))
    if closing:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})
