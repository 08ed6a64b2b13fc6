"""The worst case: of each size the dearest review that the search for dear reviews has found (`tests.fuzz.dear`)."""

from collections.abc import Iterator, Sequence
from functools import partial

from injector.core.setup import Setup
from injector.server.handler import answer
from injector.server.state import State
from tests.bench.clock import Work, paired
from tests.bench.in_process import Row, floor
from tests.bench.instructions import counted
from tests.bench.subjects import SNAPSHOT, review
from tests.fuzz.dear import KINDS

DEAREST = "dearest"
SIZES = (2_000, 8_000, 64_000, 500_000)
# Each kind is tried with so many of what there is so much of.
_NUMBERS = (10, 30, 60, 100, 180, 300, 1_000, 5_000)
_TIMES = 20


def measure(setup: Setup, sizes: Sequence[int] = SIZES) -> Iterator[Row]:
    """A row for each size."""
    for size, (kind, body) in dearest(setup, sizes).items():
        cost = paired(lambda: _forgetting(setup), floor, [body] * _TIMES)
        yield Row("dearest", f"{kind}, up to {size:,} B", DEAREST, len(body), cost)


def dearest(setup: Setup, sizes: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    """Of each of `sizes` the dearest review that is no larger: of which kind, and its body."""
    work, found = _forgetting(setup), dict[int, tuple[int, str, bytes]]()
    for kind, make in KINDS.items():
        for number in _NUMBERS:
            body = review(make(number), number)
            size = next((each for each in sizes if len(body) <= each), None)
            if size is None:
                break
            # Templates are compiled for the first pod that asks for them, whoever sends it.
            work(body)
            cost = counted(partial(work, body))
            if cost > found.get(size, (0,))[0]:
                found[size] = (cost, kind, body)
    return {size: (kind, body) for size, (_, kind, body) in sorted(found.items())}


def _forgetting(setup: Setup) -> Work:
    """The injector, which has seen templates and forgets each pod."""

    def work(body: bytes) -> object:
        return answer(body, "/inject", State(setup, SNAPSHOT))

    return work
