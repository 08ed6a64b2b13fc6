"""Where each kind of workload keeps its pod (reference section 14)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


# The pod that a workload's controller would create, as the API server sends it to a webhook.

_HASH = "0"
_RUN = "00000000"
_UID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Owner:
    """The object that owns the pods of a kind: `suffix` is what its name adds to the workload's."""

    kind: str
    api_version: str
    suffix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


# Kinds whose pods belong to an object between them and the workload; pods of other kinds belong to the workload itself.
_OWNERS: Mapping[str, _Owner] = {
    "Deployment": _Owner("ReplicaSet", "apps/v1", f"-{_HASH}", {"pod-template-hash": _HASH}),
    "CronJob": _Owner("Job", "batch/v1", f"-{_RUN}"),
    "DeploymentConfig": _Owner("ReplicationController", "v1", "-1"),
}

# Controllers take a pod's metadata from the pod template, also where manual injection reads and writes elsewhere.
CREATED_FROM: Mapping[str, PodPlace] = {
    **WORKLOAD_KINDS,
    "CronJob": PodPlace(("spec", "jobTemplate", "spec", "template", "metadata"), WORKLOAD_KINDS["CronJob"].spec),
}


def created_pod(document: JsonObject) -> Pod:
    """The pod that the workload in `document` leads to; a Pod leads to itself. Metadata and spec have to be there."""
    if document["kind"] == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": document.get("metadata") or {}, "spec": document["spec"]}
    outer = document["spec"]["jobTemplate"] if document["kind"] == "CronJob" else document
    template = outer["spec"]["template"]
    metadata = template.get("metadata") or {}
    name = (document.get("metadata") or {}).get("name") or ""
    owner = _OWNERS.get(document["kind"]) or _Owner(document["kind"], document.get("apiVersion") or "")
    added: dict[str, Any] = {
        "generateName": f"{name}{owner.suffix}-",
        "labels": {**(metadata.get("labels") or {}), **owner.labels, **_deployment_config_label(document, name)},
        "ownerReferences": [
            {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": f"{name}{owner.suffix}",
                "controller": True,
                "uid": _UID,
            }
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, **added}, "spec": template["spec"]}


def with_created_pod(document: JsonObject, pod: Pod) -> JsonObject:
    """The workload whose controller would create `pod`: the inverse of `created_pod`, after a change of the pod."""
    place = CREATED_FROM[document["kind"]]
    if document["kind"] == "Pod":
        return with_pod(document, place, pod)
    template = pod_of(document, place).get("metadata") or {}
    added = created_pod(document)["metadata"]
    metadata = _without_added(pod["metadata"], template, added)
    if "labels" in metadata:
        labels = _without_added(metadata["labels"], template.get("labels") or {}, added["labels"])
        metadata = {**metadata, "labels": labels} if labels else _without_key(metadata, "labels")
    return with_pod(document, place, {"metadata": metadata, "spec": pod["spec"]})


def _without_added(mapping: JsonObject, own: JsonObject, added: JsonObject) -> JsonObject:
    """`mapping` without the keys that only the controller adds, and with the template's own value of those it sets."""
    return {
        key: own.get(key) if key in own and value == added.get(key) else value
        for key, value in mapping.items()
        if key in own or key not in added or value != added[key]
    }


def _without_key(mapping: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in mapping.items() if name != key}


def _deployment_config_label(document: JsonObject, name: str) -> Mapping[str, str]:
    return {"deploymentconfig": name} if document["kind"] == "DeploymentConfig" else {}
