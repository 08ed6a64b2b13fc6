"""Work in a process of its own has an end, whatever it does, and leaves nothing behind."""

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from injector.server.isolation import Budget, FailedError, OutOfBudgetError, OwnProcess, Work
from tests.waiting import wait_until

DESCRIPTORS = Path("/proc/self/fd")
QUICK = Budget(seconds=0.3, memory=64 << 20)


def refusal(error: Exception) -> FailedError:
    return FailedError(418, f"{type(error).__name__}: {error}")


@pytest.fixture
def made() -> Iterator[Callable[..., OwnProcess]]:
    """Makes processes, and ends them after the test."""
    processes: list[OwnProcess] = []

    def make(work: Work, budget: Budget = Budget(), idle: float = 60.0) -> OwnProcess:  # noqa: B008 -- it is frozen
        processes.append(OwnProcess(work, refusal, budget, idle))
        return processes[-1]

    yield make
    for each in processes:
        each.end()


Made = Callable[..., OwnProcess]


def test_the_parts_of_a_result_arrive_as_they_are(made: Made) -> None:
    parts = [b"", b"a" * 3_000_000, b"\x00\n", b"end", b""]
    process = made(lambda asked: [*parts, asked])
    for asked in (b"", b"b" * 3_000_000):
        assert process.ask(asked) == [*parts, asked]
    assert made(lambda _: []).ask(b"") == []


def test_it_is_another_process_with_the_state_of_this_one(made: Made) -> None:
    state = {"configuration": b"in force"}
    number, found = made(lambda _: [b"%d" % os.getpid(), state["configuration"]]).ask(b"")
    assert found == b"in force"
    assert int(number) != os.getpid()


def test_it_remembers_what_it_was_asked_before(made: Made) -> None:
    seen: list[bytes] = []

    def remember(asked: bytes) -> list[bytes]:
        seen.append(asked)
        return seen

    process = made(remember)
    assert [process.ask(b"a"), process.ask(b"b")] == [[b"a"], [b"a", b"b"]]
    assert seen == []


def test_an_error_is_an_answer_after_which_it_goes_on(made: Made) -> None:
    process = made(lambda asked: [b"%d" % (6 // len(asked)), b"%d" % os.getpid()])
    (_, number) = process.ask(b"ab")
    with pytest.raises(FailedError, match="ZeroDivisionError") as failed:
        process.ask(b"")
    assert failed.value.status == 418
    assert process.ask(b"ab") == [b"3", number]


def endless() -> None:
    while True:
        pass


def greedy() -> None:
    assert b"a" * (1 << 30)


def grown() -> None:
    held: list[list[int]] = []
    while True:
        held.append(list(range(100_000)))


def dead() -> None:
    os._exit(0)


def usual() -> None:
    """Nothing that takes long."""


WORKS = {b"endless": endless, b"greedy": greedy, b"grown": grown, b"dead": dead, b"usual": usual}


def work(asked: bytes) -> list[bytes]:
    WORKS[asked]()
    return [asked]


@pytest.mark.parametrize(
    ("asked", "message"),
    [(b"endless", "long"), (b"greedy", "memory"), (b"grown", "too much memory|too long"), (b"dead", "memory")],
)
def test_what_takes_too_much_is_given_up_and_the_next_is_worked_on(made: Made, asked: bytes, message: str) -> None:
    process = made(work, QUICK)
    for _ in range(2):
        with pytest.raises(OutOfBudgetError, match=message):
            process.ask(asked)
        assert process.ask(b"usual") == [b"usual"]


def test_memory_that_earlier_work_left_behind_is_no_fault_of_the_next(made: Made) -> None:
    held: list[bytes] = []

    def hold(asked: bytes) -> list[bytes]:
        held.append(b"a" * int(asked))
        return [b"%d" % len(held)]

    process = made(hold, Budget())
    # So large that what the process of the tests leaves behind, and this one sets free, makes no room for them.
    gc.collect()
    sizes = [b"1000", b"100000000", b"230000000", b"230000000"]
    assert [process.ask(each) for each in sizes] == [[b"1"], [b"2"], [b"1"], [b"1"]]


def test_one_that_nobody_asks_ends_and_comes_again(made: Made) -> None:
    process = made(lambda _: [b"%d" % os.getpid()], idle=0.05)
    (first,) = process.ask(b"")
    status = Path(f"/proc/{int(first)}/stat")
    wait_until(lambda: status.read_text(encoding="ascii").split()[2] == "Z")
    (second,) = process.ask(b"")
    assert first != second


def test_it_keeps_no_connection_of_the_server_open(made: Made) -> None:
    ours, theirs = socket.socketpair()
    made(lambda _: [b"forked"]).ask(b"")
    ours.close()
    theirs.settimeout(5)
    assert theirs.recv(1) == b""
    theirs.close()


def test_no_process_and_no_descriptor_is_left() -> None:
    before = set(DESCRIPTORS.iterdir()), children()
    for asked in (b"endless", b"greedy", b"usual"):
        process = OwnProcess(work, refusal, QUICK)
        with suppress(OutOfBudgetError):
            process.ask(asked)
        process.end()
    assert (set(DESCRIPTORS.iterdir()), children()) == before


def children() -> set[str]:
    """The processes that this one has started and not waited for."""
    found = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return set(found.read_text(encoding="ascii").split())


def test_other_threads_do_not_stop_it(made: Made) -> None:
    lock = threading.Lock()
    with lock:
        thread = threading.Thread(target=lock.acquire, daemon=True)
        thread.start()
        assert made(lambda _: [b"done"]).ask(b"") == [b"done"]
    thread.join()
