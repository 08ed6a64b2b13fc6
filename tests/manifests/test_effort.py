"""Injection of a file takes work in proportion to the file, counted in instructions: the same on every machine."""

from injector.config import load
from injector.core.model import EMPTY_SNAPSHOT
from injector.core.setup import set_up
from injector.manifests import injection, rewrite
from tests.bench.instructions import counted
from tests.support import REPOSITORY

DEPLOYMENT = (REPOSITORY / "samples" / "bookinfo" / "details.yaml").read_text(encoding="utf-8").split("---\n")[-1]
CHANGE = injection(set_up(load().config, optimise=False), EMPTY_SNAPSHOT)


def effort(text: str) -> int:
    return counted(lambda: rewrite(text, "file", CHANGE))


def config_map(keys: int) -> str:
    entries = "".join(f"  key{number}: value number {number}\n" for number in range(keys))
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: large}}\ndata:\n{entries}"


def deployments(count: int) -> str:
    return "---\n".join(DEPLOYMENT.replace("details-v1", f"details-{number}") for number in range(count))


def test_twice_the_keys_are_twice_the_work() -> None:
    assert effort(config_map(800)) < 2.2 * effort(config_map(400))


def test_twice_the_workloads_are_twice_the_work() -> None:
    effort(deployments(1))
    assert effort(deployments(8)) < 2.2 * effort(deployments(4))
