"""Label selectors, as Kubernetes reads them (reference 2.1)."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import OPERATORS, parse_selector
from tests.support import kubernetes_matches


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ({}, {"a": "1"}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1", "b": "2", "c": "3"}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        ({"matchLabels": {"a": ""}}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}], "matchLabels": {"b": "2"}}, {"b": "2"}, True),
        ({"matchLabels": None, "matchExpressions": None}, {}, True),
    ],
)
def test_all_requirements_have_to_be_met(selector: dict[str, Any], labels: dict[str, str], matches: bool) -> None:
    assert parse_selector(selector).matches(labels) == matches


KEYS, VALUES = st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2"])
EXPRESSIONS = st.builds(
    lambda key, operator, values: {
        "key": key,
        "operator": operator,
        **({"values": values} if "In" in operator else {}),
    },
    KEYS,
    st.sampled_from(OPERATORS),
    st.lists(VALUES, min_size=1, max_size=2),
)


@given(st.lists(EXPRESSIONS, max_size=3), st.dictionaries(KEYS, VALUES))
def test_it_matches_what_kubernetes_matches(expressions: list[dict[str, Any]], labels: dict[str, str]) -> None:
    selector = parse_selector({"matchExpressions": expressions})
    assert selector.matches(labels) == kubernetes_matches({"matchExpressions": expressions}, labels)
    assert parse_selector(selector.as_json()) == selector


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ([], "has to be a mapping, not []"),
        ({"matchLabel": {}}, "unknown key 'matchLabel'"),
        ({"matchLabels": {"a": 1}}, "matchLabels has to map texts to texts, not {'a': 1}"),
        ({"matchExpressions": "x"}, "matchExpressions has to be a list"),
        ({"matchExpressions": [{"operator": "Exists"}]}, "needs a key"),
        ({"matchExpressions": [{"key": "a", "operator": "Is"}]}, "'Is' of key 'a' is not one of In, NotIn, Exists"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "operator In of key 'a' takes at least one value"),
        ({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["1"]}]}, "takes no values"),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]}, "a list of texts, not [1]"),
    ],
)
def test_faults_say_what_is_wrong(selector: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_selector(selector)
