"""Whether a pod is injected: which rule decides, and that the trace tells everything that was looked at."""

from typing import Any

import pytest

from injector.core.decision import RULES, Facts, decide
from injector.core.pods import annotations, labels
from injector.core.selection import parse_selector, selecting_rule, selection_rules

INJECT = "sidecar.istio.io/inject"


def facts(**changed: Any) -> Facts:
    given: dict[str, Any] = {
        "pod": pod(),
        "namespace": "shop",
        "namespace_labels": {"istio-injection": "enabled"},
        "policy": "enabled",
        "never": (),
        "always": (),
        "ignored_namespaces": frozenset({"kube-system"}),
        "table": selection_rules("default", (), namespaces_by_default=False),
    }
    given |= changed
    table, of_namespace = given.pop("table"), given["namespace_labels"]
    is_known = of_namespace is not None
    of_pod, own = labels(given["pod"]), annotations(given["pod"])
    selected = selecting_rule(table, of_namespace, of_pod) if is_known else None
    return Facts(**given, labels=of_pod, annotations=own, selected=selected)


def pod(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels or {}, "annotations": annotations or {}}, "spec": spec}


def os_affinity(*terms: list[str], key: str = "kubernetes.io/os", operator: str = "In") -> dict[str, Any]:
    """A node affinity whose terms, which are alternatives, each name operating systems."""
    expressions = [{"key": key, "operator": operator, "values": values} for values in terms]
    selector = {"nodeSelectorTerms": [{"matchExpressions": [each]} for each in expressions]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}


APP = parse_selector({"matchLabels": {"app": "db"}})

CASES = [
    (facts(pod=pod(annotations={"kubernetes.io/config.mirror": "abc"})), False, "MirrorPod"),
    (facts(pod=pod(hostNetwork=True)), False, "HostNetwork"),
    (facts(pod=pod(os={"name": "windows"})), False, "WindowsPod"),
    (facts(pod=pod(nodeSelector={"kubernetes.io/os": "windows"})), False, "WindowsPod"),
    (facts(pod=pod(nodeSelector={"beta.kubernetes.io/os": "windows"})), False, "WindowsPod"),
    (facts(pod=pod(nodeSelector={"kubernetes.io/os": "linux"})), True, "NamespaceLabel"),
    (facts(pod=pod(os={"name": "linux"}, nodeSelector={"kubernetes.io/os": "windows"})), True, "NamespaceLabel"),
    (facts(pod=pod(affinity=os_affinity(["windows"]))), False, "WindowsPod"),
    (facts(pod=pod(affinity=os_affinity(["windows"], ["windows"]))), False, "WindowsPod"),
    (facts(pod=pod(affinity=os_affinity(["windows"], ["linux"]))), True, "NamespaceLabel"),
    (facts(pod=pod(affinity=os_affinity(["windows", "linux"]))), True, "NamespaceLabel"),
    (facts(pod=pod(affinity=os_affinity(["windows"], key="beta.kubernetes.io/os"))), False, "WindowsPod"),
    (facts(pod=pod(affinity=os_affinity(["windows"], key="theme"))), True, "NamespaceLabel"),
    (facts(pod=pod(affinity=os_affinity(["windows"], operator="NotIn"))), True, "NamespaceLabel"),
    (facts(pod=pod(affinity={"nodeAffinity": 5}, nodeSelector=[])), True, "NamespaceLabel"),
    (facts(namespace="kube-system"), False, "IgnoredNamespace"),
    (facts(pod=pod({INJECT: "false"})), False, "PodLabel"),
    (facts(pod=pod({INJECT: "true"})), True, "PodLabel"),
    (facts(pod=pod(annotations={INJECT: "false"})), False, "PodAnnotation"),
    (facts(pod=pod(annotations={INJECT: "true"}), policy="disabled"), True, "PodAnnotation"),
    (facts(pod=pod({"app": "db"}), never=(APP,), always=(APP,)), False, "NeverInjectSelector"),
    (facts(pod=pod({"app": "db"}), always=(APP,), policy="disabled"), True, "AlwaysInjectSelector"),
    (facts(), True, "NamespaceLabel"),
    (facts(namespace_labels={"istio.io/rev": "default"}), True, "NamespaceRevision"),
    (facts(namespace_labels={}, pod=pod({"istio.io/rev": "default"})), True, "PodRevision"),
    (facts(namespace_labels={"istio-injection": "disabled"}), False, "NamespaceLabel"),
    (facts(namespace_labels={"istio.io/rev": "canary"}), False, "RevisionMismatch"),
    (facts(namespace_labels={}, pod=pod({"istio.io/rev": "canary"})), False, "RevisionMismatch"),
    (facts(namespace_labels={}), False, "NamespaceNotSelected"),
    (
        facts(namespace_labels={}, table=selection_rules("default", (), namespaces_by_default=True)),
        True,
        "NamespaceDefault",
    ),
    (facts(policy="disabled"), False, "Policy"),
    (facts(policy="sometimes", pod=pod({INJECT: "true"})), False, "Policy"),
    (facts(namespace_labels=None), True, "Policy"),
]


@pytest.mark.parametrize(
    ("given", "inject", "reason"), CASES, ids=[f"{reason}-{inject}" for _, inject, reason in CASES]
)
def test_the_expected_rule_decides(given: Facts, reason: str, *, inject: bool) -> None:
    decision = decide(given)
    assert (decision.inject, decision.reason) == (inject, reason)


