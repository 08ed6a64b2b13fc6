"""`make soak`: reviews at a steady rate for minutes on one worker; no error, and memory that stays as it is.

Every review is of a pod that was not seen lately: remembered answers play no part.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from tests.bench.end_to_end import injector_command, serving, wait_until_ready
from tests.bench.load import Result, Task
from tests.bench.process import resident
from tests.bench.subjects import SMALL
from tests.ports import free_port

_SLICE_SECONDS = 30.0
_WARM_UP_SLICES = 2
_GROWTH_ALLOWED = 0.05
# Reviews that are lost without an error are missing in the rate.
_LEAST_PART = 0.99


@dataclass(frozen=True, slots=True)
class Slice:
    """Half a minute: what clients saw, and the bytes of memory that the worker held then."""

    result: Result
    memory: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where a review failed, the rate was not answered, or memory grew by more than 5% after a minute."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=1_000, help="reviews a second (%(default)s)")
    options = parser.parse_args(arguments)
    found: list[Slice] = []
    sys.stdout.write("| seconds | reviews/s | p50 | p99 | failed | memory |\n| --- | --- | --- | --- | --- | --- |\n")
    for each in soak(round(options.minutes * 60 / _SLICE_SECONDS), options.rate):
        found.append(each)
        sys.stdout.write(_row(len(found), each))
        sys.stdout.flush()
    faults = faults_of(found, options.rate)
    sys.stdout.write("".join(f"\n{line}" for line in faults or ["no fault"]) + "\n")
    return 1 if faults else 0


def faults_of(found: Sequence[Slice], rate: float) -> list[str]:
    """What a soak at `rate` reviews a second must not show, one line each."""
    failed = sum(each.result.failed for each in found)
    slow = sum(each.result.requests_per_second < _LEAST_PART * rate for each in found)
    growth = growth_of([each.memory for each in found])
    lines = {
        f"{failed} reviews failed": failed > 0,
        f"{slow} of {len(found)} half minutes under {_LEAST_PART:.0%} of the rate": slow > 0,
        f"memory grew by {growth:.1%} after the first minute, {_GROWTH_ALLOWED:.0%} are allowed": (
            growth > _GROWTH_ALLOWED
        ),
    }
    return [line for line, holds in lines.items() if holds]


def soak(slices: int, rate: float) -> Iterator[Slice]:
    """So many slices at `rate` reviews a second, one after the other, against one server."""
    with TemporaryDirectory() as directory:
        store, port = DirectoryStore(Path(directory) / "certs"), free_port()
        ensure(store, Settings(names=("127.0.0.1", "localhost")), datetime.now(UTC))
        task = Task(port, str(store.bundle), SMALL.name, False, round(rate * _SLICE_SECONDS), 8, _SLICE_SECONDS, rate)
        with serving(injector_command(port, store, 1)) as server:
            wait_until_ready(port)
            for number in range(slices):
                command = [sys.executable, "-m", "tests.bench.load"]
                others = orjson.dumps(replace(task, first=number * task.bodies))
                done = subprocess.run(command, input=others, stdout=subprocess.PIPE, check=True)
                yield Slice(Result(**orjson.loads(done.stdout)), resident(server.pid))


def growth_of(memory: Sequence[int]) -> float:
    """By which part the memory grew since the warm-up, at most."""
    settled = memory[min(_WARM_UP_SLICES, len(memory)) - 1]
    return max(memory[_WARM_UP_SLICES - 1 :], default=settled) / settled - 1


def _row(number: int, found: Slice) -> str:
    result = found.result
    return (
        f"| {number * _SLICE_SECONDS:.0f} | {result.requests_per_second:,.0f} | {result.p50_ms:.1f} ms "
        f"| {result.p99_ms:.1f} ms | {result.failed} | {found.memory / 1e6:.1f} MB |\n"
    )


if __name__ == "__main__":
    sys.exit(main())
