"""Whether a pod is injected, and why: an ordered table of rules, each looked at and recorded in turn.

Order: what can never work, the namespace and revision selection, then the pod's own word over selectors over policy
(reference section 2.1; the reasons are those of the contract).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from injector.core.model import Config, Decision, Pod
from injector.core.pods import annotations, labels
from injector.core.selection import (
    INJECT_KEY,
    NAMESPACE_INJECTION_LABEL,
    REVISION_KEY,
    LabelSelector,
    SelectionRule,
    namespace_labels,
    selecting_rule,
    selection_rules,
)

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
WINDOWS = "windows"
# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-os and its predecessor.
OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
# Only these fields can ask for an operating system: most pods have none of them.
_PLACING = frozenset(("os", "nodeSelector", "affinity"))
# Beyond that nobody wrote the terms of an affinity by hand, and nobody is to wait for them.
MOST_TERMS = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says: inject or not, and why."""

    inject: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `namespace_labels` is None where the namespace is not known.

    `labels` and `annotations` are the pod's; `selected` is the row of the opt-in table that selects it, if one does.
    """

    pod: Pod
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    namespace: str
    namespace_labels: Mapping[str, str] | None
    policy: str
    never: tuple[LabelSelector, ...]
    always: tuple[LabelSelector, ...]
    ignored_namespaces: frozenset[str]
    selected: SelectionRule | None

    def for_manual_injection(self) -> "Facts":
        """The same facts for a pod from a file: it is meant to be injected, unless it says otherwise (section 14)."""
        return replace(self, policy="enabled", never=(), always=())


def selection_of(config: Config) -> tuple[SelectionRule, ...]:
    """The opt-in table of `config`."""
    by_default = config.enable_namespaces_by_default
    return selection_rules(config.revision, config.revision_tags, namespaces_by_default=by_default)


def facts_of(
    pod: Pod,
    namespace: str,
    labels_of_namespace: Mapping[str, str] | None,
    config: Config,
    selection: tuple[SelectionRule, ...],
) -> Facts:
    """The facts for one pod under `config`; `labels_of_namespace` is None where the namespace is not known."""
    known = None if labels_of_namespace is None else namespace_labels(namespace, labels_of_namespace)
    of_pod = labels(pod)
    return Facts(
        pod=pod,
        labels=of_pod,
        annotations=annotations(pod),
        namespace=namespace,
        namespace_labels=known,
        policy=config.policy,
        never=config.never_inject_selector,
        always=config.always_inject_selector,
        ignored_namespaces=config.ignored_namespaces,
        selected=None if known is None else selecting_rule(selection, known, of_pod),
    )


def decide(facts: Facts) -> Decision:
    """Look at the rules in order until one decides. The last rule always decides."""
    seen: list[tuple[str, str]] = []
    for name, rule in RULES:
        result = rule(facts)
        if isinstance(result, Verdict):
            return Decision(result.inject, result.reason, result.message, name, tuple(seen))
        seen.append((name, result))
    raise AssertionError("the policy rule always decides")


def _mirror_pod(facts: Facts) -> Verdict | str:
    if MIRROR_ANNOTATION in facts.annotations:
        return Verdict(inject=False, reason="MirrorPod", message="a mirror pod: the kubelet runs it from a file")
    return "the pod is not a mirror pod"


def _host_network(facts: Facts) -> Verdict | str:
    if (facts.pod.get("spec") or {}).get("hostNetwork") is True:
        return Verdict(
            inject=False, reason="HostNetwork", message="spec.hostNetwork is true: redirection would change the node"
        )
    return "the pod has a network of its own"


def _windows_pod(facts: Facts) -> Verdict | str:
    place = _windows_requirement(facts.pod)
    if place:
        return Verdict(inject=False, reason="WindowsPod", message=f"{place} is windows: the proxy needs Linux")
    return "the pod does not ask for Windows"


def _windows_requirement(pod: Pod) -> str:
    """The field that binds a pod to Windows nodes; empty where none does.

    Source: https://kubernetes.io/docs/concepts/windows/user-guide/, "Ensuring OS-specific workloads land on the
    appropriate container host".
    """
    spec = _mapping(pod.get("spec"))
    if _PLACING.isdisjoint(spec):
        return ""
    system = _mapping(spec.get("os")).get("name")
    if system:
        return "spec.os.name" if system == WINDOWS else ""
    for label in OS_LABELS:
        if _mapping(spec.get("nodeSelector")).get(label) == WINDOWS:
            return f"spec.nodeSelector[{label}]"
    node_affinity = _mapping(_mapping(spec.get("affinity")).get("nodeAffinity"))
    terms = _list(
        _mapping(node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")).get("nodeSelectorTerms")
    )
    # Terms are alternatives: the pod is bound to Windows where each of them is.
    few = 0 < len(terms) <= MOST_TERMS
    return "the node affinity" if few and all(_requires_windows(_mapping(term)) for term in terms) else ""


def _requires_windows(term: Mapping[str, Any]) -> bool:
    expressions = map(_mapping, islice(_list(term.get("matchExpressions")), MOST_TERMS))
    return any(
        each.get("key") in OS_LABELS and each.get("operator") == "In" and each.get("values") == [WINDOWS]
        for each in expressions
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is a mapping: what is wrong with fields that no rule reads is the API server's to say."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _ignored_namespace(facts: Facts) -> Verdict | str:
    if facts.namespace in facts.ignored_namespaces:
        return Verdict(
            inject=False, reason="IgnoredNamespace", message=f"namespace {facts.namespace!r} is never injected"
        )
    return f"namespace {facts.namespace!r} is not among the ignored ones"


def _selection(facts: Facts) -> Verdict | str:
    if facts.namespace_labels is None:
        return "the namespace is not known here: its labels are not looked at"
    if facts.selected:
        return facts.selected.explanation
    if facts.labels.get(INJECT_KEY) == "false":
        return f"the pod's label {INJECT_KEY} is looked at next"
    return _why_not_selected(facts, facts.namespace_labels)


def _why_not_selected(facts: Facts, of_namespace: Mapping[str, str]) -> Verdict:
    pod_revision = facts.labels.get(REVISION_KEY)
    if NAMESPACE_INJECTION_LABEL in of_namespace:
        value = of_namespace[NAMESPACE_INJECTION_LABEL]
        if value == "enabled":
            reason, message = "RevisionMismatch", "this injector answers only to its revision, not to istio-injection"
        else:
            reason, message = "NamespaceLabel", f"the namespace's label {NAMESPACE_INJECTION_LABEL} is {value!r}"
    elif REVISION_KEY in of_namespace:
        reason = "RevisionMismatch"
        message = f"the namespace's label {REVISION_KEY}={of_namespace[REVISION_KEY]} names another injector"
    elif pod_revision is not None:
        reason, message = "RevisionMismatch", f"the pod's label {REVISION_KEY}={pod_revision} names another injector"
    else:
        reason = "NamespaceNotSelected"
        message = (
            f"namespace {facts.namespace!r} does not opt in: label it {NAMESPACE_INJECTION_LABEL}=enabled, "
            f"or the pod {INJECT_KEY}=true"
        )
    return Verdict(inject=False, reason=reason, message=message)


def _readable_policy(facts: Facts) -> Verdict | str:
    if facts.policy in ("enabled", "disabled"):
        return f"the policy is {facts.policy}"
    message = f"the policy {facts.policy!r} is neither 'enabled' nor 'disabled'"
    return Verdict(inject=False, reason="Policy", message=message)


def _pod_label(facts: Facts) -> Verdict | str:
    return _own_word(facts.labels.get(INJECT_KEY), "label", "PodLabel")


def _pod_annotation(facts: Facts) -> Verdict | str:
    if INJECT_KEY in facts.labels:
        return f"the annotation {INJECT_KEY} does not count beside the label"
    return _own_word(facts.annotations.get(INJECT_KEY), "annotation", "PodAnnotation")


def _own_word(value: str | None, where: str, reason: str) -> Verdict | str:
    if value is None:
        return f"the pod has no {where} {INJECT_KEY}"
    if value in ("true", "false"):
        return Verdict(inject=value == "true", reason=reason, message=f"the pod's {where} {INJECT_KEY} is {value!r}")
    return f"the pod's {where} {INJECT_KEY} is {value!r}, neither 'true' nor 'false'"


def _never_selector(facts: Facts) -> Verdict | str:
    return _selector(facts.never, facts, "NeverInjectSelector")


def _always_selector(facts: Facts) -> Verdict | str:
    return _selector(facts.always, facts, "AlwaysInjectSelector")


def _selector(selectors: tuple[LabelSelector, ...], facts: Facts, reason: str) -> Verdict | str:
    key = reason[0].lower() + reason[1:]
    for index, selector in enumerate(selectors):
        # An empty selector matches everything in Kubernetes and nothing here (reference 2.1).
        if selector.requirements and selector.matches(facts.labels):
            inject = reason == "AlwaysInjectSelector"
            return Verdict(inject=inject, reason=reason, message=f"{key}[{index}] matches the pod's labels")
    return f"no {key} matches the pod's labels"


def _policy(facts: Facts) -> Verdict:
    if facts.policy == "disabled":
        return Verdict(inject=False, reason="Policy", message="the policy is disabled")
    if facts.selected:
        return Verdict(inject=True, reason=facts.selected.reason, message=facts.selected.explanation)
    return Verdict(inject=True, reason="Policy", message="the policy is enabled")


RULES: tuple[tuple[str, Callable[[Facts], Verdict | str]], ...] = (
    ("mirror pod", _mirror_pod),
    ("host network", _host_network),
    ("Windows pod", _windows_pod),
    ("ignored namespace", _ignored_namespace),
    ("namespace and revision", _selection),
    ("readable policy", _readable_policy),
    ("pod label", _pod_label),
    ("pod annotation", _pod_annotation),
    ("neverInjectSelector", _never_selector),
    ("alwaysInjectSelector", _always_selector),
    ("policy", _policy),
)
