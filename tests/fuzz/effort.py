"""How much is tried: FUZZ_EXAMPLES is the number of examples of each property that is quick."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from hypothesis import HealthCheck, settings

_PATIENCE_SECONDS = 60

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))


def _tried(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


fuzzed = _tried(EXAMPLES)
# A tenth as often, for what takes ten times as long and more.
fuzzed_less = _tried(max(1, EXAMPLES // 10))


@contextmanager
def no_end_in_sight() -> Iterator[None]:
    """Fails where the block, the work of milliseconds, is not done after a minute: it would go on for ever."""

    def fail(_number: int, _frame: FrameType | None) -> NoReturn:
        raise AssertionError("there is no end in sight")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
