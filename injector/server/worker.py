"""One of several worker processes: a whole server on a socket that all of them share."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass

from injector.server.last_good import LastGood
from injector.server.shared_metrics import SharedMetrics, Values, added, counted, values_of
from injector.server.telemetry import Telemetry

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
        telemetry.collected = lambda: added([self._own(telemetry), *self.metrics.others(self.index)])
        asyncio.get_running_loop().add_reader(self.pipes[0], self._end)
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
            self.metrics.publish(self.index, self._own(telemetry))
            await asyncio.sleep(_PUBLISH_SECONDS)

    def _own(self, telemetry: Telemetry) -> Values:
        return added([values_of(telemetry.registry), counted(self.earlier)])
