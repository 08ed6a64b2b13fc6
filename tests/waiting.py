"""Waiting for what happens elsewhere: in another thread, in another process."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Return as soon as `condition` holds; fails after `seconds`, which are many: machines may be slow."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
