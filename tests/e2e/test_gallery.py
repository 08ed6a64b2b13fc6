"""Pods of the gallery are admitted by a real API server, under the Pod Security level that each page names."""

import json
import ssl
from collections.abc import Iterator

import httpx
import pytest

from injector.core.model import Pod
from tests.e2e.cluster import TOKEN, Cluster
from tests.templates.test_gallery import NAMES, injected_pods, level_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[httpx.Client]:
    for level in ("privileged", "baseline", "restricted"):
        labels = {"pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/enforce-version": "latest"}
        metadata = {"name": f"gallery-{level}", "labels": labels}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
    with httpx.Client(base_url=cluster.url, verify=context, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def created(server: httpx.Client, pod: Pod, level: str) -> httpx.Response:
    """The API server's answer to the creation of the pod, without creating it."""
    # The admission plugin that gives a pod its account is off here, and the owner is not there.
    metadata = {key: value for key, value in pod["metadata"].items() if key != "ownerReferences"}
    spec = {"serviceAccountName": "default", **pod["spec"]}
    namespace = f"gallery-{level}"
    document = {**pod, "metadata": {**metadata, "namespace": namespace}, "spec": spec}
    return server.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", content=json.dumps(document))


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_admitted(server: httpx.Client, name: str) -> None:
    pods = injected_pods(name)
    answers = [created(server, pod, level_of(name)) for pod in pods]
    assert [answer.text for answer in answers if answer.status_code != 201] == []
    assert len(answers) >= 2


def test_the_level_is_enforced(server: httpx.Client) -> None:
    pod = injected_pods("debug")[0]
    containers = [{**each, "securityContext": {}} for each in pod["spec"]["containers"]]
    unrestricted = {**pod, "spec": {**pod["spec"], "containers": containers}}
    assert created(server, unrestricted, "restricted").status_code == 403
    assert created(server, unrestricted, "baseline").status_code == 201
