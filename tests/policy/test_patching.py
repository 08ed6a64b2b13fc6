"""Patches of policies are applied as RFC 6902 says."""

import jsonpatch
import pytest

from injector.config import load
from injector.core.model import JsonObject, Pod
from injector.policy import policies
from injector.policy.application import apply
from injector.policy.evaluation import Evaluation
from injector.policy.patching import patched
from injector.policy.render import Policy
from tests.policy.equality import GALLERY
from tests.support import pod_of

POD: JsonObject = {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}, "metadata": {"annotations": {"x/y~z": "1"}}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/spec/containers/-", "value": {"name": "c"}},
        {"op": "add", "path": "/spec/containers/0", "value": {"name": "c"}},
        {"op": "add", "path": "/spec/containers/1/args", "value": ["x"]},
        {"op": "add", "path": "/metadata/annotations/x~1y~0z", "value": "2"},
        {"op": "add", "path": "/spec/volumes", "value": []},
        {"op": "copy", "from": "/spec/containers/0", "path": "/spec/containers/-"},
        {"op": "remove", "path": "/spec/containers/0"},
        {"op": "remove", "path": "/metadata/annotations"},
    ],
    ids=str,
)
def test_an_operation_does_what_another_reader_of_patches_does(operation: JsonObject) -> None:
    assert patched(POD, [operation]) == jsonpatch.apply_patch(POD, [operation])


def test_other_operations_are_refused() -> None:
    with pytest.raises(ValueError, match="test"):
        patched(POD, [{"op": "test", "path": "/spec", "value": 1}])


USUAL = pod_of(
    containers=[{"name": "app", "image": "app"}, {"name": "log", "image": "log"}], volumes=[{"name": "data"}]
)
NAMESPACE = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}


def operations(policy: Policy, pod: Pod) -> list[str]:
    names = {"object": pod, "request": {"namespace": "shop"}, "namespaceObject": NAMESPACE}
    return [each["op"] for each in Evaluation(names, policy.variables).value(policy.patch)]


@pytest.mark.parametrize("name", ["debug", "minimal", "vault-agent"])
def test_a_pod_that_has_nothing_of_the_template_is_only_added_to(name: str) -> None:
    (policy,) = policies(load([GALLERY[name]]).config)
    assert set(operations(policy, USUAL)) == {"add"}


@pytest.mark.parametrize("name", ["debug", "minimal", "vault-agent"])
def test_lists_that_are_in_order_are_not_written_anew(name: str) -> None:
    (policy,) = policies(load([GALLERY[name]]).config)
    once = apply(policy, USUAL, "shop", {"istio-injection": "enabled"}).pod
    assert once is not USUAL
    assert "copy" not in operations(policy, once)
