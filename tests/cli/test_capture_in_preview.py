"""The preview shows which connections a pod's proxy would get, without touching anything."""

import json

from tests.cli.running import run
from tests.support import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "bookinfo" / "details.yaml"
ENVOY = REPOSITORY / "samples" / "telemetry" / "injector.yaml"


def test_the_rules_of_the_template_envoy_are_shown_with_the_pod() -> None:
    found = run("preview", "-c", ENVOY, "-f", SAMPLE)
    plan = found.stdout.partition("# traffic capture\n")[2]
    assert plan.startswith("# iptables-restore --noflush\n*nat\n")
    (item,) = json.loads(run("preview", "-c", ENVOY, "-f", SAMPLE, "-o", "json").stdout)
    assert item["capture"].strip() == plan.strip()


def test_a_pod_without_such_a_container_has_no_rules() -> None:
    (item,) = json.loads(run("preview", "-f", SAMPLE, "-o", "json").stdout)
    assert item["capture"] == ""
