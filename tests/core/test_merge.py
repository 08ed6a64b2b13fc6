"""Strategic merge: every rule of the reference's section 8, and that merging is stable, lazy and harmless."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.merge import begins_with, strategic_merge
from injector.core.model import InjectionError, JsonObject

NAMES: Any = st.sampled_from(["app", "istio-proxy", "a", "b", "c"])
SCALARS: Any = st.one_of(st.integers(0, 3), st.booleans(), st.sampled_from(["", "x", "y"]))
CONTAINERS: Any = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES},
        optional={
            "image": st.sampled_from(["i", "j"]),
            "args": st.lists(st.sampled_from(["x", "y"]), max_size=3),
            "env": st.lists(
                st.fixed_dictionaries({"name": NAMES}, optional={"value": st.sampled_from(["1", "2"])}),
                max_size=4,
                unique_by=lambda entry: entry["name"],
            ),
            "securityContext": st.dictionaries(st.sampled_from(["runAsUser", "privileged"]), SCALARS, max_size=2),
        },
    ),
    max_size=4,
    unique_by=lambda container: container["name"],
)
PODS: Any = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"labels": st.dictionaries(NAMES, st.sampled_from("xy"))}),
        "spec": st.fixed_dictionaries(
            {}, optional={"containers": CONTAINERS, "nodeName": SCALARS, "volumes": CONTAINERS}
        ),
    },
)


def merged(target: Any, overlay: Any) -> Any:
    before = copy.deepcopy((target, overlay))
    result = strategic_merge(target, overlay)
    assert (target, overlay) == before, "an argument was changed"
    return result


def names(result: Any, which: str = "containers") -> list[str]:
    return [item["name"] for item in result["spec"][which]]


def containers(*names_of: str) -> Any:
    return {"spec": {"containers": [{"name": name} for name in names_of]}}


@given(PODS, PODS)
def test_merging_twice_is_merging_once(target: Any, overlay: Any) -> None:
    once = merged(target, overlay)
    assert merged(once, overlay) == once


@given(PODS, PODS)
def test_what_an_overlay_does_not_change_is_the_same_object(target: Any, overlay: Any) -> None:
    once = merged(target, overlay)
    assert merged(once, overlay) is once


@given(PODS)
def test_an_empty_overlay_changes_nothing(target: Any) -> None:
    assert merged(target, {}) is target


def test_mappings_merge_and_scalars_replace() -> None:
    assert merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}) == {"a": {"x": 1, "y": 3}}


def test_null_removes_a_key_and_an_absent_one_stays_absent() -> None:
    assert merged({"a": 1, "b": 2}, {"a": None, "c": None}) == {"b": 2}


def test_nulls_inside_what_is_new_are_dropped() -> None:
    assert merged({}, {"a": {"b": None, "c": [{"d": None, "e": 1}]}}) == {"a": {"c": [{"e": 1}]}}
    assert merged({}, {"a": [[{"b": None}], [["c"]]]}) == {"a": [[{}], [["c"]]]}


def test_a_value_of_another_type_replaces() -> None:
    limits = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "100m"}}}]}}
    overlay = {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 2}}}]}}
    assert merged(limits, overlay) == overlay
    assert merged({"a": True}, {"a": 1})["a"] == 1
    assert type(merged({"a": True}, {"a": 1})["a"]) is int


@pytest.mark.parametrize(
    ("before", "after"),
    [([True], [1]), ([1], [1.0]), ([[True]], [[1]]), ([{"a": True}], [{"a": 1}]), ([{"a": [0]}], [{"a": [False]}])],
)
def test_a_list_of_equal_values_of_other_types_replaces(before: list[Any], after: list[Any]) -> None:
    """Python takes 1, 1.0 and True for equal, JSON does not."""
    assert json.dumps(merged({"a": before}, {"a": after})["a"]) == json.dumps(after)


def test_a_list_of_the_same_values_stays_the_same_object() -> None:
    target = {"a": [1, {"b": ["x"]}]}
    assert merged(target, {"a": [1, {"b": ["x"]}]})["a"] is target["a"]


def test_a_list_without_a_merge_key_is_replaced_whole() -> None:
    target = {"spec": {"containers": [{"name": "a", "args": ["1", "2"]}]}}
    overlay = {"spec": {"containers": [{"name": "a", "args": ["3"]}]}}
    assert merged(target, overlay) == overlay


@pytest.mark.parametrize(
    ("target", "overlay", "expected"),
    [
        ("xby", "ab", "axby"),
        ("xy", "ab", "abxy"),
        ("ab", "ba", "ba"),
        ("axb", "ab", "axb"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
    ],
)
def test_new_items_come_before_what_follows_and_others_keep_their_place(
    target: str, overlay: str, expected: str
) -> None:
    """Reference 8.2, step 3, with its own example in the first row."""
    assert names(merged(containers(*target), containers(*overlay))) == list(expected)


def nested(path: str, items: list[Any]) -> Any:
    """A pod with the items at a path of MERGE_KEYS; lists of containers on the way have one of them."""
    head, _, rest = path.partition(".")
    if not rest:
        return {head: items}
    below = nested(rest, items)
    return {head: [{"name": "a", **below}] if head.endswith("ontainers") else below}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("metadata.ownerReferences", "uid"),
        *((f"spec.{which}", "name") for which in ("containers", "initContainers", "ephemeralContainers")),
        *(
            (f"spec.{which}.{field}", key)
            for which in ("containers", "initContainers", "ephemeralContainers")
            for field, key in {
                "ports": "containerPort",
                "env": "name",
                "volumeMounts": "mountPath",
                "volumeDevices": "devicePath",
            }.items()
        ),
        *((f"spec.{field}", "name") for field in ("volumes", "resourceClaims", "imagePullSecrets", "schedulingGates")),
        ("spec.hostAliases", "ip"),
        ("spec.topologySpreadConstraints", "topologyKey"),
    ],
)
def test_each_list_is_merged_by_the_key_that_kubernetes_gives_it(path: str, key: str) -> None:
    """The patch merge keys of Kubernetes' API (reference 8.2)."""
    before, after = nested(path, [{key: "x", "a": 1}]), nested(path, [{key: "x", "b": 2}, {key: "y"}])
    assert merged(before, after) == nested(path, [{key: "x", "a": 1, "b": 2}, {key: "y"}])


