"""Work in a process of its own, with a budget of time and memory: whatever it meets, the webhook beside it goes on.

The process is a copy of this one, so that it has the state in force without being sent it. It computes and answers
through a socket; it touches neither the event loop nor a connection. It stays for the next piece of work, so that what
it remembers makes that cheaper.
"""

import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from select import select
from struct import Struct, calcsize, pack, unpack
from time import monotonic
from typing import NoReturn, TypeAlias

# Before what is asked: its size. Before what is answered: the status, the number of parts, the size of all; then the
# size of each part.
_ASKED, _ANSWERED = Struct("<I"), Struct("<HII")
_SIZE = "I"
_CHUNK = 1 << 20
_DONE = 200
# The webhook goes first.
_NICE = 10
_IDLE_SECONDS = 60.0

Work: TypeAlias = Callable[[bytes], list[bytes]]


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
    """Seconds for one piece of work, and bytes of memory beyond what this process has."""

    seconds: float = 5.0
    memory: int = 268_435_456


class OwnProcess:
    """A process that does `work` for this one, one piece after the other; `refusal` makes answers of its errors.

    It is forked when it is first asked, and again after it has ended: for want of time or memory, or since nobody asked
    for `idle` seconds. Ask it from one thread.
    """

    def __init__(
        self, work: Work, refusal: Callable[[Exception], FailedError], budget: Budget, idle: float = _IDLE_SECONDS
    ) -> None:
        """Fork nothing yet."""
        self._work, self._refusal, self._budget, self._idle = work, refusal, budget, idle
        self._process: int | None = None
        self._socket: socket.socket | None = None

    def ask(self, asked: bytes) -> list[bytes]:
        """What the work gives for `asked`.

        Raises FailedError, and OutOfBudgetError where the process did not come to an end in time or for want of memory.
        """
        if self._socket:
            # It may have ended since, and memory that earlier work has left behind is not what this work takes.
            with suppress(ConnectionError):
                return self._answer(self._socket, asked)
        try:
            return self._answer(self._fork(), asked)
        except ConnectionError:
            raise OutOfBudgetError("it takes too much memory") from None

    def end(self) -> None:
        """End the process, if there is one."""
        if self._socket:
            self._socket.close()
        if self._process:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        self._process = self._socket = None

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        process = os.fork()
        if process == 0:
            self._serve(theirs)
        theirs.close()
        self._process, self._socket = process, ours
        return ours

    def _answer(self, process: socket.socket, asked: bytes) -> list[bytes]:
        try:
            status, parts = _exchanged(process, asked, monotonic() + self._budget.seconds)
        except TimeoutError:
            self.end()
            raise OutOfBudgetError("it takes too long") from None
        except ConnectionError:
            self.end()
            raise
        if status != _DONE:
            raise FailedError(status, b"".join(parts).decode())
        return parts

    def _serve(self, server: socket.socket) -> NoReturn:
        """Work until nobody asks any more, and end without anything that ends a whole server."""
        try:
            # A copy of a connection would keep it open after the server has closed it.
            os.closerange(3, server.fileno())
            os.closerange(server.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
            os.nice(_NICE)
            usual = _virtual_memory()
            most = usual + self._budget.memory
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            # What is left in its memory must leave enough for the next piece of work.
            while _virtual_memory() - usual < self._budget.memory // 2 and select([server], (), (), self._idle)[0]:
                (length,) = _ASKED.unpack(_received(server, _ASKED.size))
                self._work_once(server, _received(server, length))
        finally:
            os._exit(0)

    def _work_once(self, server: socket.socket, asked: bytes) -> None:
        # Whatever becomes of the server, this process does not stay.
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime + self._budget.seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        try:
            status, parts = _DONE, self._work(asked)
        except MemoryError:
            os._exit(1)
        except Exception as error:  # noqa: BLE001 -- every error is an answer
            failed = self._refusal(error)
            status, parts = failed.status, [str(failed).encode()]
        content = b"".join(parts)
        sizes = pack(f"<{len(parts)}{_SIZE}", *map(len, parts))
        server.sendall(_ANSWERED.pack(status, len(parts), len(content)) + sizes + content)


def _exchanged(process: socket.socket, asked: bytes, until: float) -> tuple[int, list[bytes]]:
    """The status and the parts that `process` answers. Raises TimeoutError, and ConnectionError where it has ended."""
    process.settimeout(max(0.001, until - monotonic()))
    process.sendall(_ASKED.pack(len(asked)) + asked)
    status, count, size = _ANSWERED.unpack(_received(process, _ANSWERED.size, until))
    layout = f"<{count}{_SIZE}"
    sizes = unpack(layout, _received(process, calcsize(layout), until))
    content = memoryview(_received(process, size, until))
    ends = list(accumulate(sizes))
    return status, [bytes(content[end - length : end]) for length, end in zip(sizes, ends, strict=True)]


def _received(sender: socket.socket, size: int, until: float | None = None) -> bytes:
    content = bytearray()
    while len(content) < size:
        if until is not None:
            sender.settimeout(max(0.001, until - monotonic()))
        piece = sender.recv(min(size - len(content), _CHUNK))
        if not piece:
            raise ConnectionError("the other process has ended")
        content += piece
    return bytes(content)


def _virtual_memory() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()
