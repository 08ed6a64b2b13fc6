"""What a worker leaves is there for the next one, whole or not at all, and it shows at once that it lives."""

import asyncio
import io
import os
import signal
import socket
import time

from injector.server.shared_metrics import SharedMetrics
from injector.server.telemetry import Telemetry
from injector.server.workers import LastGood, Worker


def in_another_process(left: LastGood, content: bytes) -> None:
    """A worker that keeps `content` and is killed."""
    child = os.fork()
    if child == 0:
        left.keep(content)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_at_first_there_is_nothing() -> None:
    assert LastGood().content() is None


def test_what_a_process_that_was_killed_left_is_there() -> None:
    left = LastGood()
    for content in (b"first", b"x" * 1_000_000, b"", b"last"):
        in_another_process(left, content)
        assert left.content() == content


def test_half_of_something_is_nothing() -> None:
    left = LastGood()
    left.keep(b"whole")
    os.ftruncate(left._descriptor, 18)  # noqa: SLF001 -- as a worker leaves it that is killed while it writes
    assert left.content() is None
    left.keep(b"whole")
    os.pwrite(left._descriptor, b"W", 16)  # noqa: SLF001 -- the same
    assert left.content() is None


def test_a_worker_has_shown_that_it_lives_before_it_can_serve() -> None:
    """Else one that hangs from then on would be waited for as long as one that never came to serve."""
    metrics, started = SharedMetrics(1), time.monotonic()

    async def begin(worker: Worker) -> float:
        share = asyncio.create_task(worker.share(Telemetry(io.BytesIO()), asyncio.Event()))
        await asyncio.sleep(0)
        share.cancel()
        return metrics.silent_for(0)

    with socket.socket() as bound:
        worker = Worker(0, bound, metrics, {}, LastGood(), os.pipe())
        assert asyncio.run(begin(worker)) <= time.monotonic() - started
