"""Several worker processes on one port: started, replaced when they die or hang, stopped together."""

import asyncio
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from select import select
from struct import Struct
from types import FrameType
from typing import Any
from zlib import crc32

from injector.server.shared_metrics import SharedMetrics, Values, added, counted, values_of
from injector.server.telemetry import Telemetry

# What workers leave to those that come after them: some bytes, in memory that no disk holds and no worker owns.

_LENGTH_AND_SUM = Struct("<QQ")


class LastGood:
    """The last good inputs of any worker. Made before workers are forked; the last of them to write counts."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._descriptor = os.memfd_create("last-good", os.MFD_CLOEXEC)

    def keep(self, content: bytes) -> None:
        """Hold `content` in place of what was held. A worker that dies meanwhile leaves nothing that can be read."""
        with self._alone(fcntl.LOCK_EX):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, _LENGTH_AND_SUM.size)
            os.pwrite(self._descriptor, _LENGTH_AND_SUM.pack(len(content), crc32(content)), 0)

    def content(self) -> bytes | None:
        """What is held; None where that is nothing, or only a part of something."""
        with self._alone(fcntl.LOCK_SH):
            head = os.pread(self._descriptor, _LENGTH_AND_SUM.size, 0)
            if len(head) < _LENGTH_AND_SUM.size:
                return None
            length, expected = _LENGTH_AND_SUM.unpack(head)
            found = os.pread(self._descriptor, length, _LENGTH_AND_SUM.size)
        return found if len(found) == length and crc32(found) == expected else None

    @contextmanager
    def _alone(self, kind: int) -> Iterator[None]:
        """Locks of this kind are a process's own, and end with it."""
        fcntl.lockf(self._descriptor, kind)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


# One of several worker processes: a whole server on a socket that all of them share.

_PUBLISH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Worker:
    """The place `index` of a worker, with what it shares: the listening socket and the metrics.

    `earlier` is what was published from this place before it, `last_good` what any worker served from last. `pipes`:
    one that ends when the parent does, and one on which a byte tells the parent that this worker serves.
    """

    index: int
    bound: socket.socket
    metrics: SharedMetrics
    earlier: Values
    last_good: LastGood
    pipes: tuple[int, int]

    async def share(self, telemetry: Telemetry, listening: asyncio.Event) -> None:
        """What goes on beside serving: show metrics to the others and theirs as well, and end with the parent."""
        telemetry.collected = lambda: added([self._published(telemetry), *self.metrics.others(self.index)])
        asyncio.get_running_loop().add_reader(self.pipes[0], self._end)
        # At once, before there is anything to wait for: a worker that serves has shown that it lives.
        self._published(telemetry)
        await asyncio.gather(self._tell(listening), self._publish(telemetry))

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self.pipes[0])
        os.kill(os.getpid(), signal.SIGTERM)

    async def _tell(self, listening: asyncio.Event) -> None:
        await listening.wait()
        # Only of the first worker does the parent want to know.
        with suppress(BrokenPipeError):
            os.write(self.pipes[1], b"1")

    async def _publish(self, telemetry: Telemetry) -> None:
        while True:
            await asyncio.sleep(_PUBLISH_SECONDS)
            self._published(telemetry)

    def _published(self, telemetry: Telemetry) -> Values:
        # What somebody was shown stays when this worker dies the next moment: a counter never goes back.
        own = added([values_of(telemetry.registry), counted(self.earlier)])
        self.metrics.publish(self.index, own)
        return own


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOK_SECONDS = 0.1
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 10.0
_STEADY_SECONDS = 30.0
_START_SECONDS = 120.0


@dataclass(slots=True)
class _Place:
    """A place for a worker: who is in it since when, and when the next one may come (seconds, monotonic)."""

    index: int
    pid: int = 0
    since: float = 0.0
    due: float = 0.0
    delay: float = _FIRST_DELAY


