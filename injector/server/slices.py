"""Long work in a thread beside the event loop, in slices, so that the loop never waits for more than one of them.

A thread that computes lets the loop run only every few milliseconds, each time the loop asks for it, and a request asks
several times. So after each slice the thread waits until the loop has taken care of what had come in.
https://docs.python.org/3/library/sys.html#sys.setswitchinterval
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from time import monotonic
from typing import TypeVar

_SLICE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 5.0
_CHUNK_BYTES = 65_536

Result = TypeVar("Result")


class OutOfTimeError(Exception):
    """The work took longer than it may; the message says how long that is."""


class Slices:
    """Time for work in a thread: `seconds` altogether from now on, beside the event loop `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Start the clock."""
        self._loop, self._seconds = loop, seconds
        self._until = monotonic() + seconds

    def of(self, work: Iterable[Result]) -> Iterator[Result]:
        """The results of `work`, with a pause after each slice. Raises OutOfTimeError; call it in the thread."""
        ends = monotonic() + _SLICE_SECONDS
        for result in work:
            yield result
            now = monotonic()
            if now > self._until:
                raise OutOfTimeError(f"this takes longer than {self._seconds:g} s: send less at once")
            if now > ends:
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(_LONGEST_PAUSE_SECONDS)
                ends = monotonic() + _SLICE_SECONDS


async def array_of(items: list[bytes]) -> AsyncIterator[bytes]:
    """The JSON array of `items`, themselves JSON, in chunks, with a turn for others between them."""
    held, size = [b"["], 1
    for place, item in enumerate(items):
        held += [b"," if place else b"", item]
        size += len(item)
        if size > _CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
            await asyncio.sleep(0)
    yield b"".join((*held, b"]"))