@pytest.mark.parametrize("given", [case[0] for case in CASES])
def test_the_trace_holds_every_rule_looked_at_in_order_and_ends_with_the_one_that_decided(given: Facts) -> None:
    trace = decide(given).trace
    assert [result.rule for result in trace] == [name for name, _ in RULES[: len(trace)]]
    assert [result.decided for result in trace] == [False] * (len(trace) - 1) + [True]
    assert all(result.message for result in trace)


def test_the_words_of_the_trace() -> None:
    """What a preview shows of a usual pod, rule by rule."""
    assert {result.rule: result.message for result in decide(facts()).trace} == {
        "mirror pod": "the pod is not a mirror pod",
        "host network": "the pod has a network of its own",
        "Windows pod": "the pod does not ask for Windows",
        "ignored namespace": "namespace 'shop' is not among the ignored ones",
        "namespace and revision": "the namespace's label istio-injection=enabled opts in",
        "readable policy": "the policy is enabled",
        "pod label": "the pod has no label sidecar.istio.io/inject",
        "pod annotation": "the pod has no annotation sidecar.istio.io/inject",
        "neverInjectSelector": "no neverInjectSelector matches the pod's labels",
        "alwaysInjectSelector": "no alwaysInjectSelector matches the pod's labels",
        "policy": "the namespace's label istio-injection=enabled opts in",
    }


@pytest.mark.parametrize(
    ("given", "rule", "message"),
    [
        (
            facts(namespace_labels=None),
            "namespace and revision",
            "the namespace is not known here: its labels are not looked at",
        ),
        (
            facts(namespace_labels={}, pod=pod({INJECT: "false"})),
            "namespace and revision",
            f"the pod's label {INJECT} is looked at next",
        ),
        (
            facts(pod=pod({INJECT: "yes"})),
            "pod label",
            f"the pod's label {INJECT} is 'yes', neither 'true' nor 'false'",
        ),
        (
            facts(pod=pod({INJECT: "yes"})),
            "pod annotation",
            f"the annotation {INJECT} does not count beside the label",
        ),
    ],
)
def test_the_trace_says_what_a_rule_saw(given: Facts, rule: str, message: str) -> None:
    assert {result.rule: result.message for result in decide(given).trace}[rule] == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (facts(pod=pod(annotations={"kubernetes.io/config.mirror": "x"})), "the kubelet runs it from a file"),
        (facts(namespace="kube-system"), "namespace 'kube-system' is never injected"),
        (facts(pod=pod(os={"name": "windows"})), "spec.os.name is windows: the proxy needs Linux"),
        (
            facts(pod=pod(nodeSelector={"kubernetes.io/os": "windows"})),
            "spec.nodeSelector[kubernetes.io/os] is windows: the proxy needs Linux",
        ),
        (facts(pod=pod({"app": "db"}), never=(APP, APP)), "neverInjectSelector[0] matches the pod's labels"),
        (facts(namespace_labels={"istio-injection": "off"}), "the namespace's label istio-injection is 'off'"),
        (facts(namespace_labels={"istio.io/rev": "x"}), "the namespace's label istio.io/rev=x names another injector"),
        (
            facts(namespace_labels={}, pod=pod({"istio.io/rev": "x"})),
            "the pod's label istio.io/rev=x names another injector",
        ),
        (facts(namespace_labels={}), f"label it istio-injection=enabled, or the pod {INJECT}=true"),
        (facts(policy="sometimes"), "the policy 'sometimes' is neither 'enabled' nor 'disabled'"),
        (
            facts(table=selection_rules("canary", (), namespaces_by_default=False)),
            "this injector answers only to its revision, not to istio-injection",
        ),
    ],
)
def test_the_deciding_rule_says_why(given: Facts, message: str) -> None:
    assert message in decide(given).message


@pytest.mark.parametrize("value", ["", "yes", "True", "FALSE", "true "])
def test_an_unreadable_label_hides_the_annotation_and_leaves_the_decision_to_the_policy(value: str) -> None:
    decision = decide(facts(pod=pod({INJECT: value}, {INJECT: "false"})))
    assert (decision.inject, decision.reason) == (True, "NamespaceLabel")


def test_an_empty_selector_matches_nothing() -> None:
    assert decide(facts(never=(parse_selector({}),))).inject


def test_manual_injection_looks_at_the_pods_own_word_only() -> None:
    given = facts(policy="disabled", never=(APP,), namespace_labels=None, pod=pod({"app": "db"})).for_manual_injection()
    assert decide(given).inject
    opted_out = facts(namespace_labels=None, pod=pod(annotations={INJECT: "false"})).for_manual_injection()
    assert decide(opted_out).reason == "PodAnnotation"


@pytest.mark.parametrize(("value", "inject"), [("true", True), ("false", False)])
def test_the_pod_s_own_word_comes_before_the_selectors(value: str, inject: bool) -> None:
    """Annotation and label alike, against a selector that says the opposite."""
    app = {"app": "db"}
    for own in (pod(app, {INJECT: value}), pod({**app, INJECT: value})):
        decision = decide(facts(pod=own, never=(APP,) if inject else (), always=() if inject else (APP,)))
        assert decision.inject is inject
        assert decision.reason in ("PodAnnotation", "PodLabel")
