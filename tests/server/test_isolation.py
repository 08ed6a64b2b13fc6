"""Work in a process of its own has an end, whatever it does, and leaves nothing behind."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from injector.server.isolation import Budget, FailedError, OutOfBudgetError, in_own_process

DESCRIPTORS = Path("/proc/self/fd")
QUICK = Budget(seconds=0.3, memory=64 << 20)


def refusal(error: Exception) -> FailedError:
    return FailedError(418, f"{type(error).__name__}: {error}")


def test_the_parts_of_a_result_arrive_as_they_are() -> None:
    parts = [b"", b"a" * 3_000_000, b"\x00\n", b"end"]
    assert in_own_process(lambda: parts, refusal, Budget()) == parts
    assert in_own_process(list, refusal, Budget()) == []


def test_it_is_another_process_with_the_state_of_this_one() -> None:
    state = {"configuration": b"in force"}
    number, found = in_own_process(lambda: [b"%d" % os.getpid(), state["configuration"]], refusal, Budget())
    assert found == b"in force"
    assert int(number) != os.getpid()


def test_an_error_is_told_as_the_caller_has_it() -> None:
    with pytest.raises(FailedError, match="ZeroDivisionError") as failed:
        in_own_process(lambda: [b"%d" % (1 // 0)], refusal, Budget())
    assert failed.value.status == 418


def endless() -> list[bytes]:
    while True:
        pass


def greedy() -> list[bytes]:
    return [b"a" * (1 << 30)]


def grown() -> list[bytes]:
    held: list[list[int]] = []
    while True:
        held.append(list(range(100_000)))


@pytest.mark.parametrize(
    ("work", "message"), [(endless, "too long"), (greedy, "too much memory"), (grown, "too much memory|too long")]
)
def test_what_takes_too_much_is_given_up(work: object, message: str) -> None:
    with pytest.raises(OutOfBudgetError, match=message):
        in_own_process(work, refusal, QUICK)  # type: ignore[arg-type]  # one of three functions


def test_a_process_that_dies_is_no_result() -> None:
    with pytest.raises(OutOfBudgetError):
        in_own_process(lambda: os._exit(0), refusal, QUICK)


def test_no_process_and_no_descriptor_is_left() -> None:
    before = set(DESCRIPTORS.iterdir()), children()
    for work in (endless, greedy, list):
        with suppress(OutOfBudgetError):
            in_own_process(work, refusal, QUICK)
    assert (set(DESCRIPTORS.iterdir()), children()) == before


def children() -> set[str]:
    """The processes that this one has started and not waited for."""
    found = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(found.read_text(encoding="ascii").split())


def test_other_threads_do_not_stop_it() -> None:
    lock = threading.Lock()
    with lock:
        thread = threading.Thread(target=lock.acquire, daemon=True)
        thread.start()
        assert in_own_process(lambda: [b"done"], refusal, Budget()) == [b"done"]
    thread.join()
