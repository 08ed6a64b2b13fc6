"""The JSON Patch gives the result, and costs no more operations than what changed."""

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.patch import diff

KEYS = st.sampled_from(["name", "a", "b", "a/b", "~", "~1", "mountPath", ""])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["", "x", "é"])),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=4)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


def types_too(value: Any) -> Any:
    """The value such that true and 1 differ, as they do in JSON."""
    if isinstance(value, dict):
        return {key: types_too(item) for key, item in value.items()}
    if isinstance(value, list):
        return [types_too(item) for item in value]
    return (type(value).__name__, value)


@given(DOCUMENTS, DOCUMENTS)
def test_the_patch_of_two_documents_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    received = copy.deepcopy(before)
    result = jsonpatch.apply_patch(before, diff(before, after))
    assert types_too(result) == types_too(after)
    assert before == received


@given(DOCUMENTS)
def test_there_is_no_patch_where_nothing_changes(document: Any) -> None:
    assert diff(document, copy.deepcopy(document)) == []


def test_keys_are_escaped_as_json_pointer_asks() -> None:
    assert diff({}, {"a/b~c": 1}) == [{"op": "add", "path": "/a~1b~0c", "value": 1}]


def test_an_item_added_to_a_list_is_one_operation() -> None:
    before = [{"name": "app"}, {"name": "web"}]
    operations = diff({"containers": before}, {"containers": [{"name": "proxy"}, *before]})
    assert operations == [{"op": "add", "path": "/containers/0", "value": {"name": "proxy"}}]


@pytest.mark.parametrize("key", ["name", "mountPath", "containerPort", "key", "uid"])
def test_items_are_told_apart_by_the_first_key_that_all_have(key: str) -> None:
    before = [{key: 1, "v": "a"}, {key: 2, "v": "b"}]
    assert diff({"l": before}, {"l": before[1:]}) == [{"op": "remove", "path": "/l/0"}]
    alike = [{key: [1], "v": "a"}, {key: [2], "v": "b"}]
    assert [each["op"] for each in diff({"l": alike}, {"l": alike[1:]})] == ["replace", "replace", "remove"]


def test_a_parent_that_is_missing_is_made_once() -> None:
    operations = diff({}, {"metadata": {"labels": {"a": "1", "b": "2"}}})
    assert operations == [{"op": "add", "path": "/metadata", "value": {"labels": {"a": "1", "b": "2"}}}]


def test_items_that_change_places_are_moved_not_rewritten() -> None:
    before = {"l": [{"name": "a", "v": 1}, {"name": "b"}]}
    after = {"l": [{"name": "b"}, {"name": "a", "v": 1}]}
    assert jsonpatch.apply_patch(before, diff(before, after)) == after
    assert len(diff(before, after)) == 2


def test_items_of_another_type_are_replaced() -> None:
    """In Python 1 and true are equal; an API server knows the difference."""
    for before, after in ((1, True), (True, 1), (0, False), (1, 1.0)):
        assert diff({"args": [before]}, {"args": [after]}) == [{"op": "replace", "path": "/args/0", "value": after}]
        assert diff({"a": before}, {"a": after}) == [{"op": "replace", "path": "/a", "value": after}]
