"""`injector policy render`: policies for kubectl apply, or what CEL cannot say."""

import json

import yaml

from tests.cli.running import run
from tests.support import REPOSITORY

DEBUG = REPOSITORY / "samples" / "templates" / "debug" / "injector.yaml"


def test_a_template_is_written_in_two_forms() -> None:
    as_yaml, as_json = run("policy", "render", "-c", DEBUG), run("policy", "render", "-c", DEBUG, "-o", "json")
    assert (as_yaml.returncode, as_yaml.stderr) == (0, "")
    documents = list(yaml.safe_load_all(as_yaml.stdout))
    assert documents == json.loads(as_json.stdout)["items"]
    assert [each["kind"] for each in documents] == [
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
    ]
    assert {each["metadata"]["name"] for each in documents} == {"sidecar-injector-debug"}


def test_what_cannot_be_said_is_exit_status_1_and_writes_no_policy() -> None:
    found = run("policy", "render", "-c", DEBUG, "--template", "debug", "--template", "sidecar")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("template 'sidecar', line ")


def test_an_unknown_template_is_named_with_the_nearest() -> None:
    found = run("policy", "render", "-c", DEBUG, "--template", "debgu")
    assert (found.returncode, found.stdout) == (1, "")
    assert "did you mean 'debug'?" in found.stderr
    assert "_proxy" not in run("policy", "render", "--template", "nothing-like-it").stderr


def test_a_preview_shows_conditions_and_patch() -> None:
    pod = '{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}}'
    found = run("preview", "--via", "policy", "-c", DEBUG, "-f", "-", given=pod)
    assert found.returncode == 1, found.stderr
    assert "policy sidecar-injector-debug (template debug): applies" in found.stdout
    assert "yes host network" in found.stdout
    as_patch = run("preview", "--via", "policy", "-o", "patch", "-c", DEBUG, "-f", "-", given=pod)
    assert {json.loads(line)["op"] for line in as_patch.stdout.splitlines()} == {"add"}


def test_a_preview_by_policies_is_not_counted() -> None:
    assert run("preview", "--via", "policy", "--summary", "-c", DEBUG).returncode == 2
