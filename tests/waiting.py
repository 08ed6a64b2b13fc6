"""Waiting for what happens elsewhere: in another thread, in another process."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return as soon as `condition` holds; fails after `seconds`, which are many: machines may be slow."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def wait_for(find: Callable[[], object], expected: object, seconds: float = 60) -> None:
    """Return as soon as what is found equals what is expected; fails after `seconds` with what was found last."""
    until = time.monotonic() + seconds
    while (found := find()) != expected and time.monotonic() < until:
        time.sleep(0.2)
    assert found == expected


def rest(connection: socket.socket) -> bytes:
    """All that still comes until the server closes."""
    pieces = []
    with suppress(ConnectionError, ssl.SSLError):
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)
