"""The application: the webhook on its own short way, everything else through FastAPI."""

import re
from functools import partial
from importlib.metadata import version
from time import perf_counter
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from injector.core.errors import quoted
from injector.server.handler import Answer, answer, refusal
from injector.server.limits import Limits
from injector.server.page import page_routes
from injector.server.preview_api import preview_route
from injector.server.replies import Reply
from injector.server.request_body import (
    Reception,
    RequestRefused,
    client_refusal,
    header,
    refuse_client,
    waited_too_long,
)
from injector.server.state import Service
from injector.server.telemetry import Telemetry

# The webhook itself: bytes in, bytes out, every request bounded in size and time.

_JSON = b"application/json"
_VERSIONS = frozenset(("1.1", "1.0"))
CLUSTER_UNKNOWN = "ClusterUnknown"
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
        """Answer one HTTP request, whose body may still be on its way."""
        started = perf_counter()
        try:
            refuse_client(scope)
            body = await self._reception.body(scope, receive)
        except RequestRefused as error:
            # What is left of the body is not read: the connection is not used again.
            found, closing = _refused(error), True
        else:
            found, closing = self._answered(scope, body)
        await _send(send, found, closing=closing)
        self._telemetry.record(found, perf_counter() - started)

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The reply to a request whose body is there; None where a bound would have stopped that body."""
        started = perf_counter()
        if len(body) > self._limits.body or client_refusal(scope):
            return None
        found, closing = self._answered(scope, body)
        return Reply(found.status, _headers(found), found.body, closing, partial(self._record, found, started))

    def _record(self, found: Answer, started: float) -> None:
        self._telemetry.record(found, perf_counter() - started)

    def _answered(self, scope: Scope, body: bytes) -> tuple[Answer, bool]:
        """The answer, and whether it closes the connection: so that its client goes to another replica."""
        closing = self._service.draining
        try:
            self._refuse_unready()
            late = waited_too_long(scope, self._limits.waiting)
            found = refusal(503, late) if late else self._checked(scope, body)
        except RequestRefused as error:
            return _refused(error), True
        return found or answer(body, scope["path"], self._service.state), closing

    def _refuse_unready(self) -> None:
        """Raise RequestRefused while the server cannot decide: another replica may, and API servers try again."""
        if self._service.waiting:
            raise RequestRefused(503, self._service.waiting, CLUSTER_UNKNOWN)

    @staticmethod
    def _checked(scope: Scope, body: bytes) -> Answer | None:
        if scope["method"] != "POST":
            return refusal(405, f"the method {scope['method']} is not allowed here: expected POST")
        if not body:
            return refusal(400, "no body found: expected an AdmissionReview")
        if header(scope, b"content-type") != _JSON:
            return refusal(415, "invalid Content-Type, want `application/json`")
        return None


# What names a host, with a port or without: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")


def _fault_of_head(scope: Scope) -> str:
    """Why a head is not one of HTTP/1.1 or 1.0; empty where it is.

    A request says once to whom it is sent: https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    """
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if scope["http_version"] not in _VERSIONS:
        return f"HTTP/{scope['http_version']} is not spoken here: expected HTTP/1.1"
    if len(hosts) != 1 and (hosts or scope["http_version"] != "1.0"):
        return "expected one Host header"
    if hosts and not _HOST.fullmatch(hosts[0]):
        return f"Host {quoted(hosts[0].decode('latin-1'))} names no host"
    return ""


def _refused(error: RequestRefused) -> Answer:
    return refusal(error.status, str(error), error.reason)


def _headers(found: Answer) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", _JSON if found.admission else _TEXT),
        (b"content-length", b"%d" % len(found.body)),
    ]
    if found.status == 405:  # noqa: PLR2004 -- RFC 9110, section 15.5.6
        headers.append((b"allow", b"POST"))
    if found.status == 503:  # noqa: PLR2004 -- RFC 9110, section 10.2.3; API servers try again then
        headers.append((b"retry-after", b"1"))
    return headers


async def _send(send: Send, found: Answer, *, closing: bool) -> None:
    headers = _headers(found)
    if closing:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})


_PATH = "/inject"
_EXPOSITION_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_REVIEW: dict[str, Any] = {
    "description": "an AdmissionReview of admission.k8s.io/v1",
    "content": {"application/json": {"schema": {"type": "object", "required": ["apiVersion", "kind"]}}},
}
_REFUSALS = {
    "400": "no AdmissionReview in the body",
    "401": "no client certificate, where --client-ca asks for one",
    "403": "a client certificate under another name than --client-name",
    "405": "a method other than POST",
    "408": "the body did not arrive in time",
    "413": "the body is over the limit",
    "415": "a Content-Type other than application/json",
    "503": "overloaded, or the cluster is not known yet; try again after Retry-After",
}


class Application:
    """The whole ASGI application: the webhook, and `pages` for everything else."""

    __slots__ = ("_pages", "_webhook")

    def __init__(self, webhook: Webhook, pages: ASGIApp) -> None:
        """Send each request to one of the two, by its path."""
        self._webhook, self._pages = webhook, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (fault := _fault_of_head(scope)):
            await _send(send, refusal(400, fault), closing=True)
        elif _is_for_webhook(scope):
            await self._webhook(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The reply of the webhook to a request of which all is there (see `Prompt`); None for every other one."""
        if not (_is_for_webhook(scope) and scope["method"] == "POST" and not _fault_of_head(scope)):
            return None
        return self._webhook.at_once(scope, body)


