"""Several worker processes on one port: started, replaced when they die or hang, stopped together."""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from injector.server.last_good import LastGood
from injector.server.shared_metrics import SharedMetrics
from injector.server.worker import Worker

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOOK_SECONDS = 0.1
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 10.0
_STEADY_SECONDS = 30.0


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
    `hang`: seconds after which a worker that does not show that it lives is killed.
    """

    def __init__(self, bound: socket.socket, workers: int, log: Any, hang: float = 30.0) -> None:
        """Serve on `bound`; what happens goes to `log`."""
        self._bound, self._log, self._hang = bound, log, hang
        self._metrics = SharedMetrics(workers)
        self._last_good = LastGood()
        self._places = [_Place(index) for index in range(workers)]
        self._parent_lives, self._held = os.pipe()
        self._stopping = False

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
        sys.exit(0)

    def _wants(self, place: _Place) -> bool:
        """Whether a worker is to be started in `place` now; takes note of one that is gone, ends one that hangs."""
        now = time.monotonic()
        if place.pid:
            gone, status = os.waitpid(place.pid, os.WNOHANG)
            if gone:
                self._left(place, os.waitstatus_to_exitcode(status), now)
            elif now - place.since > self._hang and self._metrics.silent_for(place.index) > self._hang:
                self._log.error("worker hangs", worker=place.index, pid=place.pid)
                os.kill(place.pid, signal.SIGKILL)
        return not (place.pid or self._stopping) and now >= place.due

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
