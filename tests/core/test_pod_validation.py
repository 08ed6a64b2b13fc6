"""What the API server would refuse is said first. That it does refuse is tried in tests/e2e/test_pod_validation.py."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.pod_schema import pod_faults
from injector.core.pod_validation import MOST_REFUSALS, refusals, refusals_by_injection
from tests.bench.instructions import counted
from tests.core.refused_pods import ADMITTED, REFUSED
from tests.reports.test_hostile import WRONG_VALUES, places, replaced
from tests.support import admitted, default_setup, injected, pod_of, setup_of


@pytest.mark.parametrize(("pod", "words"), REFUSED.values(), ids=REFUSED)
def test_each_rule_names_path_and_value(pod: Any, words: str) -> None:
    (refusal,) = refusals(pod)
    assert words in refusal


@pytest.mark.parametrize("pod", ADMITTED.values(), ids=ADMITTED)
def test_of_what_is_taken_nothing_is_said(pod: Any) -> None:
    assert refusals(pod) == []
    if "resources" not in pod["spec"]:
        assert refusals(injected(pod, default_setup())) == []


def test_only_so_many_are_listed() -> None:
    ports = [{"containerPort": number} for number in range(70_000, 70_050)]
    assert len(refusals(pod_of(container={"ports": ports}))) == MOST_REFUSALS


def proxy(**container: Any) -> dict[str, Any]:
    return {"containers": [{"name": "app", "image": "x"}, {"name": "istio-proxy", "image": "auto", **container}]}


EXEC = {"exec": {"command": ["true"]}}
CERT = {"name": "cert", "configMap": {"name": "other"}}


@pytest.mark.parametrize(
    ("annotations", "spec", "words"),
    [
        ({}, proxy(readinessProbe=EXEC), "containers[istio-proxy].readinessProbe: has 2 handlers, exec, httpGet"),
        ({}, proxy(env=[{"name": "POD_NAME", "value": "x"}]), "env[POD_NAME]: has both value and valueFrom"),
        ({}, proxy(resources={"limits": {"cpu": "50m"}}), "requests.cpu: 100m is more than the limit, 50m"),
        (
            {"sidecar.istio.io/proxyCPU": "1", "sidecar.istio.io/proxyCPULimit": "500m"},
            {},
            "containers[istio-proxy].resources.requests.cpu: 1 is more than the limit, 500m",
        ),
        ({}, {"resources": {"requests": {"memory": "1Mi"}}}, "spec.resources.requests.memory: 1Mi is less than"),
        ({}, {"volumes": [{"name": "istio-data", "secret": {"secretName": "s"}}]}, "[istio-data]: has 2 volume types"),
        (
            {"sidecar.istio.io/userVolumeMount": '{"istio-data": {"mountPath": "/etc/istio/proxy"}}'},
            {},
            "volumeMounts[istio-data].mountPath: '/etc/istio/proxy' is mounted twice",
        ),
        (
            {"sidecar.istio.io/userVolume": '{"cert": {"secret": {"secretName": "c"}}}'},
            {"volumes": [CERT]},
            "[cert]: has 2",
        ),
    ],
)
def test_a_review_warns_of_what_injection_breaks(annotations: Any, spec: Any, words: str) -> None:
    admission = admitted(pod_of(annotations=annotations, **spec), default_setup())
    assert admission.allowed
    assert any(words in each for each in admission.warnings), admission.warnings
    assert all(each.startswith("will be refused: ") for each in admission.warnings)


def test_a_label_made_of_a_long_name_is_warned_of() -> None:
    owner = {"kind": "StatefulSet", "name": "x" * 80, "controller": True, "apiVersion": "apps/v1"}
    pod = pod_of(annotations={"inject.istio.io/templates": "gateway"}, **proxy())
    pod["metadata"] |= {"labels": {}, "generateName": "x", "ownerReferences": [owner]}
    (warning,) = admitted(pod, default_setup()).warnings
    assert "metadata.labels[service.istio.io/canonical-name]: must have at most 63 characters" in warning


def test_a_container_of_a_template_without_an_image_is_warned_of(tmp_path: Path) -> None:
    text = (
        "defaultTemplates: [more]\ntemplates: {more: 'spec: {containers: [{name: other, env: [{name: A, value: b}]}]}'}"
    )
    (warning,) = admitted(pod_of(), setup_of(tmp_path, text)).warnings
    assert warning.endswith("spec.containers[other].image: is required")


def test_what_the_user_alone_broke_is_not_the_injection_s() -> None:
    pod = pod_of(container={"env": [{"name": ""}]}, labels={"a": "x y"})
    assert admitted(pod, default_setup()).warnings == ()


def test_whatever_stands_anywhere_an_answer_is_given() -> None:
    spec: dict[str, Any] = {
        "volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
        "resources": {"limits": {"cpu": 1}},
        "initContainers": [{"name": "i", "restartPolicy": "Always"}],
    }
    container = {
        "ports": [{"containerPort": 80, "hostPort": 80, "name": "http"}],
        "env": [{"name": "A", "valueFrom": {"fieldRef": {}}}],
        "resources": {"limits": {"cpu": 1}, "requests": {"cpu": 1}},
        "volumeMounts": [{"name": "v", "mountPath": "/"}],
        "readinessProbe": {"httpGet": {"port": 1}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {}}},
        "securityContext": {"runAsUser": 1, "capabilities": {"add": []}},
    }
    pod = pod_of(container=container, **spec)
    tried = [replaced(pod, path, wrong) for path in places(pod) for wrong in WRONG_VALUES]
    readable = [each for each in tried if not pod_faults(each)]
    assert len(readable) > 200
    for each in readable:
        refusals(each)
        refusals_by_injection(pod, each)


def test_a_review_pays_little_for_it() -> None:
    """A part of the work on a pod never seen, counted in instructions."""
    received = pod_of()
    merged = injected(received, default_setup())
    assert counted(lambda: refusals_by_injection(received, merged)) < 1_900
