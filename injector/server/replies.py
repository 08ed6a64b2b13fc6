"""Replies to requests that have arrived as a whole, made without the messages of ASGI."""

from asyncio import get_running_loop
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, Protocol, runtime_checkable

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE


class Reply(NamedTuple):
    """A whole reply. `closing`: it ends the connection. `sent` is called once it is written."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    closing: bool
    sent: Callable[[], None]

    def message(self, headers: Iterable[tuple[bytes, bytes]], *, closing: bool) -> bytes:
        """The reply as a message of HTTP/1.1, with further `headers`; `closing`: as the last one of its connection."""
        pieces = [STATUS_LINE[self.status]]
        for name, value in chain(headers, self.headers):
            pieces += (name, b": ", value, b"\r\n")
        pieces += (b"connection: close\r\n\r\n" if closing else b"\r\n", self.body)
        return b"".join(pieces)


@runtime_checkable
class Prompt(Protocol):
    """An application that also answers at once: tasks and messages of ASGI take longer than a review from memory."""

    def at_once(self, scope: Scope, body: bytes) -> Reply | None:
        """The reply to a request with this `body`; None where it is to be called as an ASGI application."""


class Turns:
    """Requests that wait for their answer, all of which are answered in the next round of the event loop.

    Each is answered in steps. All take the first step, then all the second: what runs several times in a row takes far
    less time than where the code in between evicts it from the processor's caches. Nobody waits any longer for it, as
    what is written leaves at the end of a round.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: list[Iterator[None]] = []

    def add(self, answering: Iterator[None]) -> None:
        """Take the steps of `answering` beside those of the others that wait."""
        if not self._waiting:
            get_running_loop().call_soon(self._take)
        self._waiting.append(answering)

    def _take(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            waiting = [answering for answering in waiting if _goes_on(answering)]


def _goes_on(answering: Iterator[None]) -> bool:
    """Take the next step; false after the last one. One that fails does so without the others."""
    try:
        next(answering)
    except StopIteration:
        return False
    except Exception as error:  # noqa: BLE001 -- reported as that of any other callback
        get_running_loop().call_exception_handler({"message": "a request was not answered", "exception": error})
        return False
    return True
