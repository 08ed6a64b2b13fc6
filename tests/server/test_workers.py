"""What a worker leaves is there for the next one, whole or not at all."""

import os
import signal

from injector.server.workers import LastGood


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
