"""What many pods do to a process: memory that stays bounded, pauses of the garbage collector that stay short."""

import gc
import resource
from pathlib import Path
from time import perf_counter
from typing import Any

from injector.core.setup import Setup
from injector.server.handler import answer
from injector.server.state import State
from tests.bench.subjects import SMALL, SNAPSHOT, review

_PODS = 100_000
_WARM = 10_000


def measure(setup: Setup, pods: int = _PODS) -> dict[str, Any]:
    """Memory and pauses over `pods` reviews of pods that nobody saw before."""
    state, pauses = State(setup, SNAPSHOT), Pauses()
    gc.callbacks.append(pauses)
    try:
        warm = 0
        for number in range(pods):
            answer(review(SMALL.make(number), number), "/inject", state)
            if number == min(_WARM, pods // 2):
                warm = resident()
    finally:
        gc.callbacks.remove(pauses)
    return {
        f"memory after {min(_WARM, pods // 2):,} different pods": _megabytes(warm),
        f"memory after {pods:,} different pods": _megabytes(resident()),
        "most memory at any time": _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024),
        "longest pause for garbage collection": f"{pauses.longest * 1000:.1f} ms",
    }


class Pauses:
    """Takes the time of each garbage collection; stands in `gc.callbacks`."""

    def __init__(self) -> None:
        """Start without any."""
        self.longest = 0.0
        self._started = 0.0

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        """Note when one starts, and how long it took when it stops."""
        if phase == "start":
            self._started = perf_counter()
        else:
            self.longest = max(self.longest, perf_counter() - self._started)


def resident(process: int | str = "self") -> int:
    """Bytes of memory that the process with this id holds."""
    fields = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * resource.getpagesize()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
