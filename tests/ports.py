"""Ports for servers that a test starts as programs of their own, so that it has to know the port before they do."""

import itertools
import os
import socket
from contextlib import suppress

# Below those that the kernel gives to outgoing connections: between the choice and the server's start nobody takes one.
_FIRST, _MANY = 16_000, 14_000
# Processes of the tests begin at different places.
_numbers = itertools.count(os.getpid() * 101)


def free_port() -> int:
    """A port that nobody listens on, and that this process has not been given before."""
    for number in _numbers:
        port = _FIRST + number % _MANY
        with suppress(OSError), socket.socket() as bound:
            bound.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is always a next one")


def is_listened_on(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
