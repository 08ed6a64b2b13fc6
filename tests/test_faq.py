"""The decision path of docs/faq.md is that of the decision table: each row decides, in its place, as it says."""

import re
from dataclasses import replace
from typing import Any

import pytest

from injector.config import load
from injector.core.decision import RULES, decide, facts_of, selection_of
from injector.core.reasons import REASONS
from injector.core.selection import parse_selector
from tests.support import REPOSITORY

_ROW = re.compile(r"^\| (?P<rule>[A-Za-z ]+) \| `(?P<reason>\w+)` \| (?P<when>.+) \| (?P<remedy>.+) \|$", re.MULTILINE)
ROWS = [(row["rule"], row["reason"]) for row in _ROW.finditer((REPOSITORY / "docs" / "faq.md").read_text("utf-8"))]
ENABLED = {"istio-injection": "enabled"}
LABEL = "sidecar.istio.io/inject"

# For each row a pod that it is about: metadata, spec, the labels of its namespace, and the configuration.
EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("mirror pod", "MirrorPod"): {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}},
    ("host network", "HostNetwork"): {"spec": {"hostNetwork": True}},
    ("Windows pod", "WindowsPod"): {"spec": {"os": {"name": "windows"}}},
    ("ignored namespace", "IgnoredNamespace"): {"namespace": "kube-system"},
    ("namespace and revision", "NamespaceLabel"): {"labels": {"istio-injection": "disabled"}},
    ("namespace and revision", "RevisionMismatch"): {"labels": {"istio.io/rev": "other"}},
    ("namespace and revision", "NamespaceNotSelected"): {"labels": {}},
    ("readable policy", "Policy"): {"policy": "perhaps"},
    ("pod label", "PodLabel"): {"metadata": {"labels": {LABEL: "false"}}},
    ("pod annotation", "PodAnnotation"): {"metadata": {"annotations": {LABEL: "false"}}},
    ("neverInjectSelector", "NeverInjectSelector"): {"metadata": {"labels": {"app": "no"}}},
    ("policy", "Policy"): {"policy": "disabled"},
}


@pytest.mark.parametrize(("rule", "reason"), ROWS, ids=map("-".join, ROWS))
def test_a_pod_of_each_row_is_left_alone_for_that_reason(rule: str, reason: str) -> None:
    example = EXAMPLES[(rule, reason)]
    never = (parse_selector({"matchLabels": {"app": "no"}}),)
    config = replace(load().config, policy=example.get("policy", "enabled"), never_inject_selector=never)
    pod = {"metadata": example.get("metadata", {}), "spec": example.get("spec", {})}
    facts = facts_of(
        pod, example.get("namespace", "shop"), example.get("labels", ENABLED), config, selection_of(config)
    )
    decision = decide(facts)
    assert (decision.inject, decision.reason, decision.rule) == (False, reason, rule)


def test_the_rows_are_in_the_order_of_the_rules() -> None:
    order = [name for name, _ in RULES]
    assert [order.index(rule) for rule, _ in ROWS] == sorted(order.index(rule) for rule, _ in ROWS)
    assert ROWS[-1][0] == order[-1]


def test_every_reason_to_leave_a_pod_alone_has_a_row() -> None:
    only_to_inject = {"AlwaysInjectSelector", "NamespaceRevision", "PodRevision", "NamespaceDefault"}
    assert {reason for _, reason in ROWS} == REASONS.keys() - only_to_inject
    assert EXAMPLES.keys() == set(ROWS)