def test_ports_merge_by_number_whatever_their_protocol() -> None:
    target = {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1, "protocol": "UDP"}]}]}}
    overlay = {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1, "name": "x"}]}]}}
    ports = merged(target, overlay)["spec"]["containers"][0]["ports"]
    assert ports == [{"containerPort": 1, "protocol": "UDP", "name": "x"}]


def test_mounts_merge_by_path_as_text() -> None:
    target = {"spec": {"containers": [{"name": "a", "volumeMounts": [{"mountPath": "/x", "name": "u"}]}]}}
    overlay = {"spec": {"containers": [{"name": "a", "volumeMounts": [{"mountPath": "/x/", "name": "v"}]}]}}
    assert len(merged(target, overlay)["spec"]["containers"][0]["volumeMounts"]) == 2


def test_finalizers_are_a_set() -> None:
    target, overlay = {"metadata": {"finalizers": ["a", "b"]}}, {"metadata": {"finalizers": ["b", "c"]}}
    assert merged(target, overlay)["metadata"]["finalizers"] == ["a", "b", "c"]


def test_an_explicit_null_volume_source_keeps_the_user_s_own() -> None:
    target = {"spec": {"volumes": [{"name": "v", "csi": {"driver": "d"}}]}}
    overlay = {"spec": {"volumes": [{"name": "v", "emptyDir": None}]}}
    assert merged(target, overlay) == target


def test_patch_replace_and_delete() -> None:
    assert merged({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}) == {"a": {"y": 2}}
    assert merged({"a": {"x": 1}}, {"a": {"$patch": "delete"}}) == {"a": {}}
    delete = {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}
    assert names(merged(containers("a", "b"), delete)) == ["b"]
    replace = {"spec": {"containers": [{"$patch": "replace"}, {"name": "c"}]}}
    assert names(merged(containers("a", "b"), replace)) == ["c"]


def test_what_is_put_in_place_holds_no_null_and_no_directive() -> None:
    overlay = {"a": {"$patch": "replace", "y": 2, "n": None, "b": {"$retainKeys": ["c"], "c": 1}}}
    assert merged({"a": {"x": 1}}, overlay) == {"a": {"y": 2, "b": {"c": 1}}}


@pytest.mark.parametrize(
    ("target", "wanted", "expected"),
    [("ab", "ba", "ba"), ("xayb", "ba", "xyba"), ("abx", "ba", "bax"), ("xy", "yx", "yx"), ("axb", "ab", "axb")],
)
def test_a_wanted_order_leaves_other_items_where_they_stood(target: str, wanted: str, expected: str) -> None:
    """The walk of reference 8.2, step 3, with the directive's order in place of the overlay's."""
    order = {"spec": {"$setElementOrder/containers": [{"name": name} for name in wanted]}}
    assert names(merged(containers(*target), order)) == list(expected)


