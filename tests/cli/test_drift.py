"""`injector drift` over a snapshot that holds pods: findings, their forms, and the exit status."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: mesh, labels: {istio-injection: enabled}}\n"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: late, namespace: mesh}\nspec: {containers: [{name: app, image: x}]}\n"
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    file = tmp_path / "cluster.yaml"
    file.write_text(f"{NAMESPACE}---\n{POD}", encoding="utf-8")
    return file


def test_drift_is_exit_status_1_and_told_in_two_forms(snapshot: Path) -> None:
    text = run("drift", "--snapshot", snapshot)
    assert (text.returncode, text.stderr) == (1, "")
    assert text.stdout.startswith("mesh/Pod/late: missing\n")
    (finding,) = json.loads(run("drift", "--snapshot", snapshot, "-o", "json").stdout)
    assert (finding["namespace"], finding["problem"], finding["pods"]) == ("mesh", "missing", ["late"])


def test_a_pod_of_an_odd_shape_does_not_end_the_report(snapshot: Path) -> None:
    odd = "apiVersion: v1\nkind: Pod\nmetadata: {name: odd, namespace: mesh}\nspec: 5\n"
    snapshot.write_text(f"{NAMESPACE}---\n{odd}---\n{POD}", encoding="utf-8")
    found = run("drift", "--snapshot", snapshot)
    assert (found.returncode, found.stderr) == (1, "")
    assert "mesh/Pod/late: missing\n" in found.stdout
    assert "mesh/Pod/odd: refused\n" in found.stdout


def test_another_namespace_has_no_drift(snapshot: Path) -> None:
    found = run("drift", "--snapshot", snapshot, "-n", "quiet")
    assert (found.returncode, found.stdout) == (0, "No drift: 0 pods are what injection would make of them now.\n")


def test_errors_are_exit_status_2(tmp_path: Path) -> None:
    found = run("drift", "--kubeconfig", tmp_path / "missing")
    assert (found.returncode, found.stdout) == (2, "")
    assert "missing: cannot be read" in found.stderr
