"""Limits and requests that the API server would refuse, of one container and of a whole pod.

Source: validation of pods in Kubernetes v1.37,
https://github.com/kubernetes/kubernetes/blob/v1.37.0/pkg/apis/core/validation/validation.go
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from injector.core.errors import quoted
from injector.core.model import Container, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS, containers
from injector.core.quantity import decimal_value

_POD_RESOURCES = ("cpu", "memory")


def resource_refusals(resources: JsonObject, path: str) -> Iterator[str]:
    """What is wrong with the `resources` of a container or pod: no quantity, a negative one, a request over its limit.

    `path` is where they are; a refusal begins with it.
    """
    for kind in ("limits", "requests"):
        for name, amount in _mapping(resources.get(kind)).items():
            # The API server reads null as 0.
            value = _number(str(amount)) if amount is not None else Decimal(0)
            if value is None:
                yield f"{path}.{kind}.{name}: {quoted(amount)} is not a quantity"
            elif value < 0:
                yield f"{path}.{kind}.{name}: must not be negative, got {quoted(amount)}"
    yield from requests_above_limits(resources, path)


def requests_above_limits(resources: JsonObject, path: str) -> Iterator[str]:
    """The requests of `resources` that are more than their limit; what is not a quantity is passed over."""
    limits = _mapping(resources.get("limits"))
    for name, amount in _mapping(resources.get("requests")).items():
        limit = limits.get(name)
        if limit is not None and _is_more(str(amount), str(limit)):
            yield f"{path}.requests.{name}: {amount} is more than the limit, {limit}"


def pod_resource_refusals(pod: Pod) -> Iterator[str]:
    """What is wrong with the resources of the pod itself, if it has any, and beside those of its containers.

    All containers together may request as much as the pod does; the limit of each may be as high as the pod's.
    """
    resources = (pod.get("spec") or {}).get("resources")
    if not isinstance(resources, dict):
        return
    yield from resource_refusals(resources, "spec.resources")
    limits, requests = _amounts(resources.get("limits")), _amounts(resources.get("requests"))
    wanted = {name: _requested(pod, name) for name in _POD_RESOURCES}
    for name, (text, value) in requests.items():
        if value is not None and name in wanted and wanted[name] > value:
            yield f"spec.resources.requests.{name}: {text} is less than what the containers request together"
    for name, (text, value) in limits.items():
        # What the pod does not request is what its containers request together.
        if value is not None and name not in requests and wanted.get(name, 0) > value:
            yield f"spec.resources.limits.{name}: {text} is less than what the containers request together"
    yield from _limits_above_pod(pod, limits)


def _limits_above_pod(pod: Pod, limits: dict[str, tuple[str, Decimal | None]]) -> Iterator[str]:
    for which in CONTAINER_LISTS:
        for container in containers(pod, which):
            own = _amounts((container.get("resources") or {}).get("limits"))
            for name, (text, value) in own.items():
                pod_text, limit = limits.get(name, ("", None))
                if name in _POD_RESOURCES and value is not None and limit is not None and value > limit:
                    yield (
                        f"spec.{which}[{container['name']}].resources.limits.{name}: {text} is more than "
                        f"the pod's limit, {pod_text}"
                    )


def _requested(pod: Pod, name: str) -> Decimal:
    """What the containers request together, as the scheduler counts it: sidecars run beside all that come later.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    beside, highest = Decimal(0), Decimal(0)
    for container in containers(pod, "initContainers"):
        amount = _request(container, name)
        if container.get("restartPolicy") == "Always":
            beside += amount
            highest = max(highest, beside)
        else:
            highest = max(highest, beside + amount)
    return max(highest, beside + sum((_request(each, name) for each in containers(pod)), Decimal(0)))


def _request(container: Container, name: str) -> Decimal:
    resources = container.get("resources") or {}
    for kind in ("requests", "limits"):
        amount = _amounts(resources.get(kind)).get(name, ("", None))[1]
        if amount is not None:
            return amount
    return Decimal(0)


def _is_more(amount: str, limit: str) -> bool:
    value, highest = _number(amount), _number(limit)
    return value is not None and highest is not None and value > highest


def _amounts(amounts: Any) -> dict[str, tuple[str, Decimal | None]]:
    """The quantities of a mapping, each as written and as a number; None where it is not a quantity."""
    return {name: (str(text), _number(str(text))) for name, text in _mapping(amounts).items() if text is not None}


def _number(text: str) -> Decimal | None:
    try:
        return decimal_value(text)
    except ValueError:
        return None


def _mapping(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
