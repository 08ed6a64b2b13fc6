"""Work in a process of its own, with a budget of time and memory: whatever it meets, the webhook beside it goes on.

The process is a copy of this one, so that it has the state in force without being sent it. It computes, writes its
result into a pipe and ends; it touches neither the event loop nor a connection.
"""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from select import select
from struct import Struct
from time import monotonic
from typing import NoReturn

_HEAD = Struct("<HI")
_CHUNK = 1 << 20
_DONE = 200
# The webhook goes first.
_NICE = 10


class OutOfBudgetError(Exception):
    """The work took more time or memory than it may; the message says how much that is."""


class FailedError(Exception):
    """The work raised an error that is an answer: `status` as in HTTP, the message one line."""

    def __init__(self, status: int, message: str) -> None:
        """Hold both."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds, and bytes of memory beyond what this process has."""

    seconds: float = 5.0
    memory: int = 268_435_456


def in_own_process(
    work: Callable[[], list[bytes]], refusal: Callable[[Exception], FailedError], budget: Budget
) -> list[bytes]:
    """What `work` gives, worked out in a process of its own; `refusal` says what its errors are for the caller.

    Raises FailedError, and OutOfBudgetError where the process did not come to an end in time or for want of memory.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _work(work, refusal, budget, writing)
    os.close(writing)
    try:
        content = _read(reading, monotonic() + budget.seconds)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    status, parts = _unpacked(content)
    if status != _DONE:
        raise FailedError(status, b"".join(parts).decode())
    return parts


def _work(
    work: Callable[[], list[bytes]], refusal: Callable[[Exception], FailedError], budget: Budget, writing: int
) -> NoReturn:
    """Do the work, tell the result, and end without anything that ends a whole server."""
    try:
        os.nice(_NICE)
        # Whatever becomes of the server, this process does not stay.
        seconds = int(budget.seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        most = _virtual_memory() + budget.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        try:
            status, parts = _DONE, work()
        except MemoryError:
            os._exit(1)
        except Exception as error:  # noqa: BLE001 -- every error is an answer
            failed = refusal(error)
            status, parts = failed.status, [str(failed).encode()]
        with os.fdopen(writing, "wb") as pipe:
            for part in parts:
                pipe.write(_HEAD.pack(status, len(part)) + part)
            pipe.write(_HEAD.pack(status, 0))
    finally:
        os._exit(0)


def _virtual_memory() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _read(reading: int, until: float) -> bytes:
    pieces: list[bytes] = []
    while select([reading], (), (), max(0, until - monotonic()))[0]:
        piece = os.read(reading, _CHUNK)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
    raise OutOfBudgetError("it takes too long")


def _unpacked(content: bytes) -> tuple[int, list[bytes]]:
    parts, status = list(_parts(content)), 0
    if content:
        status = _HEAD.unpack_from(content)[0]
    # The last part, which is empty, says that nothing is missing.
    if not parts or parts.pop():
        raise OutOfBudgetError("it takes too much memory")
    return status, parts


def _parts(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + _HEAD.size <= len(content):
        _, length = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        yield content[at : at + length]
        at += length
