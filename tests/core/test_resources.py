"""What all containers request together is counted as the scheduler counts it. Each rule alone is in refused_pods.py."""

from typing import Any

import pytest

from injector.core.resources import pod_resource_refusals, requests_above_limits, resource_refusals


def requesting(cpu: str, **fields: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **fields}


SIDECAR = requesting("100m", restartPolicy="Always")


@pytest.mark.parametrize(
    ("init", "main", "together"),
    [
        ([], ["100m", "200m"], "300m"),
        ([requesting("500m")], ["100m", "200m"], "500m"),
        ([requesting("200m"), requesting("250m")], ["100m"], "250m"),
        ([SIDECAR, requesting("200m")], ["100m"], "300m"),
        ([requesting("200m"), SIDECAR], ["50m"], "200m"),
        ([SIDECAR, SIDECAR], ["50m"], "250m"),
        ([SIDECAR, {"name": "c", "resources": {"limits": {"cpu": "400m"}}}], ["50m"], "500m"),
    ],
)
def test_the_pod_requests_what_its_containers_do(init: list[Any], main: list[str], together: str) -> None:
    spec = {"initContainers": init, "containers": [requesting(cpu) for cpu in main]}
    enough = {**spec, "resources": {"requests": {"cpu": together}}}
    assert list(pod_resource_refusals({"spec": enough})) == []
    less = f"{int(together.removesuffix('m')) - 1}m"
    (refusal,) = pod_resource_refusals({"spec": {**spec, "resources": {"requests": {"cpu": less}}}})
    assert refusal == f"spec.resources.requests.cpu: {less} is less than what the containers request together"


def test_limits_of_the_pod_hold_for_init_containers() -> None:
    resources = {"limits": {"memory": "2Gi", "example.com/gpu": "9"}, "requests": {"memory": "1Mi"}}
    init = {"name": "setup", "resources": resources}
    limits = {"memory": "1Gi", "example.com/gpu": "1"}
    (refusal,) = pod_resource_refusals({"spec": {"initContainers": [init], "resources": {"limits": limits}}})
    assert refusal == "spec.initContainers[setup].resources.limits.memory: 2Gi is more than the pod's limit, 1Gi"


@pytest.mark.parametrize("spec", [None, {}, {"resources": None}, {"resources": "1Gi"}, {"resources": {"limits": []}}])
def test_a_pod_without_resources_is_valid(spec: Any) -> None:
    assert list(pod_resource_refusals({"spec": spec})) == []


def test_only_quantities_are_compared() -> None:
    resources = {"limits": {"cpu": "one", "memory": "1Gi"}, "requests": {"cpu": "2", "memory": None}}
    assert list(requests_above_limits(resources, "here")) == []
    assert list(resource_refusals(resources, "here")) == ["here.limits.cpu: 'one' is not a quantity"]
