"""Label selectors; the opt-in table row by row, about which decision and webhook entries can never disagree."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.decision import Facts, decide
from injector.core.model import Decision
from injector.core.selection import (
    OPERATORS,
    SYSTEM_NAMESPACES,
    LabelSelector,
    namespace_labels,
    parse_selector,
    selecting_rule,
    selection_rules,
)
from tests.support import kubernetes_matches

INJECTION = {
    None: {},
    "enabled": {"istio-injection": "enabled"},
    "disabled": {"istio-injection": "disabled"},
    "other": {"istio-injection": "maybe"},
}
REVISION = {None: {}, "own": {"istio.io/rev": "default"}, "other": {"istio.io/rev": "canary"}}
INJECT = {
    None: {},
    "true": {"sidecar.istio.io/inject": "true"},
    "false": {"sidecar.istio.io/inject": "false"},
    "other": {"sidecar.istio.io/inject": "yes"},
}

Labels = Mapping[str, str]
EVERY_COMBINATION = [
    ({**injection, **namespace_revision}, {**inject, **pod_revision})
    for injection, namespace_revision, inject, pod_revision in product(
        INJECTION.values(), REVISION.values(), INJECT.values(), REVISION.values()
    )
]


def decided(namespace: Labels, pod: Labels, *, revision: str = "default", by_default: bool = False) -> Decision:
    of_namespace = namespace_labels("shop", namespace)
    table = selection_rules(revision, (), namespaces_by_default=by_default)
    facts = Facts(
        pod={"metadata": {"labels": pod}, "spec": {}},
        labels=pod,
        annotations={},
        namespace="shop",
        namespace_labels=of_namespace,
        policy="enabled",
        never=(),
        always=(),
        ignored_namespaces=frozenset(SYSTEM_NAMESPACES),
        selected=selecting_rule(table, of_namespace, pod),
    )
    return decide(facts)


@pytest.mark.parametrize("by_default", [False, True])
@pytest.mark.parametrize("revision", ["default", "canary"])
def test_the_decision_and_the_webhook_entries_agree_on_every_combination_of_labels(
    revision: str, *, by_default: bool
) -> None:
    entries = [
        (rule.namespace.as_json(), rule.pod.as_json())
        for rule in selection_rules(revision, (), namespaces_by_default=by_default)
    ]
    for namespace, pod in EVERY_COMBINATION:
        labels = namespace_labels("shop", namespace)
        called = any(kubernetes_matches(ns, labels) and kubernetes_matches(own, pod) for ns, own in entries)
        decision = decided(namespace, pod, revision=revision, by_default=by_default)
        assert decision.inject == called, (namespace, pod, decision.message)


def test_no_pod_is_selected_twice_by_entries_of_different_reasons() -> None:
    for namespace, pod in EVERY_COMBINATION:
        labels = namespace_labels("shop", namespace)
        rules = selection_rules("default", (), namespaces_by_default=True)
        matching = [rule.name for rule in rules if rule.namespace.matches(labels) and rule.pod.matches(pod)]
        assert len(matching) <= 1, (namespace, pod, matching)


TRUTH_TABLE = [
    # namespace label, namespace revision, pod revision, what the pod says → entry (reference 2.2)
    ("enabled", None, None, {"true": True, None: True, "false": False, "other": True}),
    ("enabled", "other", None, {"true": True, None: True, "false": False, "other": True}),
    ("disabled", None, None, {"true": False, None: False, "false": False, "other": False}),
    ("other", "own", "own", {"true": False, None: False, "false": False, "other": False}),
    (None, "own", None, {"true": True, None: True, "false": False, "other": True}),
    (None, "other", "own", {"true": False, None: False, "false": False, "other": False}),
    (None, None, "own", {"true": True, None: True, "false": False, "other": True}),
    (None, None, "other", {"true": False, None: False, "false": False, "other": False}),
    (None, None, None, {"true": True, None: False, "false": False, "other": False}),
]


@pytest.mark.parametrize(("injection", "namespace_revision", "pod_revision", "expected"), TRUTH_TABLE)
def test_each_row_of_the_opt_in_truth_table_holds(
    injection: str | None, namespace_revision: str | None, pod_revision: str | None, expected: dict[str | None, bool]
) -> None:
    for says, inject in expected.items():
        namespace = {**INJECTION[injection], **REVISION[namespace_revision]}
        pod = {**INJECT[says], **REVISION[pod_revision]}
        assert decided(namespace, pod).inject is inject, (namespace, pod)


def test_namespaces_by_default_selects_unlabelled_namespaces_but_no_system_namespace() -> None:
    rule = selection_rules("default", (), namespaces_by_default=True)[-1]
    assert rule.namespace.matches(namespace_labels("shop", {}))
    assert not rule.namespace.matches(namespace_labels("kube-system", {}))


def test_an_injector_of_another_revision_has_no_entries_for_unrevisioned_pods() -> None:
    names = [rule.name for rule in selection_rules("canary", (), namespaces_by_default=True)]
    assert names == ["rev.namespace", "rev.object"]


def test_a_tag_named_default_brings_the_entries_for_unrevisioned_pods() -> None:
    names = [rule.name for rule in selection_rules("canary", ("default",), namespaces_by_default=False)]
    assert names == ["rev.namespace", "rev.object", "rev.namespace", "rev.object", "namespace", "object"]


def test_a_rule_written_as_json_reads_back_as_the_same_selector() -> None:
    for rule in selection_rules("default", (), namespaces_by_default=True):
        assert parse_selector(rule.namespace.as_json()) == rule.namespace
        assert parse_selector(rule.pod.as_json()) == LabelSelector(rule.pod.requirements)


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
