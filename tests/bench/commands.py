"""What a command takes from its start to its end: the version, a small file, and two large ones."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.support import REPOSITORY

_INJECTOR = Path(sys.executable).parent / "injector"
_RUNS = 5
_KEYS, _DEPLOYMENTS = 64_000, 300
_SMALL = REPOSITORY / "samples" / "bookinfo" / "details.yaml"


def measure(runs: int = _RUNS, keys: int = _KEYS, deployments: int = _DEPLOYMENTS) -> dict[str, str]:
    """What each command takes, by what it does: the best of so many runs, as long and as processor time."""
    with TemporaryDirectory() as directory:
        files = {"keys": Path(directory) / "keys.yaml", "deployments": Path(directory) / "deployments.yaml"}
        files["keys"].write_text(_config_map(keys), encoding="utf-8")
        files["deployments"].write_text("---\n".join(_deployments(deployments)), encoding="utf-8")
        commands: dict[str, Sequence[str | Path]] = {
            "injector --version": ("--version",),
            "injector inject, a small file": ("inject", "-f", _SMALL),
            f"injector inject, a ConfigMap of {keys:,} keys": ("inject", "-f", files["keys"]),
            f"injector inject, {deployments:,} Deployments": ("inject", "-f", files["deployments"]),
        }
        return {name: _taken(arguments, runs) for name, arguments in commands.items()}


def _taken(arguments: Sequence[str | Path], runs: int) -> str:
    found = [_run(arguments) for _ in range(runs)]
    return f"{min(taken for taken, _ in found):.2f} s, {min(used for _, used in found):.2f} s of a processor"


def _run(arguments: Sequence[str | Path]) -> tuple[float, float]:
    started, before = perf_counter(), os.times()
    subprocess.run([_INJECTOR, *arguments], check=True, capture_output=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return perf_counter() - started, used


def _config_map(keys: int) -> str:
    lines = (f"  key{number}: the value of key number {number}, of some length" for number in range(keys))
    return "\n".join(("apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: large", "data:", *lines)) + "\n"


def _deployments(count: int) -> Iterator[str]:
    (deployment,) = (text for text in _SMALL.read_text(encoding="utf-8").split("---\n") if "kind: Deployment" in text)
    return (deployment.replace("name: details-v1", f"name: details-{number}") for number in range(count))
