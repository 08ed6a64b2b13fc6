"""Measuring beside a floor: both in turn, so that a busy machine is as busy for one as for the other."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeAlias

Work: TypeAlias = Callable[[bytes], object]
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for one body: of the work, and of the floor for the same body."""

    microseconds: float
    floor: float

    @property
    def times_floor(self) -> float:
        """The ratio of the two, which says more than either on a machine that others use too."""
        return self.microseconds / self.floor


def paired(fresh_work: Callable[[], Work], floor: Work, bodies: Sequence[bytes], rounds: int = ROUNDS) -> Cost:
    """What one of `bodies` costs: the lowest of the medians of `rounds`.

    Each round has work of its own, so that what one round remembers does not help the next.
    """
    of_work, of_floor = [], []
    for _ in range(rounds):
        work = fresh_work()
        of_work.append(_median(work, bodies))
        of_floor.append(_median(floor, bodies))
    return Cost(min(of_work) * 1e6, min(of_floor) * 1e6)


def _median(work: Work, bodies: Sequence[bytes]) -> float:
    times = []
    gc.collect()
    for body in bodies:
        started = perf_counter()
        work(body)
        times.append(perf_counter() - started)
    return median(times)
