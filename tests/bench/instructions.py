"""The regression gate: how many bytecode instructions an answer takes.

Unlike seconds, the number is the same on every machine and in every run, so that a few per cent more are seen. It
belongs to one minor version of Python; what C code does is not in it.
"""

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from injector.core.setup import Setup
from tests.bench.in_process import FIRST_OF_SHAPE, IDENTICAL, NEVER_SEEN, REPLICA, answering
from tests.bench.recorded import PODS, never_seen, replica
from tests.bench.subjects import BOOKINFO, BY_VARIABLES, SMALL, Subject, identical_reviews, of_new_shape, reviews

TOLERANCE = 0.05
# The last one is counted: before it a template is compiled, and found out what counts.
_BODIES = 5
_SUBJECTS: tuple[Subject, ...] = (SMALL, BOOKINFO, BY_VARIABLES[2])


def python_version() -> str:
    """The version that counts belong to."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def counts(setup: Setup) -> dict[str, int]:
    """Instructions of one answer, by pod and by what was seen before."""
    made = {
        f"{subject.name}, {state}": _count(setup, make(subject, _BODIES))
        for subject in _SUBJECTS
        for state, make in ((NEVER_SEEN, reviews), (IDENTICAL, identical_reviews), (FIRST_OF_SHAPE, _first_of_shape))
    }
    of_recorded = {
        f"{title}, {state}": _count(setup, [make(name, number) for number in range(_BODIES)])
        for name, title in PODS.items()
        for state, make in ((NEVER_SEEN, never_seen), (REPLICA, replica))
    }
    return made | of_recorded


def _first_of_shape(subject: Subject, count: int) -> list[bytes]:
    return [of_new_shape(body, number) for number, body in enumerate(reviews(subject, count))]


def regressions(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """What takes more instructions than before, by more than the tolerance."""
    return [
        f"{name}: {now[name]:,} instructions, {before[name]:,} before (+{now[name] / before[name] - 1:.0%})"
        for name in before.keys() & now.keys()
        if now[name] > before[name] * (1 + TOLERANCE)
    ]


def _count(setup: Setup, bodies: list[bytes]) -> int:
    work = answering(setup)()
    for body in bodies[:-1]:
        work(body)
    return counted(lambda: work(bodies[-1]))


def counted(work: Callable[[], object]) -> int:
    """The bytecode instructions that `work` executes."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        seen += event == "opcode"
        return trace

    # Coverage may be counting lines with the same tracer: it goes on afterwards.
    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(previous)
    return seen
