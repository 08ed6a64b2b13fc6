"""How far a usual pod travels: the files, functions, calls and changes between files of one answer.

`python -m tests.bench.path` prints them, and the files in the order in which they are entered. The pod is the small one
of the benchmark, never seen itself: as most reviews of a running server are, of a shape that was seen, and as the first
of its shape, of a template that was seen.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.bench.in_process import answering
from tests.bench.subjects import SMALL, of_new_shape, reviews
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


def usual_travel(*, is_new_shape: bool = False) -> Travel:
    """The travel of the small pod; where it `is_new_shape`, its overlay's structure is kept from others."""
    work = answering(fresh_setup())()
    *earlier, last = reviews(SMALL, 5)
    for each in earlier:
        work(each)
    return travel_of(lambda: work(of_new_shape(last, 0) if is_new_shape else last))


def main() -> None:
    """Print both travels."""
    for is_new_shape in (False, True):
        found = usual_travel(is_new_shape=is_new_shape)
        for file in found.files:
            sys.stdout.write(f"{Path(file).relative_to(REPOSITORY)}\n")
        sys.stdout.write(
            f"{'first of its shape' if is_new_shape else 'usual pod'}: {len(found.files)} files, "
            f"{found.functions} functions, {found.calls} calls, {found.changes} changes of file\n\n"
        )


if __name__ == "__main__":
    main()
