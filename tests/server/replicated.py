"""Reviews of the replicas of one workload, as kube-apiserver writes them: they differ in what controllers make up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.core.model import TEMPLATES_ANNOTATION, JsonObject

NAMESPACE = "shop"
TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"
KINDS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job", "IndexedJob", "Argo", "")


@dataclass(frozen=True)
class Replica:
    """One of the pods that a controller of `kind` makes; without one a bare pod.

    `name` is its own, or its Job's, in which an IndexedJob gives it a place; `suffix` ends the name of its token's
    volume, none where that is empty. `more` is added to its metadata.
    """

    kind: str
    name: str
    index: str = "0"
    node: str = "node-1"
    suffix: str = "x7k2p"
    second: int = 0
    uid: str = "0c5b6a1e-0000-4000-8000-000000000001"
    templates: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: {"app": "shop"})
    environment: Mapping[str, str] = field(default_factory=dict)

    def review(self) -> bytes:
        """The AdmissionReview in bytes."""
        metadata = self._metadata()
        kind = {"group": "", "version": "v1", "kind": "Pod"}
        request = {
            "uid": f"{self.second:08}-0000-4000-8000-000000000000",
            "kind": kind,
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            **({"name": metadata["name"]} if "name" in metadata else {}),
            "namespace": NAMESPACE,
            "operation": "CREATE",
            "userInfo": {"username": "system:serviceaccount:kube-system:some-controller"},
            "object": {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": self._spec(), "status": {}},
            "oldObject": None,
            "dryRun": False,
        }
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
        return json.dumps(review, ensure_ascii=False, separators=(",", ":")).encode()

    def _metadata(self) -> dict[str, Any]:
        labels, metadata = dict(self.labels), dict[str, Any]()
        owner = {"apiVersion": "apps/v1", "kind": self.kind, "name": "shop-web", "uid": self.uid}
        annotations = {TEMPLATES_ANNOTATION: self.templates} if self.templates else {}
        match self.kind:
            case "StatefulSet":
                labels |= {"apps.kubernetes.io/pod-index": self.index}
                labels |= {"statefulset.kubernetes.io/pod-name": self.name}
                metadata |= {"name": self.name, "generateName": "shop-web-"}
            case "Job" | "IndexedJob":
                owner |= {"apiVersion": "batch/v1", "kind": "Job", "name": self.name}
                labels |= {"batch.kubernetes.io/controller-uid": self.uid, "batch.kubernetes.io/job-name": self.name}
                labels |= {"controller-uid": self.uid, "job-name": self.name}
                metadata |= {"generateName": f"{self.name}-"}
                if self.kind == "IndexedJob":
                    labels |= {_COMPLETION_INDEX: self.index}
                    annotations |= {_COMPLETION_INDEX: self.index}
                    metadata |= {"generateName": f"{self.name}-{self.index}-"}
            case "Argo":
                owner |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": self.name}
                metadata |= {"name": self.name}
            case "ReplicaSet" | "DaemonSet":
                metadata |= {"generateName": "shop-web-"}
            case _:
                metadata |= {"name": self.name}
        metadata |= {"namespace": NAMESPACE, "labels": labels, "annotations": annotations}
        if self.kind:
            metadata["ownerReferences"] = [{**owner, "controller": True, "blockOwnerDeletion": True}]
        time = f"2026-01-01T00:00:{self.second:02}Z"
        fields: JsonObject = {"f:ownerReferences": {f'k:{{"uid":"{self.uid}"}}': {}}}
        metadata["managedFields"] = [{"manager": "some-controller", "time": time, "fieldsV1": {"f:metadata": fields}}]
        return metadata

    def _spec(self) -> dict[str, Any]:
        app: dict[str, Any] = {
            "name": "app",
            "image": "registry.example/app:1",
            "env": [{"name": name, "value": value} for name, value in self.environment.items()],
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
        claim = {"claimName": f"data-{self.name}"}
        volumes: list[Any] = [{"name": "data", "persistentVolumeClaim": claim} if self.kind == "StatefulSet" else _DATA]
        if self.suffix:
            volume = f"kube-api-access-{self.suffix}"
            volumes.append({"name": volume, "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}})
            app["volumeMounts"].append({"name": volume, "readOnly": True, "mountPath": TOKENS})
        spec: dict[str, Any] = {"volumes": volumes, "containers": [app]}
        if self.kind == "StatefulSet":
            spec["hostname"] = self.name
        if self.kind == "IndexedJob":
            spec["hostname"] = f"{self.name}-{self.index}"
            field = {"fieldRef": {"fieldPath": f"metadata.labels['{_COMPLETION_INDEX}']"}}
            app["env"].append({"name": "JOB_COMPLETION_INDEX", "valueFrom": field})
        if self.kind == "DaemonSet":
            fields = [{"key": "metadata.name", "operator": "In", "values": [self.node]}]
            required = {"nodeSelectorTerms": [{"matchFields": fields}]}
            spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
        return spec


_COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"
_DATA = {"name": "data", "emptyDir": {}}
