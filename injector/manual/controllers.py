"""The pod that a workload's controller would create, as the API server sends it to a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.core.model import JsonObject, Pod
from injector.manual.kinds import WORKLOAD_KINDS, PodPlace, pod_of, with_pod

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
        metadata = {**metadata, "labels": labels} if labels else _without(metadata, "labels")
    return with_pod(document, place, {"metadata": metadata, "spec": pod["spec"]})


def _without_added(mapping: JsonObject, own: JsonObject, added: JsonObject) -> JsonObject:
    """`mapping` without the keys that only the controller adds, and with the template's own value of those it sets."""
    return {
        key: own.get(key) if key in own and value == added.get(key) else value
        for key, value in mapping.items()
        if key in own or key not in added or value != added[key]
    }


def _without(mapping: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in mapping.items() if name != key}


def _deployment_config_label(document: JsonObject, name: str) -> Mapping[str, str]:
    return {"deploymentconfig": name} if document["kind"] == "DeploymentConfig" else {}
