"""What a policy does to a pod, worked out here: whether it applies, the patched pod, and what is refused."""

from dataclasses import dataclass

from injector.core.model import JsonObject, Pod
from injector.policy.evaluation import Evaluation, EvaluationError
from injector.policy.render import Policy


@dataclass(frozen=True, slots=True)
class Applied:
    """What becomes of a pod: whether each condition holds, by its name, the patch, and why the pod is refused.

    `refusals` are the messages of the ValidatingAdmissionPolicy; `fault` is what an API server says where an expression
    fails, and refuses the pod for.
    """

    conditions: dict[str, bool]
    patch: list[JsonObject]
    refusals: list[str]
    fault: str = ""


def apply(policy: Policy, pod: Pod, namespace: JsonObject) -> Applied:
    """What the policy does to a new pod in a namespace, which has its name and labels."""
    metadata = namespace.get("metadata") or {}
    labels = {"kubernetes.io/metadata.name": metadata.get("name"), **(metadata.get("labels") or {})}
    of_pod = (pod.get("metadata") or {}).get("labels") or {}
    names = {
        "object": pod,
        "request": {"namespace": metadata.get("name")},
        "namespaceObject": {**namespace, "metadata": {**metadata, "labels": labels}},
    }
    evaluation = Evaluation(names, policy.variables)
    conditions = {
        "namespaceSelector": policy.conditions.namespaces.matches(labels),
        "objectSelector": policy.conditions.pods.matches(of_pod),
    }
    try:
        conditions |= {name: evaluation.value(test) for name, test in policy.conditions.tests.items()}
        conditions["namespace and revision"] = evaluation.value(policy.conditions.selected)
        if not all(conditions.values()):
            return Applied(conditions, [], [])
        patch = evaluation.value(policy.patch)
        refusals = [evaluation.value(message) for test, message in policy.refused if evaluation.value(test)]
    except EvaluationError as error:
        return Applied(conditions, [], [], str(error))
    return Applied(conditions, patch, refusals)
