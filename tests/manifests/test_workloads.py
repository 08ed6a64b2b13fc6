"""The pod that a workload leads to belongs to that workload."""

import re

import pytest

from injector.core.pods import workload_of
from injector.manifests.workloads import created_pod


@pytest.mark.parametrize(
    ("kind", "api_version", "generated"),
    [
        ("Deployment", "apps/v1", r"web-[a-z0-9]+-"),
        ("CronJob", "batch/v1", r"web-\d{8,10}-"),
        ("StatefulSet", "apps/v1", r"web-"),
        ("Rollout", "v1alpha1", r"web-[a-z0-9]+-"),
    ],
)
def test_a_pod_is_traced_to_the_workload_that_creates_it(kind: str, api_version: str, generated: str) -> None:
    template = {"template": {"metadata": {}, "spec": {"containers": [{"name": "app"}]}}}
    spec = {"jobTemplate": {"spec": template}} if kind == "CronJob" else template
    document = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": spec}
    pod = created_pod(document)
    assert re.fullmatch(generated, pod["metadata"]["generateName"])
    found = workload_of(pod, "shop")
    assert (found.kind, found.name, found.api_version) == (kind, "web", api_version)
