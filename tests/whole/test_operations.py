"""docs/operations.md on a whole cluster: what an operator runs, from outside and in the pod."""

import json

import pytest

from tests.chart.rendering import CLUSTER_NAME, RELEASE
from tests.chart.rendering import NAMESPACE as SYSTEM
from tests.cli.running import INJECTOR
from tests.whole.conftest import BOOKINFO, PROGRAMS
from tests.whole.machine import Machine, wait_until

pytestmark = pytest.mark.cluster


def in_the_pod(machine: Machine, *arguments: str) -> str:
    return machine.kubectl("exec", "-n", SYSTEM, f"deploy/{RELEASE}", "--", "injector", *arguments)


def test_nothing_is_wrong_with_what_the_readme_installs(bookinfo: Machine) -> None:
    found = json.loads(bookinfo.call("exec", INJECTOR, "check", "-o", "json"))
    assert [f"{each['subject']}: {each['message']}" for each in found] == []


def test_nothing_differs_from_what_the_readme_installs(bookinfo: Machine) -> None:
    assert "No drift" in bookinfo.call("exec", INJECTOR, "drift", "-n", BOOKINFO)


def test_check_runs_in_the_pod(bookinfo: Machine) -> None:
    said = in_the_pod(bookinfo, "check")
    assert "permissions that its options need" in said
    assert "authority until" in said


def test_certificates_are_rotated_in_the_pod(bookinfo: Machine) -> None:
    def authority() -> str:
        secret = json.loads(bookinfo.kubectl("get", "secret", f"{RELEASE}-certificates", "-n", SYSTEM, "-o", "json"))
        return "" if secret["data"].get("retiring.crt") else str(secret["data"]["authority.crt"])

    before = authority()
    assert "serving" in in_the_pod(bookinfo, "rotate")
    assert "The servers take the further steps" in in_the_pod(bookinfo, "rotate", "--authority")
    wait_until(lambda: authority() not in ("", before), "the authority is replaced", 120)
    bookinfo.kubectl("run", "probe", "-n", BOOKINFO, f"--image={PROGRAMS}", "--dry-run=server", "--restart=Never")
    found = json.loads(bookinfo.kubectl("get", "mutatingwebhookconfiguration", CLUSTER_NAME, "-o", "json"))
    assert len({each["clientConfig"]["caBundle"] for each in found["webhooks"]}) == 1
