"""Where each kind of workload keeps its pod (reference section 14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.model import JsonObject, Pod

Keys: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PodPlace:
    """The way from an object to the metadata and to the spec of its pod. `needs_template`: it cannot be left out."""

    metadata: Keys
    spec: Keys
    needs_template: bool = False


_TEMPLATE = PodPlace(("spec", "template", "metadata"), ("spec", "template", "spec"))
_REQUIRED_TEMPLATE = PodPlace(_TEMPLATE.metadata, _TEMPLATE.spec, needs_template=True)

WORKLOAD_KINDS: Mapping[str, PodPlace] = {
    "Pod": PodPlace(("metadata",), ("spec",)),
    "Deployment": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "ReplicationController": _REQUIRED_TEMPLATE,
    "DeploymentConfig": _REQUIRED_TEMPLATE,
    # Istio reads and writes the metadata of the job template, not of the pod template inside it.
    "CronJob": PodPlace(("spec", "jobTemplate", "metadata"), ("spec", "jobTemplate", "spec", "template", "spec")),
}


def pod_of(document: JsonObject, place: PodPlace) -> Pod:
    """The pod that the workload in `document` would run; metadata and spec are the very objects of the document.

    Raises ValueError where there is no pod, or no mapping on the way to it.
    """
    spec = _at(document, place.spec)
    if spec is None:
        missing = ".".join(place.spec[:-1] if place.needs_template else place.spec)
        raise ValueError(f"{missing} is required value")
    metadata = _at(document, place.metadata)
    return {"apiVersion": "v1", "kind": "Pod", **({} if metadata is None else {"metadata": metadata}), "spec": spec}


def with_pod(document: JsonObject, place: PodPlace, pod: Pod) -> JsonObject:
    """The document with `pod` in place of its own; parts that stay the same are the same objects.

    Metadata of which nothing is left is taken out: an injection has put it there.
    """
    changed = _replaced(document, place.spec, pod["spec"])
    if "metadata" not in pod:
        return changed
    if not pod["metadata"] and _at(document, place.metadata):
        return _without(changed, place.metadata)
    return _replaced(changed, place.metadata, pod["metadata"], before=place.spec[-1])


def _at(document: JsonObject, keys: Keys) -> JsonObject | None:
    value: Any = document
    for depth, key in enumerate(keys):
        value = value.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ValueError(f"{'.'.join(keys[: depth + 1])} has to be a mapping, not {value!r:.80}")
    found: JsonObject = value
    return found


def _replaced(document: JsonObject, keys: Keys, value: JsonObject, before: str = "") -> JsonObject:
    key, *rest = keys
    if rest:
        return {**document, key: _replaced(document[key], tuple(rest), value, before)}
    if document.get(key) is value:
        return document
    if key in document or before not in document:
        return {**document, key: value}
    return {name: each for own, kept in document.items() for name, each in _with_new(own, kept, before, (key, value))}


def _with_new(own: str, kept: Any, before: str, new: tuple[str, Any]) -> list[tuple[str, Any]]:
    return [new, (own, kept)] if own == before else [(own, kept)]


def _without(document: JsonObject, keys: Keys) -> JsonObject:
    """The document without the key at `keys`."""
    key, *rest = keys
    if rest:
        return {**document, key: _without(document[key], tuple(rest))}
    return {name: value for name, value in document.items() if name != key}
