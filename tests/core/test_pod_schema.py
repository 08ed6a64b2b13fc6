"""What is no pod is refused with the path, the value and what was expected (reference 13.3, first row)."""

from typing import Any

import pytest

from injector.core.pod_schema import MAXIMUM_FAULTS, container_faults, pod_faults
from tests.support import admitted, default_setup, pod_of


@pytest.mark.parametrize(
    ("pod", "fault"),
    [
        (None, "object: expected a Pod, not None"),
        ([], "object: expected a Pod, not []"),
        ({"kind": "Job"}, "object.kind: expected Pod, not 'Job'"),
        ({"metadata": 1}, "metadata: expected a mapping, not 1"),
        ({"metadata": {"labels": {"a": 1}}}, "metadata.labels: expected a mapping of texts to texts, not {'a': 1}"),
        ({"metadata": {"annotations": []}}, "metadata.annotations: expected a mapping of texts to texts, not []"),
        ({"metadata": {"ownerReferences": ["x"]}}, "metadata.ownerReferences: expected a list of mappings, not ['x']"),
        ({"spec": {"containers": {}}}, "spec.containers: expected a list of mappings that each have a name, not {}"),
        ({"spec": {"volumes": [{}]}}, "spec.volumes: expected a list of mappings that each have a name, not [{}]"),
        (
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "env": [1]}]}},
            "spec.containers[1].env: expected a list of mappings that each have a name, not [1]",
        ),
        (
            {"spec": {"initContainers": [{"name": "a", "args": [1]}]}},
            "spec.initContainers[0].args: expected a list of texts, not [1]",
        ),
        (
            {"spec": {"containers": [{"name": "a", "livenessProbe": {"grpc": 1}}]}},
            "spec.containers[0].livenessProbe.grpc: expected a mapping, not 1",
        ),
        (
            {"spec": {"containers": [{"name": "a", "lifecycle": {"preStop": "x"}}]}},
            "spec.containers[0].lifecycle.preStop: expected a mapping, not 'x'",
        ),
    ],
)
def test_faults_name_the_path_the_value_and_what_is_expected(pod: Any, fault: str) -> None:
    assert pod_faults(pod) == [fault]


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"metadata": None, "spec": None},
        {"spec": {"containers": None, "volumes": None}},
        {"spec": {"containers": [{"name": "a", "lifecycle": {"stopSignal": "SIGUSR1", "notYetKnown": 1}}]}},
        {"spec": {"containers": [{"name": "a", "env": None, "lifecycle": {"preStop": None}, "livenessProbe": None}]}},
    ],
)
def test_null_and_members_that_nothing_reads_are_no_fault(pod: Any) -> None:
    assert pod_faults(pod) == []


def test_all_faults_are_told_but_not_without_end() -> None:
    broken = [{"name": "a", "args": 1, "env": 2} for _ in range(100)]
    assert len(pod_faults({"spec": {"containers": broken}})) == MAXIMUM_FAULTS


def test_long_values_are_cut() -> None:
    (fault,) = pod_faults({"metadata": {"name": ["x" * 1000]}})
    assert len(fault) < 200


def test_a_container_alone() -> None:
    assert container_faults({"name": "a"}, "here") == []
    assert container_faults({}, "here") == ["here: expected a mapping that has a name, not {}"]


def test_a_pod_that_cannot_be_read_is_refused() -> None:
    pod = pod_of()
    pod["spec"]["containers"] = "none"
    admission = admitted(pod, default_setup())
    assert (admission.allowed, admission.decision) == (False, None)
    assert "spec.containers" in admission.message
