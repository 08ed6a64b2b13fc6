"""Which workload a pod belongs to (reference section 4)."""

from typing import Any

import pytest

from injector.core.model import Workload
from injector.core.pods import workload_of


def owned(kind: str, name: str, api_version: str = "apps/v1", **labels: str) -> dict[str, Any]:
    owner = {"kind": kind, "name": name, "apiVersion": api_version, "controller": True}
    names = {key.replace("_", "-"): value for key, value in labels.items()}
    return {"metadata": {"generateName": f"{name}-", "labels": names, "ownerReferences": [owner]}}


CASES = [
    (owned("ReplicaSet", "web-5d4f", pod_template_hash="5d4f"), Workload("web", "shop", "Deployment", "apps/v1")),
    (owned("ReplicaSet", "web-5d4f", pod_template_hash="other"), Workload("web-5d4f", "shop", "ReplicaSet", "apps/v1")),
    (owned("ReplicaSet", "web-77", rollouts_pod_template_hash="77"), Workload("web", "shop", "Rollout", "v1alpha1")),
    (
        owned("ReplicationController", "web-1", "v1", deploymentconfig="web"),
        Workload("web", "shop", "DeploymentConfig", "v1"),
    ),
    (owned("Job", "backup-28374950", "batch/v1"), Workload("backup", "shop", "CronJob", "batch/v1")),
    (owned("Job", "backup-1234567", "batch/v1"), Workload("backup-1234567", "shop", "Job", "batch/v1")),
    (owned("StatefulSet", "db"), Workload("db", "shop", "StatefulSet", "apps/v1")),
    ({"metadata": {"name": "lone"}}, Workload("lone", "shop", "Pod", "v1")),
    ({"metadata": {"generateName": "x-"}}, Workload("", "shop", "Pod", "v1")),
    ({}, Workload("", "shop", "Pod", "v1")),
]


@pytest.mark.parametrize(("pod", "workload"), CASES, ids=[case[1].kind + "-" + case[1].name for case in CASES])
def test_the_controller_behind_a_pod_is_found(pod: dict[str, Any], workload: Workload) -> None:
    assert workload_of(pod, "shop") == workload


def test_an_owner_counts_only_where_the_pod_was_generated_and_the_owner_controls_it() -> None:
    pod = owned("StatefulSet", "db")
    pod["metadata"]["ownerReferences"][0]["controller"] = False
    assert workload_of(pod, "shop").kind == "Pod"
    named = owned("StatefulSet", "db")
    named["metadata"] |= {"generateName": "", "name": "db-0"}
    assert workload_of(named, "shop") == Workload("db-0", "shop", "Pod", "v1")
