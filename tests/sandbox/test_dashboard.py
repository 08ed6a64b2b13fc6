"""The files of the telemetry sample: the dashboard and the rules ask for what a real sidecar exports."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.sandbox import Sandbox, needs_namespaces
from tests.sandbox.bookinfo import get, start, statistics
from tests.sandbox.lab import PATIENCE, envoy_setup
from tests.sandbox.prometheus import needs_prometheus
from tests.support import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "telemetry"
DASHBOARD = json.loads((SAMPLE / "dashboard.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((SAMPLE / "rules.yml").read_text(encoding="utf-8"))
EXPRESSIONS = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *(rule["expr"] for group in RULES["groups"] for rule in group["rules"] if "istio_requests_total" in rule["expr"]),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The metrics that a proxy exports that has carried a request, and the labels of each."""
    setup = envoy_setup(Path(tmp_path_factory.mktemp("dashboard")), more=f"meshConfig: {{{PATIENCE}}}\n")
    found: dict[str, set[str]] = {}
    with Sandbox() as sandbox:
        pods = start(sandbox, setup, "details")
        with sandbox.on_node():
            get(f"http://{pods['details'][0].address}:9080/details")
        for series in statistics(pods["details"][0]):
            name, _, labels = series.partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


@needs_namespaces
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_and_label_that_is_asked_for_is_there(exported: dict[str, set[str]], expression: str) -> None:
    asked = re.findall(r"\b(istio_\w+)\{([^}]*)\}", expression)
    assert asked
    for name, conditions in asked:
        assert set(re.findall(r"(\w+)=", conditions)) <= exported[name]
    names = {name for name, _ in asked}
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(", ")}
    assert all(grouped <= exported[name] for name in names)


@needs_prometheus
def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", SAMPLE / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