class Supervisor:
    """Keeps as many workers running as it has places.

    Workers are forked before anything is loaded: this process has no threads, no loop and no connections, only the
    socket. All share that one: what waits in it is lost with no worker, as it would be if each had a socket of its own.
    `hang`: seconds after which a worker that no longer shows that it lives is killed. By then API servers have given up
    what it had in hand. `parent`: the process with which this one ends, if it was forked to help another.
    """

    def __init__(
        self, bound: socket.socket, workers: int, log: Any, hang: float = 10.0, parent: int | None = None
    ) -> None:
        """Serve on `bound`; what happens goes to `log`."""
        self._bound, self._log, self._hang = bound, log, hang
        self._metrics = SharedMetrics(workers)
        self._last_good = LastGood()
        self._places = [_Place(index) for index in range(workers)]
        self._parent_lives, self._held = os.pipe()
        self._stopping = False
        self._parent = parent

    def forked(self) -> Worker:
        """Fork workers, and return in each of them; in this process it ends with the program, when all have stopped.

        The exit status is 0, or that of the first worker where it does not come to serve: the others would not either.
        """
        for each in _SIGNALS:
            signal.signal(each, self._stop)
        first, *others = self._places
        worker, ready = self._start(first)
        if worker:
            return worker
        if not select([ready], (), (), _START_SECONDS)[0]:
            self._log.error("worker hangs", worker=first.index, pid=first.pid)
            os.kill(first.pid, signal.SIGKILL)
        if not os.read(ready, 1):
            sys.exit(0 if self._stopping else os.waitstatus_to_exitcode(os.waitpid(first.pid, 0)[1]))
        os.close(ready)
        while not self._stopping or any(place.pid for place in self._places):
            for place in (first, *others):
                if self._wants(place):
                    worker, ready = self._start(place)
                    if worker:
                        return worker
                    os.close(ready)
            time.sleep(_LOOK_SECONDS)
            if self._parent not in (None, os.getppid()) and not self._stopping:
                self._stop(signal.SIGTERM, None)
        sys.exit(0)

    def _wants(self, place: _Place) -> bool:
        """Whether a worker is to be started in `place` now; takes note of one that is gone, ends one that hangs."""
        now = time.monotonic()
        if place.pid:
            gone, status = os.waitpid(place.pid, os.WNOHANG)
            if gone:
                self._left(place, os.waitstatus_to_exitcode(status), now)
            elif self._hangs(place, now):
                self._log.error("worker hangs", worker=place.index, pid=place.pid)
                os.kill(place.pid, signal.SIGKILL)
        return not (place.pid or self._stopping) and now >= place.due

    def _hangs(self, place: _Place, now: float) -> bool:
        lived, silent = now - place.since, self._metrics.silent_for(place.index)
        # One that starts may have to wait for its certificate.
        return lived > _START_SECONDS if silent > lived else silent > self._hang

    def _left(self, place: _Place, status: int, now: float) -> None:
        if not self._stopping:
            self._log.error("worker died", worker=place.index, pid=place.pid, status=status)
        place.pid = 0
        if now - place.since > _STEADY_SECONDS:
            place.delay = _FIRST_DELAY
        place.due, place.delay = now + place.delay, min(place.delay * 2, _LONGEST_DELAY)

    def _start(self, place: _Place) -> tuple[Worker | None, int]:
        """Fork into `place`: gives the worker in the new process, here the pipe on which that says that it serves."""
        ready, tell = os.pipe()
        earlier = self._metrics.published(place.index)
        # A signal that comes in between has to meet either this process's handler or the worker's own.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        place.pid, place.since = os.fork(), time.monotonic()
        if place.pid == 0:
            self._become_worker(ready)
            pipes = (self._parent_lives, tell)
            return Worker(place.index, self._bound, self._metrics, earlier, self._last_good, pipes), -1
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.close(tell)
        self._log.info("worker started", worker=place.index, pid=place.pid)
        return None, ready

    def _become_worker(self, ready: int) -> None:
        """Let go of what is the parent's, and of the terminal, whose signals the parent passes on."""
        os.setpgrp()
        os.close(self._held)
        os.close(ready)
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        """Pass the signal on. Nobody is replaced from now on, and the socket is the workers' alone."""
        self._stopping = True
        self._bound.close()
        for place in self._places:
            if place.pid:
                with suppress(ProcessLookupError):
                    os.kill(place.pid, number)
