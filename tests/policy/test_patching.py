"""Patches of policies are applied as RFC 6902 says."""

import jsonpatch
import pytest

from injector.core.model import JsonObject
from injector.policy.patching import patched

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
