"""Previews of what policies do: conditions by name, the patch, refusals."""

from collections.abc import Sequence
from pathlib import Path

from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod, Snapshot
from injector.core.setup import Setup
from injector.policy import policies
from injector.reports.drift import drift
from injector.reports.evaluate import preview_workload
from injector.reports.policies import PolicyPreview, policies_text, policy_previews
from tests.support import pod_of, setup_of

TEXT = """
defaultTemplates: [a, b]
nativeSidecars: enabled
templates:
  a: |
    spec: {containers: [{name: a, image: "{{ annotation("a/port", type="port", default=1) }}"}]}
  b: |
    spec:
      containers:
      {% for c in pod.spec.containers %}
      - {name: "{{ c.name }}", env: [{name: B, value: "{{ c.name }}"}]}
      {% endfor %}
"""


def previewed(pod: Pod, setup: Setup, snapshot: Snapshot = EMPTY_SNAPSHOT) -> PolicyPreview:
    found = [preview_workload(pod, setup, snapshot, "shop")]
    return next(policy_previews(found, policies(setup.config)))


def conditions(preview: PolicyPreview) -> Sequence[JsonObject]:
    return [dict(each.conditions) for each in preview.applied]


def test_a_policy_sees_no_container_that_another_has_added(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT)
    pod = previewed(pod_of(), setup).applied[-1].pod
    assert [each["name"] for each in pod["spec"]["containers"]] == ["a", "app"]
    assert [each.get("env") for each in pod["spec"]["containers"]] == [None, [{"name": "B", "value": "app"}]]


def test_the_labels_of_a_known_namespace_are_among_the_conditions(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT)
    snapshot = Snapshot({"shop": {"metadata": {"name": "shop", "labels": {}}}})
    found = previewed(pod_of(), setup, snapshot)
    assert [each["namespace and revision"] for each in conditions(found)] == [False, False]
    assert not found.patch
    assert "no  namespace and revision" in policies_text([found])
    assert all("namespace and revision" not in each for each in conditions(previewed(pod_of(), setup)))


def test_a_refusal_has_the_message_and_no_patch(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT)
    found = previewed(pod_of(annotations={"a/port": "x"}), setup)
    assert found.is_refused
    message = "invalid value 'x' for annotation 'a/port': must be a port number from 1 to 65535"
    assert found.as_json()["policies"][0]["refusals"] == [message]
    assert f"refused: {message}" in policies_text([found])


def test_a_workload_of_which_no_pod_can_be_made_is_refused(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT)
    found = previewed({"kind": "Pod", "metadata": {"name": 7}, "spec": {}}, setup)
    assert found.is_refused
    assert "metadata.name" in policies_text([found])


def drifting(pod: Pod, setup: Setup) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.problem, each.details) for each in drift([pod], setup, SELECTED)]


SELECTED = Snapshot({"shop": {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}})


def test_a_pod_of_a_policy_is_no_drift_until_the_policy_changes(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT, "defaultTemplates={a}")
    bare = pod_of()
    bare["metadata"]["namespace"] = "shop"
    pod = previewed(bare, setup).applied[-1].pod
    assert [problem for problem, _ in drifting(bare, setup)] == ["missing"]
    assert drifting(pod, setup) == []
    changed = setup_of(tmp_path, TEXT.replace("default=1", "default=2"), "defaultTemplates={a}")
    ((problem, details),) = drifting(pod, changed)
    assert problem == "different"
    assert details[0].startswith("policy of template 'a': ")


def test_a_pod_of_a_policy_and_the_webhook_is_injected_twice(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEXT, "defaultTemplates={a}")
    bare = pod_of()
    bare["metadata"]["namespace"] = "shop"
    by_policy = previewed(bare, setup).applied[-1].pod
    by_both = preview_workload(by_policy, setup, SELECTED, "shop").admission.pod
    assert drifting(by_both, setup) == [("twice", ("template 'a'",))]
    assert [each["name"] for each in by_both["spec"]["containers"]] == ["a", "app"]