def _is_for_webhook(scope: Scope) -> bool:
    path: str = scope.get("path", "")
    return scope["type"] == "http" and (path == _PATH or path.startswith(f"{_PATH}/"))


def create_app(
    service: Service, telemetry: Telemetry, limits: Limits | None = None, *, with_preview: bool = True
) -> Application:
    """The whole ASGI application, answering from the state of `service`; `with_preview`: the preview and its page."""
    telemetry.caches = lambda: service.caches
    pages = create_pages(service, telemetry)
    if with_preview:
        pages.include_router(preview_route(service, is_apart=True))
        pages.include_router(page_routes())
    return Application(Webhook(service, telemetry, limits), pages)


def create_pages(service: Service, telemetry: Telemetry) -> FastAPI:
    """What is served beside the webhook: health, readiness, version, metrics and the description of them all."""
    pages = FastAPI(
        title="sidecar-injector", version=version("sidecar-injector"), docs_url=None, redoc_url=None, openapi_url=None
    )

    @pages.get("/healthz", response_class=PlainTextResponse)
    async def healthz() -> str:
        """Whether the process lives."""
        return "ok\n"

    @pages.get("/readyz")
    async def readyz() -> Response:
        """Whether requests should be sent here, with what an operator should know; 503 while draining or waiting."""
        found = readiness(service)
        return JSONResponse(found, status_code=200 if found["ready"] else 503)

    @pages.get("/version")
    async def version_of_server() -> dict[str, str]:
        """Which version serves, for which revision, under which configuration (a digest, as in every record)."""
        setup = service.state.setup
        return {
            "version": pages.version,
            "revision": setup.config.revision or "default",
            "configuration": setup.digest,
        }

    @pages.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        return Response(telemetry.exposition(), media_type=_EXPOSITION_FORMAT)

    @pages.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        """What this server answers."""
        described = pages.openapi()
        return JSONResponse({**described, "paths": {_PATH: {"post": _webhook_description()}, **described["paths"]}})

    return pages


def readiness(service: Service) -> dict[str, Any]:
    """What GET /readyz says, as JSON; docs/availability.md explains every field."""
    state = service.state
    return {
        "ready": not (service.draining or service.waiting),
        "draining": service.draining,
        "waiting": service.waiting,
        "configuration": "current" if not state.fault else "last good one",
        "fault": state.fault,
        "namespaces": len(state.snapshot.namespaces),
        **{name: detail() for name, detail in service.details.items()},
    }


def _webhook_description() -> dict[str, Any]:
    return {
        "summary": "Answer an AdmissionReview",
        "requestBody": {**_REVIEW, "required": True},
        "responses": {"200": _REVIEW, **{status: {"description": text} for status, text in _REFUSALS.items()}},
    }
