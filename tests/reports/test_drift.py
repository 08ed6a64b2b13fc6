"""Which pods are not what injection would make of them now, grouped and worst first."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.model import JsonObject, Pod, Snapshot
from injector.core.setup import Setup
from injector.reports.drift import drift, drift_text
from tests.support import admitted, default_setup, pod_of, setup_of

SNAPSHOT = Snapshot(
    {
        name: {"metadata": {"name": name, "labels": labels}}
        for name, labels in (("mesh", {"istio-injection": "enabled"}), ("quiet", {}))
    },
    nodes=({"metadata": {"name": "n"}, "status": {"nodeInfo": {"kubeletVersion": "v1.33.0"}}},),
)


def running(name: str, namespace: str = "mesh", **changed: Any) -> Pod:
    """A pod as the API server lists it."""
    pod = pod_of(**changed)
    pod["metadata"] |= {"name": name, "namespace": namespace, "resourceVersion": "1"}
    return {**pod, "status": {"phase": "Running"}}


def injected_in(pod: Pod, setup: Setup) -> Pod:
    admission = admitted(pod, setup, SNAPSHOT, namespace=pod["metadata"]["namespace"])
    assert admission.patch
    return admission.pod


def of_deployment(pod: Pod, deployment: str) -> Pod:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{deployment}-1f", "controller": True, "uid": "u"}
    labels = {**pod["metadata"]["labels"], "pod-template-hash": "1f"}
    metadata = {**pod["metadata"], "generateName": f"{deployment}-1f-", "ownerReferences": [owner], "labels": labels}
    return {**pod, "metadata": metadata}


def with_token(pod: Pod) -> Pod:
    """The pod with its token mounted into every container, as the API server does after injection."""
    mount = {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    lists = {
        which: [{**each, "volumeMounts": [*each.get("volumeMounts", ()), mount]} for each in pod["spec"].get(which, ())]
        for which in ("containers", "initContainers")
    }
    return {**pod, "spec": {**pod["spec"], **lists}}


def test_a_token_that_the_api_server_mounts_is_no_drift(tmp_path: Path) -> None:
    """Also where the configuration has changed since in what the pod has no part in."""
    envoy = "defaultTemplates: [envoy]"
    pod = with_token(injected_in(running("a"), setup_of(tmp_path, envoy)))
    pod["status"] = {"phase": "Running"}
    changed = setup_of(tmp_path, f"{envoy}\nneverInjectSelector: [{{matchLabels: {{none: such}}}}]")
    assert drift([pod], changed, SNAPSHOT) == []


def test_a_pod_that_was_created_while_the_webhook_was_away_is_missing_its_sidecar() -> None:
    (finding,) = drift([running("late")], default_setup(), SNAPSHOT)
    assert (finding.problem, finding.workload, finding.pods) == ("missing", "Pod/late", ("late",))


def test_pods_that_are_as_they_should_be_are_no_finding() -> None:
    setup = default_setup()
    pods = [
        injected_in(running("good"), setup),
        running("elsewhere", "quiet"),
        running("out", labels={"sidecar.istio.io/inject": "false"}),
    ]
    assert drift(pods, setup, SNAPSHOT) == []


def test_pods_that_have_ended_or_are_about_to_go_are_no_finding() -> None:
    ended = {**running("ended"), "status": {"phase": "Succeeded"}}
    going = running("going")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert drift([ended, going], default_setup(), SNAPSHOT) == []


@pytest.mark.parametrize(
    ("odd", "detail"),
    [
        ({"spec": 5}, "spec"),
        ({"metadata": [], "spec": {}}, "metadata"),
        ({"metadata": {"annotations": {"a": 1}}}, "annotations"),
        ({"spec": {"containers": [{}]}, "status": []}, "containers"),
    ],
)
def test_a_pod_without_a_pod_s_shape_is_one_finding_among_the_others(odd: JsonObject, detail: str) -> None:
    found = drift([odd, running("late")], default_setup(), SNAPSHOT)
    assert [each.problem for each in found] == ["missing", "refused"]
    assert detail in found[1].details[0]


def test_what_is_no_status_ends_nothing() -> None:
    assert [each.problem for each in drift([{**running("late"), "status": []}], default_setup(), SNAPSHOT)] == [
        "missing"
    ]


def test_replicas_with_one_problem_are_one_finding(tmp_path: Path) -> None:
    old = setup_of(tmp_path, "", "values.global.tag=old")
    pods = [injected_in(of_deployment(running(name), "shop"), old) for name in ("shop-b", "shop-a")]
    (finding,) = drift(pods, default_setup(), SNAPSHOT)
    assert (finding.problem, finding.workload, finding.pods) == ("different", "Deployment/shop", ("shop-a", "shop-b"))
    assert "spec.initContainers[istio-proxy].image" in finding.details


def test_the_worst_comes_first_and_each_problem_has_its_word() -> None:
    setup = default_setup()
    surplus = injected_in(running("surplus"), setup)
    surplus["metadata"]["namespace"] = "quiet"
    refused = running("refused", annotations={"sidecar.istio.io/proxyCPU": "much"})
    findings = drift([surplus, refused, running("missing")], setup, SNAPSHOT)
    assert [(each.problem, each.pods) for each in findings] == [
        (name, (name,)) for name in ("missing", "refused", "surplus")
    ]
    assert "proxyCPU" in findings[1].details[0]


def test_the_text_counts_pods_and_says_where_there_is_more() -> None:
    setup = default_setup()
    text = drift_text(drift([running("late")], setup, SNAPSHOT), 5)
    assert text.startswith("mesh/Pod/late: missing\n")
    assert text.endswith("Drift: 1 of 5 pods. They change when they are created anew.\n")
    assert drift_text([], 5).startswith("No drift: 5 pods")
