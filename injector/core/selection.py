"""Which pods are meant at all: namespace opt-in and revisions, as one table (reference section 2.2).

The chart's webhook entries are written from this table, and the decision reads the same table, so the API server and
the injector cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from injector.core.model import INJECT_KEY, NAMESPACE_INJECTION_LABEL, REVISION_KEY, LabelSelector, Requirement

SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
DEFAULT_REVISION = "default"

_NO_INJECTION_LABEL = Requirement(NAMESPACE_INJECTION_LABEL, "DoesNotExist")
_NO_REVISION = Requirement(REVISION_KEY, "DoesNotExist")
_NOT_OPTED_OUT = Requirement(INJECT_KEY, "NotIn", ("false",))


@dataclass(frozen=True, slots=True)
class SelectionRule:
    """One webhook entry: it calls the injector for pods where both selectors match.

    `name` is the entry's prefix, `reason` the decision reason it stands for, `explanation` a clause for people.
    """

    name: str
    namespace: LabelSelector
    pod: LabelSelector
    reason: str
    explanation: str


def revision_rules(revision: str) -> tuple[SelectionRule, ...]:
    """The entries that answer to `istio.io/rev` = `revision`, on the namespace or on the pod."""
    is_revision = Requirement(REVISION_KEY, "In", (revision,))
    return (
        SelectionRule(
            name="rev.namespace",
            namespace=LabelSelector((is_revision, _NO_INJECTION_LABEL)),
            pod=LabelSelector((_NOT_OPTED_OUT,)),
            reason="NamespaceRevision",
            explanation=f"the namespace's label {REVISION_KEY}={revision} names this injector",
        ),
        SelectionRule(
            name="rev.object",
            namespace=LabelSelector((_NO_REVISION, _NO_INJECTION_LABEL)),
            pod=LabelSelector((_NOT_OPTED_OUT, is_revision)),
            reason="PodRevision",
            explanation=f"the pod's label {REVISION_KEY}={revision} names this injector",
        ),
    )


def default_rules(*, namespaces_by_default: bool) -> tuple[SelectionRule, ...]:
    """The entries of the injector that also answers where no revision is named."""
    unlabelled = (_NO_INJECTION_LABEL, _NO_REVISION)
    rules = (
        SelectionRule(
            name="namespace",
            namespace=LabelSelector((Requirement(NAMESPACE_INJECTION_LABEL, "In", ("enabled",)),)),
            pod=LabelSelector((_NOT_OPTED_OUT,)),
            reason="NamespaceLabel",
            explanation=f"the namespace's label {NAMESPACE_INJECTION_LABEL}=enabled opts in",
        ),
        SelectionRule(
            name="object",
            namespace=LabelSelector(unlabelled),
            pod=LabelSelector((Requirement(INJECT_KEY, "In", ("true",)), _NO_REVISION)),
            reason="PodLabel",
            explanation=f"the pod's label {INJECT_KEY}=true opts in",
        ),
    )
    if not namespaces_by_default:
        return rules
    not_system = Requirement(NAMESPACE_NAME_LABEL, "NotIn", SYSTEM_NAMESPACES)
    return (
        *rules,
        SelectionRule(
            name="auto",
            namespace=LabelSelector((*unlabelled, not_system)),
            pod=LabelSelector((Requirement(INJECT_KEY, "DoesNotExist"), _NO_REVISION)),
            reason="NamespaceDefault",
            explanation="namespaces without any label count as opted in (enableNamespacesByDefault)",
        ),
    )


def selection_rules(
    revision: str, revision_tags: tuple[str, ...], *, namespaces_by_default: bool
) -> tuple[SelectionRule, ...]:
    """The whole table for an injector of `revision` that also answers to `revision_tags`, in order of evaluation."""
    names = dict.fromkeys((revision or DEFAULT_REVISION, *revision_tags))
    rules = tuple(rule for name in names for rule in revision_rules(name))
    return rules + (default_rules(namespaces_by_default=namespaces_by_default) if DEFAULT_REVISION in names else ())


def selecting_rule(
    rules: tuple[SelectionRule, ...], of_namespace: Mapping[str, str], of_pod: Mapping[str, str]
) -> SelectionRule | None:
    """The first of `rules` that selects a pod with these labels; None where the API server would not call."""
    matching = (rule for rule in rules if rule.namespace.matches(of_namespace) and rule.pod.matches(of_pod))
    return next(matching, None)


def namespace_labels(name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
    """A namespace's labels as the API server has them: with the name that it sets itself."""
    return labels if NAMESPACE_NAME_LABEL in labels else {**labels, NAMESPACE_NAME_LABEL: name}
