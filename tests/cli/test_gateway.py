"""`injector gateway render`: the configuration on standard output, faults on standard error."""

import json

import yaml

from tests.cli.running import run
from tests.support import REPOSITORY

SAMPLE = REPOSITORY / "samples" / "bookinfo" / "gateway.yaml"


def test_the_sample_is_rendered_in_two_forms() -> None:
    as_yaml, as_json = run("gateway", "render", "-f", SAMPLE), run("gateway", "render", "-f", SAMPLE, "-o", "json")
    assert (as_yaml.returncode, as_yaml.stderr) == (0, "")
    assert yaml.safe_load(as_yaml.stdout) == json.loads(as_json.stdout)
    names = [each["name"] for each in json.loads(as_json.stdout)["static_resources"]["listeners"]]
    assert names == ["0.0.0.0_80", "0.0.0.0_443", "readiness", "statistics"]


def test_a_fault_is_exit_status_1_and_names_the_field() -> None:
    text = SAMPLE.read_text(encoding="utf-8").replace("mode: SIMPLE", "mode: PASSTHROUGH")
    found = run("gateway", "render", "-f", "-", given=text)
    assert (found.returncode, found.stdout) == (1, "")
    assert "tls.mode" in found.stderr
