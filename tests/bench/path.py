"""How far a usual pod travels: the files, functions, calls and changes between files of one answer.

`python -m tests.bench.path` prints them, and the files in the order in which they are entered. The pod is the small one
of the benchmark, never seen itself, its template seen once before: what most reviews of a running server are.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.bench.in_process import answering
from tests.bench.subjects import SMALL, reviews
from tests.support import REPOSITORY, fresh_setup

_PACKAGE = str(REPOSITORY / "injector")


@dataclass(frozen=True, slots=True)
class Travel:
    """The way of one answer through our own files. A change is a call from one of them into another one."""

    files: tuple[str, ...]
    functions: int
    calls: int
    changes: int


def travel_of(work: Callable[[], object]) -> Travel:
    """Run `work` and note each of our functions that it enters and leaves."""
    entered: list[str] = []
    functions: set[tuple[str, int]] = set()
    changes = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal changes
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(_PACKAGE):
            return
        entered.append(code.co_filename)
        functions.add((code.co_filename, code.co_firstlineno))
        caller = _caller(frame)
        changes += caller is not None and caller != code.co_filename

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return Travel(tuple(dict.fromkeys(entered)), len(functions), len(entered), changes)


def _caller(frame: FrameType) -> str | None:
    """Our file that the call came from, be it through other code in between."""
    above = frame.f_back
    while above is not None and not above.f_code.co_filename.startswith(_PACKAGE):
        above = above.f_back
    return above.f_code.co_filename if above else None


def usual_travel() -> Travel:
    """The travel of the small pod whose overlay's structure is kept, which it is when it came twice."""
    work = answering(fresh_setup())()
    *earlier, last = reviews(SMALL, 3)
    for each in earlier:
        work(each)
    return travel_of(lambda: work(last))


def main() -> None:
    """Print the travel."""
    found = usual_travel()
    for file in found.files:
        sys.stdout.write(f"{Path(file).relative_to(REPOSITORY)}\n")
    sys.stdout.write(
        f"{len(found.files)} files, {found.functions} functions, {found.calls} calls, {found.changes} changes of file\n"
    )


if __name__ == "__main__":
    main()
