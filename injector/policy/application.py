"""What a policy does to a pod, worked out here: whether it applies, the patched pod, and what is refused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from injector.core.model import JsonObject, Pod
from injector.core.selection import namespace_labels
from injector.policy.cel import TRUE
from injector.policy.evaluation import Evaluation, EvaluationError
from injector.policy.patching import patched
from injector.policy.render import Policy

SELECTED = "namespace and revision"


@dataclass(frozen=True, slots=True)
class Applied:
    """What becomes of a pod under a policy: whether each condition holds, by its name, and the pod.

    `refusals` are the messages of the ValidatingAdmissionPolicy; `fault` is what an API server says where an expression
    fails, and refuses the pod for. The pod is the very object that was given where nothing changes.
    """

    policy: Policy
    conditions: Mapping[str, bool]
    pod: Pod
    refusals: tuple[str, ...] = ()
    fault: str = ""


def apply(policy: Policy, pod: Pod, namespace: str, labels: Mapping[str, str] | None) -> Applied:
    """What the policy does to a new pod of a namespace with these labels.

    Without labels, where the namespace is not known, it counts as one that the policy selects.
    """
    known = None if labels is None else namespace_labels(namespace, labels)
    variables = policy.variables if known is not None else {**policy.variables, "selected": TRUE}
    evaluation = Evaluation(_names(pod, namespace, known or {}), variables)
    of_pod = (pod.get("metadata") or {}).get("labels") or {}
    conditions = {} if known is None else {"namespaceSelector": policy.conditions.namespaces.matches(known)}
    conditions["objectSelector"] = policy.conditions.pods.matches(of_pod)
    try:
        conditions |= {name: evaluation.value(test) for name, test in policy.conditions.tests.items()}
        if known is not None:
            conditions[SELECTED] = evaluation.value(policy.conditions.selected)
        if not all(conditions.values()):
            return Applied(policy, conditions, pod)
        patch = evaluation.value(policy.patch)
        refusals = tuple(evaluation.value(message) for test, message in policy.refused if evaluation.value(test))
    except EvaluationError as error:
        return Applied(policy, conditions, pod, fault=str(error))
    return Applied(policy, conditions, patched(pod, patch) if patch else pod, refusals)


def apply_all(policies: Iterable[Policy], pod: Pod, namespace: str, labels: Mapping[str, str] | None) -> list[Applied]:
    """What policies do to a pod, one after the other, in the order in which an API server looks at them: by name."""
    applied: list[Applied] = []
    for policy in sorted(policies, key=lambda each: each.name):
        applied.append(apply(policy, applied[-1].pod if applied else pod, namespace, labels))
    return applied


def _names(pod: Pod, namespace: str, labels: Mapping[str, str]) -> JsonObject:
    return {
        "object": pod,
        "request": {"namespace": namespace},
        "namespaceObject": {"metadata": {"name": namespace, "labels": dict(labels)}},
    }
