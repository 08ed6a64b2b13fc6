"""The conditions of a policy select the pods that the decision table injects: every row against every other."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from injector.core.admission import Subject, admit
from injector.core.decision import RULES as DECISION_RULES
from injector.core.injection import template_names
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod
from injector.core.pods import annotations, workload_of
from injector.core.selection import selecting_rule
from injector.core.setup import Setup
from injector.policy import Policy, policies
from injector.policy.application import apply
from injector.policy.conditions import RULES
from tests.support import setup_of

TEMPLATE = """
defaultTemplates: [side]
aliases: {both: [side, other]}
templates:
  side: "spec: {containers: [{name: side, image: s}]}"
  other: "spec: {containers: [{name: other, image: o}]}"
"""
INJECT, REVISION, OPT_IN = "sidecar.istio.io/inject", "istio.io/rev", "istio-injection"
CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "default": (),
    "disabled": ("policy=disabled",),
    "by default": ("enableNamespacesByDefault=true",),
    "revision": ("revision=canary",),
    "tags": ("revision=canary", "revisionTags={prod,default}"),
    "selectors": (
        "neverInjectSelector[0].matchLabels.app=never",
        "alwaysInjectSelector[0].matchLabels.app=always",
        "policy=disabled",
    ),
    "other template": ("defaultTemplates={both}",),
    "no template": ("defaultTemplates={other}",),
}
NAMESPACES: list[tuple[str, dict[str, str]]] = [
    (name, {key: value for key, value in ((OPT_IN, opt_in), (REVISION, revision)) if value is not None})
    for name, opt_in, revision in product(
        ("shop", "kube-system"), (None, "enabled", "disabled"), (None, "default", "canary", "other")
    )
]


def affinity(*terms: Any) -> JsonObject:
    required = {"nodeSelectorTerms": [{"matchExpressions": each} for each in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def on(system: str, operator: str = "In") -> JsonObject:
    return {"key": "kubernetes.io/os", "operator": operator, "values": [system]}


SPECS: list[JsonObject] = [
    {},
    {"hostNetwork": True},
    {"hostNetwork": False},
    {"os": {"name": "windows"}},
    {"os": {"name": "linux"}, "nodeSelector": {"kubernetes.io/os": "windows"}},
    {"nodeSelector": {"beta.kubernetes.io/os": "windows"}},
    {"nodeSelector": {"kubernetes.io/os": "linux"}},
    affinity([on("windows")]),
    affinity([on("windows")], [on("linux")]),
    affinity([on("windows"), on("linux", "NotIn")], [on("windows")]),
    affinity(),
]
LABELS: list[dict[str, str]] = [
    {key: value for key, value in (("app", app), (INJECT, inject), (REVISION, revision)) if value is not None}
    for app, inject, revision in product(
        (None, "never", "always"), (None, "true", "false", "yes"), (None, "default", "canary")
    )
]
ANNOTATIONS: list[dict[str, str]] = [
    {},
    {INJECT: "true"},
    {INJECT: "false"},
    {INJECT: "maybe"},
    {"kubernetes.io/config.mirror": ""},
    {"inject.istio.io/templates": " other , side"},
    {"inject.istio.io/templates": "both"},
    {"inject.istio.io/templates": "other"},
    {"inject.istio.io/templates": ""},
]


def test_every_rule_of_the_decision_has_its_row() -> None:
    assert list(RULES) == [name for name, _ in DECISION_RULES]


@pytest.fixture(params=CONFIGURATIONS)
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Setup:
    return setup_of(tmp_path, TEMPLATE, *CONFIGURATIONS[request.param])


def is_selected(policy: Policy, pod: Pod, namespace: JsonObject) -> bool:
    applied = apply(policy, pod, namespace["metadata"]["name"], namespace["metadata"]["labels"])
    assert not applied.fault
    return all(applied.conditions.values())


def pods(*, with_selectors: bool) -> list[Pod]:
    """Every label with every annotation, and every specification; what only selectors look at for these alone."""
    bare = {"containers": [{"name": "app", "image": "app"}]}
    own = LABELS if with_selectors else [labels for labels in LABELS if "app" not in labels]
    every = [*product(own, ANNOTATIONS, SPECS[:1]), *product(own[:1], ANNOTATIONS[:1], SPECS)]
    return [
        {"metadata": {"name": "app", "labels": labels, "annotations": own}, "spec": {**bare, **spec}}
        for labels, own, spec in every
    ]


def test_webhook_selectors_and_policy_agree(setup: Setup) -> None:
    (policy,) = policies(setup.config, ["side"])
    selected = 0
    with_selectors = bool(setup.config.never_inject_selector)
    for (name, labels), pod in product(NAMESPACES, pods(with_selectors=with_selectors)):
        namespace = {"metadata": {"name": name, "labels": labels}}
        admission = admit(Subject(pod, name, workload_of(pod, name), namespace), setup, EMPTY_SNAPSHOT)
        decided = admission.decision is not None and admission.decision.inject
        gets = decided and "side" in template_names(annotations(pod), setup.config)
        in_cluster = {"kubernetes.io/metadata.name": name, **labels}
        called = selecting_rule(setup.selection, in_cluster, pod["metadata"]["labels"]) is not None
        assert is_selected(policy, pod, namespace) == gets, (name, labels, pod)
        assert called or not gets
        selected += gets
    assert selected


def test_what_every_row_asks_is_said_by_selectors(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, TEMPLATE, "revision=canary")
    (policy,) = policies(setup.config)
    constraints = policy.documents()[-2]["spec"]["matchConstraints"]
    assert constraints["namespaceSelector"]["matchExpressions"][0] == {"key": OPT_IN, "operator": "DoesNotExist"}
    assert constraints["objectSelector"]["matchExpressions"] == [
        {"key": INJECT, "operator": "NotIn", "values": ["false"]}
    ]
