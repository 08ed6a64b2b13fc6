"""What makes pods in a cluster: usual kinds, custom ones with a pod template, and what could not be read."""

from typing import Any

import pytest

from injector.cluster.api import Resource
from injector.cluster.inventory import Inventory, controller_of
from tests.cluster.objects_served import objects_served

FLEETS = Resource("example.com/v1", "Fleet", "fleets")
TEMPLATE: Any = {"spec": {"containers": [{"name": "app"}]}}
CONTAINERS: Any = {"properties": {"spec": {"properties": {"containers": {"type": "array"}}}}}


def definition(schema: Any) -> Any:
    names = {"kind": FLEETS.kind, "plural": FLEETS.plural}
    version = {"name": "v1", "storage": True, "schema": {"openAPIV3Schema": {"properties": {"spec": schema}}}}
    spec = {"group": "example.com", "names": names, "versions": [version, {"name": "v0", "storage": False}]}
    return {"kind": "CustomResourceDefinition", "metadata": {"name": "fleets.example.com"}, "spec": spec}


FLEET = {"kind": "Fleet", "metadata": {"name": "f", "namespace": "shop"}, "spec": {"template": TEMPLATE}}


@pytest.mark.parametrize(
    ("schema", "is_read"),
    [
        ({"properties": {"template": CONTAINERS}}, True),
        ({"properties": {"workers": {"items": {"properties": {"workerTemplate": CONTAINERS}}}}}, True),
        ({"properties": {"pools": {"additionalProperties": {"properties": {"template": CONTAINERS}}}}}, True),
        ({"properties": {"template": {"x-kubernetes-preserve-unknown-fields": True}}}, True),
        (
            {"properties": {"template": {"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}}}}},
            True,
        ),
        ({"properties": {"spec": CONTAINERS["properties"]["spec"]}}, False),
        ({"properties": {"template": {"properties": {"name": {"type": "string"}}}}}, False),
    ],
)
def test_a_custom_kind_is_read_where_its_schema_may_hold_a_pod_template(schema: Any, is_read: bool) -> None:
    with objects_served([definition(schema), FLEET], more=[FLEETS]) as server:
        assert [each["kind"] for each in Inventory(server).workloads()] == (["Fleet"] if is_read else [])


def test_what_a_controller_owns_is_left_out_and_what_is_forbidden_is_named() -> None:
    owned: Any = {"kind": "ReplicaSet", "metadata": {"name": "r", "namespace": "shop"}}
    owned["metadata"] |= {"ownerReferences": [{"controller": True, "kind": "Deployment"}]}
    bare = {"kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}}
    with objects_served([owned, bare], refused={"/apis/batch/v1/cronjobs": 403}) as server:
        inventory = Inventory(server)
        assert [each["metadata"]["name"] for each in inventory.workloads()] == ["p"]
    (unread,) = inventory.unread
    assert unread.startswith("CronJob (GET /apis/batch/v1/cronjobs: not allowed")


@pytest.mark.parametrize("references", [None, 1, "x", {"controller": True}, [1, None, [], {"kind": 5}]])
def test_misshapen_owners_are_none(references: Any) -> None:
    assert controller_of({"metadata": {"ownerReferences": references}}) is None
    assert controller_of({"metadata": references}) is None
    assert controller_of({}) is None
