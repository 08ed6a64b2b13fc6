"""A pod's record against the present configuration."""

from pathlib import Path

import pytest

from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.reports.explain import Explanation, explain, explanation_text
from tests.support import default_setup, injected, pod_of, setup_of


def as_stored(pod: Pod) -> Pod:
    """The pod as an API server keeps it: with defaults and a token that nobody asked for."""
    spec = pod["spec"]
    filled = [{"terminationMessagePath": "/dev/termination-log", **each} for each in spec["containers"]]
    return {**pod, "spec": {"dnsPolicy": "ClusterFirst", **spec, "containers": filled}, "status": {"phase": "Running"}}


def found(pod: Pod, tmp_path: Path, *sets: str) -> Explanation:
    return explain(pod, "default", setup_of(tmp_path, "", *sets), EMPTY_SNAPSHOT)


def test_under_the_same_configuration_the_answer_is_the_same(tmp_path: Path) -> None:
    explanation = found(as_stored(injected(pod_of(), default_setup())), tmp_path)
    assert not explanation.differs
    text = explanation_text(pod_of(), explanation)
    assert "then: injected by revision default: istio-init, istio-proxy" in text
    assert text.endswith("The answer would be the same.\n")


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (("values.global.tag=new",), "+image: registry.istio.io/release/proxyv2:new"),
        (("policy=disabled",), "the pod was injected and would not be now"),
        (("values.pilot.cni.enabled=true",), "initContainers: istio-init was injected and would not be now"),
        (("revision=canary",), "the revision was default and would be canary"),
    ],
)
def test_another_configuration_is_told_by_what_it_changes(tmp_path: Path, sets: tuple[str, ...], words: str) -> None:
    pod = as_stored(injected(pod_of(), default_setup()))
    explanation = found(pod, tmp_path, *sets)
    assert explanation.differs
    assert words in explanation_text(pod, explanation)


def test_a_pod_without_a_record_was_not_injected(tmp_path: Path) -> None:
    explanation = found(pod_of(), tmp_path)
    assert explanation.differences == ("the pod was not injected and would be now",)
    assert not found(pod_of(labels={"sidecar.istio.io/inject": "false"}), tmp_path).differs