def test_a_wanted_order_counts_more_than_that_of_the_overlay() -> None:
    overlay = containers("n", "a")
    overlay["spec"]["$setElementOrder/containers"] = [{"name": "a"}, {"name": "n"}]
    assert names(merged(containers("x", "a", "y"), overlay)) == ["x", "a", "n", "y"]


def test_an_order_of_things_without_a_key_is_harmless() -> None:
    order = {"spec": {"$setElementOrder/tolerations": [{"key": "b"}, {"key": "a"}]}}
    target = {"spec": {"tolerations": [{"key": "a"}, {"key": "b"}]}}
    assert merged(target, order) == {"spec": {"tolerations": [{"key": "b"}, {"key": "a"}]}}


@pytest.mark.parametrize(
    ("target", "overlay", "expected"),
    [
        (None, [1, 2], [1, 2]),
        ([], [1, 2], [2]),
        ([1], [1, 2], [2]),
        ([3], [1, 2], [2]),
        ([1, 2], [1, 2], [1, 2]),
        ([3, 4], [1, 2], [1, 2]),
        ([3, 4], [1], [1, 4]),
    ],
)
def test_a_name_that_an_overlay_has_twice(target: Any, overlay: list[int], expected: list[int]) -> None:
    """In a new container both are listed; in one that has the name the later one wins (reference 5.9.3, row 27)."""

    def container(values: list[int]) -> Any:
        env = [{"name": "N", "value": str(value)} for value in values]
        return {"spec": {"containers": [{"name": "a", "env": env}]}}

    before = {"spec": {"containers": []}} if target is None else container(target)
    assert merged(before, container(overlay)) == container(expected)


def test_element_order_retain_keys_and_deletion_from_sets() -> None:
    order = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert names(merged(containers("a", "b"), order)) == ["b", "a"]
    assert merged({"s": {"a": 1, "b": 2}}, {"s": {"$retainKeys": ["a"], "a": 3}}) == {"s": {"a": 3}}
    delete = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert merged({"metadata": {"finalizers": ["a", "b"]}}, delete) == {"metadata": {"finalizers": ["b"]}}


def test_an_order_of_a_list_that_is_not_there_orders_nothing() -> None:
    order = {"spec": {"$setElementOrder/volumes": [{"name": "a"}], "$other/containers": ["b"]}}
    assert merged(containers("a", "b"), order) == containers("a", "b")


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"spec": {"$patch": "burn"}}, "'burn' is not a directive"),
        ({"spec": {"$patch": "merge"}}, "'merge' is not a directive"),
        ({"spec": {"containers": [{"name": "a", "$patch": "burn"}]}}, "'burn' is not a directive"),
        ({"spec": {"containers": [{"name": "new", "$patch": "merge"}]}}, "'merge' is not a directive"),
        ({"spec": {"containers": [{"image": "x"}]}}, "merged by 'name' has none"),
        ({"spec": {"containers": ["$patch"]}}, "merged by 'name' has none: '\\$patch'"),
        ({"spec": {"containers": [5]}}, "merged by 'name' has none: 5"),
        ({"spec": {"$retainKeys": "containers"}}, "expected a list, not 'containers'"),
        ({"spec": {"$setElementOrder/containers": None}}, "expected a list, not None"),
    ],
)
def test_an_overlay_that_cannot_be_merged_is_refused_and_named(overlay: Any, message: str) -> None:
    with pytest.raises(InjectionError, match=message):
        strategic_merge(containers("a"), overlay)


SAME = [{"name": "a", "value": "1"}, {"name": "b"}]


@pytest.mark.parametrize(
    ("target", "overlay", "is_there"),
    [
        (SAME, SAME, True), ([*SAME, {"name": "c"}], SAME, True), (SAME, SAME[1:], False), (SAME, [], False),
        ([{"name": "a", "x": True}], [{"name": "a", "x": 1}], False), ([{"name": None}], [{"name": None}], False),
        ([{"name": "a", "$patch": "delete"}], [{"name": "a", "$patch": "delete"}], False),
    ],
)  # fmt: skip
def test_a_list_that_begins_with_the_overlay_stays(
    target: list[JsonObject], overlay: list[JsonObject], is_there: bool
) -> None:
    assert begins_with(target, overlay) == is_there
    pod = {"spec": {"containers": [{"name": "app", "env": target}]}}
    if is_there:
        assert strategic_merge(pod, {"spec": {"containers": [{"name": "app", "env": overlay}]}}) is pod
