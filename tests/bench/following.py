"""`python -m tests.bench.following`: what following a cluster costs a worker, by the size of the cluster.

Memory and time until it has read everything, then the share of a core that node updates take. `--write` puts table and
curve into `docs/scaling.md`.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.bench.curves import Line, chart
from tests.bench.process import resident
from tests.bench.report import RESULTS, machine, write_between
from tests.support import REPOSITORY

PAGE = REPOSITORY / "docs" / "scaling.md"
CURVE = RESULTS / "following.svg"
START, END = "<!-- following -->", "<!-- end of following -->"
SIZES = ((1, 1), (1_000, 500), (5_000, 2_500), (10_000, 5_000))
_UPDATE_SECONDS = 20.0
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a cluster of this size costs one worker. `seconds`: from the start of the process until all was read."""

    namespaces: int
    nodes: int
    seconds: float
    resident: int
    peak: int
    share_of_core: float


def measure(namespaces: int, nodes: int, updating: float = _UPDATE_SECONDS) -> Cost:
    """The cost of a cluster; `updating` is for how many seconds its nodes send updates."""
    with (
        TemporaryDirectory() as directory,
        large_cluster(namespaces, nodes) as url,
        _injector(Path(directory), url) as told,
    ):
        process, serving, seconds = told
        memory, peak = resident(process), _peak(process)
        httpx.get(f"{url}/heartbeats")
        before, started = _processor_seconds(process), time.monotonic()
        time.sleep(updating)
        used = (_processor_seconds(process) - before) / (time.monotonic() - started)
        found = httpx.get(f"{serving}/readyz", verify=False).json()  # noqa: S501 -- its own certificate, on loopback
        if found["namespaces"] != namespaces or not found["cluster"]["connected"]:
            raise RuntimeError(f"the cluster is not followed: {found}")
        return Cost(namespaces, nodes, seconds, max(memory, resident(process)), max(peak, _peak(process)), used)


@contextmanager
def large_cluster(namespaces: int, nodes: int, pods: int = 0) -> Iterator[str]:
    """The address of a stand-in for an API server with so many objects."""
    sizes = (f"--namespaces={namespaces}", f"--nodes={nodes}", f"--pods={pods}")
    command = [sys.executable, "-m", "tests.bench.large_cluster", *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").strip()
        finally:
            process.kill()


def kubeconfig(directory: Path, url: str) -> Path:
    """A kubeconfig for the API server at `url`, which asks nobody who they are."""
    file = directory / "kubeconfig"
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    clusters, users = [{"name": "c", "cluster": {"server": url}}], [{"name": "u", "user": {}}]
    document = {"current-context": "c", "clusters": clusters, "users": users, "contexts": [context]}
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@contextmanager
def _injector(directory: Path, url: str) -> Iterator[tuple[int, str, float]]:
    """A server that follows the cluster at `url`: its process, its address, the seconds until it knew the cluster."""
    file, log = kubeconfig(directory, url), directory / "log"
    command = [str(Path(sys.executable).with_name("injector")), "serve", "--host=127.0.0.1", "--port=0", "--no-events"]
    command += [f"--cert-dir={directory / 'certs'}", f"--kubeconfig={file}"]
    started = time.monotonic()
    with log.open("wb") as out, subprocess.Popen(command, stderr=out) as process:
        try:
            serving = _address(log)
            while not _is_ready(serving):
                time.sleep(0.05)
            yield process.pid, serving, time.monotonic() - started
        finally:
            process.kill()


def _address(log: Path) -> str:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        for line in log.read_bytes().splitlines():
            said: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
            if said.get("event") == "serving":
                return str(said["address"])
        time.sleep(0.02)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')}")


def _is_ready(serving: str) -> bool:
    found = httpx.get(f"{serving}/readyz", verify=False)  # noqa: S501 -- its own certificate, on loopback
    return found.status_code == httpx.codes.OK and bool(found.json()["cluster"]["connected"])


def _peak(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(costs: Sequence[Cost]) -> str:
    """The costs as Markdown."""
    heads = (
        "namespaces",
        "nodes of 26 KB",
        "seconds until ready",
        "MB",
        "most MB",
        "20 node updates a second, of a core",
    )
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for each in costs:
        sizes = f"| {each.namespaces:,} | {each.nodes:,} | {each.seconds:.1f} "
        memory = f"| {each.resident / 1e6:.0f} | {each.peak / 1e6:.0f} "
        lines.append(f"{sizes}{memory}| {each.share_of_core:.1%} |")
    return "\n".join(lines) + "\n"


def curve(costs: Sequence[Cost]) -> str:
    """Memory by size, as SVG."""
    points = [(each.namespaces + each.nodes, each.peak / 1e6) for each in costs]
    return chart("Memory of a worker by the size of the cluster", "objects", [Line("most memory", points)], "MB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.following", description=__doc__)
    parser.add_argument("--largest", action="store_true", help="only the largest cluster")
    parser.add_argument("--write", action="store_true", help="write the table into docs/scaling.md")
    options = parser.parse_args(arguments)
    costs = [measure(*size) for size in (SIZES[-1:] if options.largest else SIZES)]
    found = table(costs)
    sys.stdout.write(found)
    if options.write:
        on = machine()
        source = f"Measured {on['date']} on {on['cores']} cores of {on['processor']}, Python {on['python']}."
        write_between(PAGE, (START, END), f"{found}\n{source}\n")
        CURVE.write_text(curve(costs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
