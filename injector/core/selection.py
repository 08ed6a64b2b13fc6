"""Label selectors, and which pods are meant at all: opt-in and revisions as one table (reference section 2.2).

The chart's webhook entries are written from this table, and the decision reads the same table, so the API server and
the injector cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Kubernetes label selectors over plain labels. Source: https://kubernetes.io/docs/concepts/overview/working-with-
# objects/labels/#label-selectors

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: `operator` is one of `OPERATORS`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet this condition. NotIn is met by an absent key, as in Kubernetes."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels

    def as_expression(self) -> dict[str, Any]:
        """The entry of `matchExpressions` that says the same."""
        expression: dict[str, Any] = {"key": self.key, "operator": self.operator}
        return {**expression, "values": list(self.values)} if self.values else expression


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of its requirements have to be met; without any, every set of labels matches."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet every requirement."""
        for requirement in self.requirements:  # noqa: SIM110 -- for every pod: `all` would make a generator for each
            if not requirement.matches(labels):
                return False
        return True

    def as_json(self) -> dict[str, Any]:
        """The selector as a Kubernetes LabelSelector object."""
        return {"matchExpressions": [requirement.as_expression() for requirement in self.requirements]}


def parse_selector(document: Any) -> LabelSelector:
    """Read a Kubernetes LabelSelector (`matchLabels`, `matchExpressions`).

    Raises ValueError that says which part is wrong and what would be valid.
    """
    if not isinstance(document, dict):
        raise ValueError(f"a label selector has to be a mapping, not {document!r}")
    unknown = sorted(set(document) - {"matchLabels", "matchExpressions"})
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} in a label selector; valid: matchLabels, matchExpressions")
    labels = document.get("matchLabels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise ValueError(f"matchLabels has to map texts to texts, not {labels!r}")
    equalities = tuple(Requirement(key, "In", (value,)) for key, value in labels.items())
    expressions = document.get("matchExpressions") or []
    if not isinstance(expressions, list):
        raise ValueError(f"matchExpressions has to be a list, not {expressions!r}")
    return LabelSelector(equalities + tuple(map(_parse_expression, expressions)))


def _parse_expression(expression: Any) -> Requirement:
    if not isinstance(expression, dict) or not isinstance(expression.get("key"), str) or not expression["key"]:
        raise ValueError(f"an entry of matchExpressions needs a key, unlike {expression!r}")
    operator = expression.get("operator")
    if operator not in OPERATORS:
        raise ValueError(f"operator {operator!r} of key {expression['key']!r} is not one of {', '.join(OPERATORS)}")
    values = expression.get("values") or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"values of key {expression['key']!r} have to be a list of texts, not {values!r}")
    if bool(values) != (operator in ("In", "NotIn")):
        wanted = "at least one value" if operator in ("In", "NotIn") else "no values"
        raise ValueError(f"operator {operator} of key {expression['key']!r} takes {wanted}")
    return Requirement(expression["key"], operator, tuple(values))


INJECT_KEY = "sidecar.istio.io/inject"
REVISION_KEY = "istio.io/rev"
NAMESPACE_INJECTION_LABEL = "istio-injection"
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
DEFAULT_REVISION = "default"

_NO_INJECTION_LABEL = Requirement(NAMESPACE_INJECTION_LABEL, "DoesNotExist")
_NO_REVISION = Requirement(REVISION_KEY, "DoesNotExist")
NOT_OPTED_OUT = Requirement(INJECT_KEY, "NotIn", ("false",))


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
            pod=LabelSelector((NOT_OPTED_OUT,)),
            reason="NamespaceRevision",
            explanation=f"the namespace's label {REVISION_KEY}={revision} names this injector",
        ),
        SelectionRule(
            name="rev.object",
            namespace=LabelSelector((_NO_REVISION, _NO_INJECTION_LABEL)),
            pod=LabelSelector((NOT_OPTED_OUT, is_revision)),
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
            pod=LabelSelector((NOT_OPTED_OUT,)),
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
    for rule in rules:
        if rule.namespace.matches(of_namespace) and rule.pod.matches(of_pod):
            return rule
    return None


def namespace_labels(name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
    """A namespace's labels as the API server has them: with the name that it sets itself."""
    return labels if NAMESPACE_NAME_LABEL in labels else {**labels, NAMESPACE_NAME_LABEL: name}
