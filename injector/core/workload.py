"""Which workload a pod belongs to (reference section 4)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from injector.core.model import Pod, Workload
from injector.core.pods import labels

# A pod has one controller, and garbage collection looks at few others.
_MOST_OWNERS = 100
_CRON_JOB_RUN = re.compile(r"(?P<name>.+)-\d{8,10}")


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """How the name of a pod's controller leads to the workload behind it.

    `find` gets the owner's name and the pod's labels and gives the workload's name, or None where the rule does not
    apply. An empty `api_version` means the owner's.
    """

    owner_kind: str
    find: Callable[[str, Mapping[str, str]], str | None]
    kind: str
    api_version: str = ""


def _without_hash(label: str) -> Callable[[str, Mapping[str, str]], str | None]:
    def find(owner: str, pod_labels: Mapping[str, str]) -> str | None:
        pod_hash = pod_labels.get(label)
        return owner.removesuffix(f"-{pod_hash}") if pod_hash and owner.endswith(pod_hash) else None

    return find


def _deployment_config(_: str, pod_labels: Mapping[str, str]) -> str | None:
    return pod_labels.get("deploymentconfig") or None


def _cron_job(owner: str, _: Mapping[str, str]) -> str | None:
    run = _CRON_JOB_RUN.fullmatch(owner)
    return run["name"] if run else None


OWNER_RULES = (
    OwnerRule("ReplicaSet", _without_hash("pod-template-hash"), "Deployment"),
    OwnerRule("ReplicaSet", _without_hash("rollouts-pod-template-hash"), "Rollout", "v1alpha1"),
    OwnerRule("ReplicationController", _deployment_config, "DeploymentConfig"),
    OwnerRule("Job", _cron_job, "CronJob", "batch/v1"),
)


def identify(pod: Pod, namespace: str) -> Workload:
    """The workload of `pod`, which lives in `namespace`: its controller's, if it has one, else the pod itself."""
    metadata = pod.get("metadata") or {}
    name = str(metadata.get("name") or "")
    owner = _controller(metadata) if metadata.get("generateName") else None
    if owner is None:
        return Workload(name, namespace, "Pod", "v1")
    owner_kind, owner_name, api_version = (str(owner.get(key) or "") for key in ("kind", "name", "apiVersion"))
    for rule in OWNER_RULES:
        found = rule.find(owner_name, labels(pod)) if rule.owner_kind == owner_kind else None
        if found is not None:
            return Workload(found or name, namespace, rule.kind, rule.api_version or api_version)
    return Workload(owner_name or name, namespace, owner_kind, api_version)


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    references = islice(metadata.get("ownerReferences") or [], _MOST_OWNERS)
    return next((reference for reference in references if reference.get("controller") is True), None)
