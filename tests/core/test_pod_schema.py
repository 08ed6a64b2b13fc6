"""What is no pod is refused with the path, the value and what was expected (reference 13.3, first row)."""

from typing import Any

import pytest

from injector.core.pod_schema import MAXIMUM_FAULTS, container_faults, pod_faults
from tests.support import admitted, default_setup, pod_of


@pytest.mark.parametrize(
    ("pod", "fault"),
    [
        (None, "object: must be a Pod, got null"),
        ([], "object: must be a Pod, got []"),
        ({"kind": "Job"}, "object.kind: must be Pod, got 'Job'"),
        ({"metadata": 1}, "metadata: must be a mapping, got 1"),
        ({"metadata": {"labels": {"a": 1}}}, "metadata.labels: must be a mapping of strings to strings, got {'a': 1}"),
        ({"metadata": {"annotations": []}}, "metadata.annotations: must be a mapping of strings to strings, got []"),
        ({"metadata": {"ownerReferences": ["x"]}}, "metadata.ownerReferences: must be a list of mappings, got ['x']"),
        ({"spec": {"containers": {}}}, "spec.containers: must be a list of mappings that have a name, got {}"),
        ({"spec": {"volumes": [{}]}}, "spec.volumes: must be a list of mappings that have a name, got [{}]"),
        (
            {"spec": {"containers": [{"name": "a"}, {"name": "b", "env": [1]}]}},
            "spec.containers[1].env: must be a list of mappings that have a name, got [1]",
        ),
        (
            {"spec": {"initContainers": [{"name": "a", "args": [1]}]}},
            "spec.initContainers[0].args: must be a list of strings, got [1]",
        ),
        (
            {"spec": {"containers": [{"name": "a", "livenessProbe": {"grpc": 1}}]}},
            "spec.containers[0].livenessProbe.grpc: must be a mapping, got 1",
        ),
        (
            {"spec": {"containers": [{"name": "a", "lifecycle": {"preStop": "x"}}]}},
            "spec.containers[0].lifecycle.preStop: must be a mapping, got 'x'",
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


def test_the_number_of_faults_is_bounded() -> None:
    broken = [{"name": "a", "args": 1, "env": 2} for _ in range(100)]
    assert len(pod_faults({"spec": {"containers": broken}})) == MAXIMUM_FAULTS


def test_long_values_are_cut() -> None:
    (fault,) = pod_faults({"metadata": {"name": ["x" * 1000]}})
    assert len(fault) < 200


def test_a_container_alone() -> None:
    assert container_faults({"name": "a"}, "here") == []
    assert container_faults({}, "here") == ["here: must be a mapping that has a name, got {}"]


def test_a_pod_that_cannot_be_read_is_refused() -> None:
    pod = pod_of()
    pod["spec"]["containers"] = "none"
    admission = admitted(pod, default_setup())
    assert (admission.allowed, admission.decision) == (False, None)
    assert "spec.containers" in admission.message
