"""The preview apart from the webhook: a listener of its own, and a door in front of it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Protocol

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from injector.server.page import page_routes
from injector.server.preview_api import preview_route
from injector.server.preview_items import Configure
from injector.server.request_body import header
from injector.server.run import DrainingServer
from injector.server.state import Service

_ALLOWED, _UNAUTHORIZED = 200, 401
_SCHEME = b"bearer "


class Verdict(Protocol):
    """Whether a request may go on: the status 200, else that of the refusal which the message explains."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def message(self) -> str:
        """One line for the caller."""


Door = Callable[[str], Verdict]
"""From a bearer token, empty where there is none, to the verdict. Called in a thread; it may ask others."""


def create_preview_app(service: Service, door: Door | None, configure: Configure | None = None) -> ASGIApp:
    """The preview and its page, answering from the state of `service`; without a `door` whoever reaches it may ask.

    With `configure` configurations can be tried, which only a process of its own should do.
    """
    pages = FastAPI(
        title="sidecar-injector preview", version=version("sidecar-injector"), docs_url=None, redoc_url=None
    )
    pages.include_router(
        preview_route(service, configure=configure, any_host=door is not None, is_apart=configure is None)
    )
    pages.include_router(page_routes(is_configurable=configure is not None))
    return pages if door is None else _behind(door, pages)


def _behind(door: Door, application: ASGIApp) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        verdict = await asyncio.to_thread(door, _token(scope))
        if verdict.status == _ALLOWED:
            await application(scope, receive, send)
            return
        # RFC 9110, section 15.5.2; what is left of the body is not read.
        headers = {"Connection": "close", **({"WWW-Authenticate": "Bearer"} if verdict.status == _UNAUTHORIZED else {})}
        await PlainTextResponse(f"{verdict.message}\n", verdict.status, headers)(scope, receive, send)

    return guarded


def _token(scope: Scope) -> str:
    value = header(scope, b"authorization")
    if value[: len(_SCHEME)].lower() != _SCHEME:
        return ""
    return value[len(_SCHEME) :].strip().decode("latin-1")


class PreviewServer(DrainingServer):
    """The only server of its process."""

    announcement = "serving preview"


class SecondServer(DrainingServer):
    """A server beside another one in the same loop, which alone hears signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the first server."""
        yield
