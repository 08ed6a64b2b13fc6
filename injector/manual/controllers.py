"""The pod that a workload's controller would create, as the API server sends it to a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.core.model import JsonObject, Pod

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


def _deployment_config_label(document: JsonObject, name: str) -> Mapping[str, str]:
    return {"deploymentconfig": name} if document["kind"] == "DeploymentConfig" else {}
