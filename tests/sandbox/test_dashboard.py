"""The dashboard of the telemetry sample asks for what a real sidecar exports."""

import json
import re
from pathlib import Path

import pytest

from tests.sandbox import Sandbox, needs_namespaces
from tests.sandbox.bookinfo import get, start, statistics
from tests.sandbox.lab import envoy_setup
from tests.support import REPOSITORY

pytestmark = needs_namespaces

DASHBOARD = json.loads((REPOSITORY / "samples" / "telemetry" / "dashboard.json").read_text(encoding="utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of what a proxy exports that has carried a request."""
    setup = envoy_setup(Path(tmp_path_factory.mktemp("dashboard")))
    with Sandbox() as sandbox:
        pods = start(sandbox, setup, "details")
        with sandbox.on_node():
            get(f"http://{pods['details'][0].address}:9080/details")
        return {name.partition("{")[0] for name in statistics(pods["details"][0])}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_of_a_panel_is_there(exported: set[str], expression: str) -> None:
    asked = set(re.findall(r"\benvoy_\w+(?=\{)", expression))
    assert asked
    assert asked <= exported
