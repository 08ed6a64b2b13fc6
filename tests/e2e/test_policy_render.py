"""`injector policy render --kubeconfig` asks a real API server; `check` in the pod sees policies where it may."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.rendering import NAMESPACE, of_kind, rendered
from tests.cli.running import run
from tests.e2e.cluster import Cluster
from tests.policy.equality import GALLERY

pytestmark = pytest.mark.e2e

DEBUG = GALLERY["debug"]
ACCOUNT = f"--as=system:serviceaccount:{NAMESPACE}:injector"
LARGE = """
templates:
  large: |
    spec:
      containers:
      - name: large
        image: large
        env:
{variables}
defaultTemplates: [large]
"""


def test_what_the_api_server_takes_is_written(cluster: Cluster) -> None:
    found = run("policy", "render", "-c", DEBUG, "--kubeconfig", cluster.kubeconfig)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == run("policy", "render", "-c", DEBUG).stdout
    assert "sidecar-injector-debug" not in cluster.kubectl("get", "mutatingadmissionpolicies")


@pytest.fixture
def applied(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster in which the policies of a template are in force."""
    cluster.kubectl("apply", "-f", "-", given=run("policy", "render", "-c", DEBUG).stdout)
    yield cluster
    cluster.kubectl("delete", "-f", "-", given=run("policy", "render", "-c", DEBUG).stdout)


def test_a_policy_in_place_of_the_one_in_force_is_tried_too(applied: Cluster) -> None:
    found = run("policy", "render", "-c", DEBUG, "--kubeconfig", applied.kubeconfig)
    assert (found.returncode, found.stderr) == (0, "")


def test_what_the_api_server_refuses_is_told_with_what_helps(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    names = "\n".join(f"        - {{name: VARIABLE_{number}, value: '{number}'}}" for number in range(3000))
    file.write_text(LARGE.format(variables=names), encoding="utf-8")
    assert run("policy", "render", "-c", file).returncode == 0
    found = run("policy", "render", "-c", file, "--kubeconfig", cluster.kubeconfig)
    assert (found.returncode, found.stdout) == (1, "")
    assert "MutatingAdmissionPolicy sidecar-injector-large" in found.stderr
    assert "divide the template in two" in found.stderr


@pytest.mark.parametrize("may_list", [False, True])
def test_the_account_lists_policies_where_it_is_allowed_to(cluster: Cluster, *, may_list: bool) -> None:
    documents = rendered({"rbac": {"listPolicies": may_list}})
    roles = [*of_kind(documents, "ClusterRole"), *of_kind(documents, "ClusterRoleBinding")]
    cluster.apply(*roles)
    try:
        for verb, allowed in (("list", may_list), ("watch", False), ("create", False), ("delete", False)):
            said = cluster.kubectl("auth", "can-i", verb, "mutatingadmissionpolicies", ACCOUNT, check=False)
            assert ("yes" in said.split()) is allowed, said
    finally:
        cluster.kubectl("delete", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": roles}))
