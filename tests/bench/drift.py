"""`python -m tests.bench.drift`: what `injector drift` costs in a large cluster.

`--write` puts the table into `docs/scaling.md`.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.following import kubeconfig, large_cluster
from tests.bench.report import machine, write_between
from tests.support import REPOSITORY

PAGE = REPOSITORY / "docs" / "scaling.md"
START, END = "<!-- drift -->", "<!-- end of drift -->"
SIZES = (100, 1_000, 5_000)
_NAMESPACES, _NODES = 1_000, 500


@dataclass(frozen=True, slots=True)
class Cost:
    """What a report about so many pods took; `busy` is processor time, `peak` in bytes."""

    pods: int
    seconds: float
    busy: float
    peak: int


def measure(pods: int, namespaces: int = _NAMESPACES, nodes: int = _NODES) -> Cost:
    """The cost of a report on injected pods, none of which differs. Raises RuntimeError where that is not so."""
    with TemporaryDirectory() as directory, large_cluster(namespaces, nodes, pods) as url:
        said = Path(directory) / "said"
        command = [str(Path(sys.executable).with_name("injector")), "drift"]
        command += [f"--kubeconfig={kubeconfig(Path(directory), url)}"]
        started = time.monotonic()
        with said.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            _, _, usage = os.wait4(process.pid, 0)
        seconds, text = time.monotonic() - started, said.read_text(encoding="utf-8")
        if f"No drift: {pods} pods" not in text:
            raise RuntimeError(f"unexpected: {text[:1000]}")
        return Cost(pods, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def table(costs: Sequence[Cost]) -> str:
    """The costs as Markdown."""
    rows = [f"| {each.pods:,} | {each.seconds:.1f} | {each.busy:.1f} | {each.peak / 1e6:.0f} |" for each in costs]
    return "\n".join(["| pods | seconds | seconds of a core | most MB |", "| --- | --- | --- | --- |", *rows]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.drift", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/scaling.md")
    options = parser.parse_args(arguments)
    found = table([measure(pods) for pods in SIZES])
    sys.stdout.write(found)
    if options.write:
        on = machine()
        source = f"Measured {on['date']} on {on['cores']} cores of {on['processor']}, Python {on['python']}."
        write_between(PAGE, (START, END), f"{found}\n{source}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
