"""Permissions deleted, a token that is no longer valid, an API server restarted: pods are treated as before."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.serving import Server
from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import NAMESPACE
from tests.support import pod_of, review_of

pytestmark = pytest.mark.e2e

FOLLOWER, SHOP, NODE = "follower", "permitted", "permitted"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": FOLLOWER, "namespace": NAMESPACE}}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": FOLLOWER},
    "rules": [
        {"apiGroups": [""], "resources": ["namespaces", "nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["networking.istio.io"], "resources": ["proxyconfigs"], "verbs": ["get", "list", "watch"]},
    ],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": FOLLOWER},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": FOLLOWER},
    "subjects": [{"kind": "ServiceAccount", "name": FOLLOWER, "namespace": NAMESPACE}],
}
KIND = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "proxyconfigs.networking.istio.io"},
    "spec": {
        "group": "networking.istio.io",
        "names": {"kind": "ProxyConfig", "plural": "proxyconfigs", "singular": "proxyconfig"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
PROXY_CONFIG = {
    "apiVersion": "networking.istio.io/v1beta1",
    "kind": "ProxyConfig",
    "metadata": {"name": "shop", "namespace": SHOP},
    "spec": {"environmentVariables": {"FROM_RESOURCE": "yes"}},
}


class Follower:
    """A replica whose account may read what decisions need, and nothing else."""

    def __init__(self, cluster: Cluster, client: httpx.Client) -> None:
        self.cluster, self._client = cluster, client

    def answer(self) -> Any:
        """What is made of a pod of the namespace: the patch; None where there is none."""
        body = review_of(pod_of(), namespace=SHOP)
        response = self._client.post("/inject", content=body, headers={"Content-Type": "application/json"})
        patch = response.json()["response"].get("patch")
        return None if patch is None else json.loads(base64.b64decode(patch))

    def resources(self) -> Any:
        readiness = self._client.get("/readyz")
        assert readiness.status_code == 200
        return readiness.json()["cluster"]["resources"]

    def are_all(self, status: str) -> bool:
        """Whether every resource is followed, for an empty `status`, or at fault because of it."""
        return all((status in each["error"]) if status else each["connected"] for each in self.resources().values())


@pytest.fixture(scope="module")
def follower(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Follower]:
    """It follows a cluster in which a namespace, a node and a ProxyConfig show in its answers."""
    directory = tmp_path_factory.mktemp("permissions")
    shop = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": SHOP, "labels": {"istio-injection": "enabled"}},
    }
    mesh = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
    cluster.apply(shop, mesh, node, ACCOUNT, ROLE, BINDING, KIND)
    version = json.dumps({"status": {"nodeInfo": {"kubeletVersion": "v1.33.0"}}})
    cluster.kubectl("patch", "node", NODE, "--subresource=status", "-p", version)
    cluster.kubectl("wait", "--for=condition=Established", "crd/proxyconfigs.networking.istio.io")
    wait_until(lambda: "FROM_RESOURCE" in applied(cluster), "the kind is not served")
    try:
        server = Server(directory, "--kubeconfig", str(kubeconfig(cluster, directory)), "--no-events")
        try:
            with server.client() as client:
                made = Follower(cluster, client)
                wait_until(lambda: "FROM_RESOURCE" in str(made.answer()), "the ProxyConfig does not count")
                yield made
        finally:
            server.process.kill()
            server.process.wait()
    finally:
        cluster.kubectl("delete", "node", NODE, check=False)
        cluster.kubectl("delete", "crd", "proxyconfigs.networking.istio.io", check=False)


def applied(cluster: Cluster) -> str:
    cluster.kubectl("apply", "-f", "-", given=json.dumps(PROXY_CONFIG), check=False)
    return cluster.kubectl("get", "proxyconfigs", "-n", SHOP, "-o", "yaml", check=False)


def kubeconfig(cluster: Cluster, directory: Path) -> Path:
    """As the account, not as an administrator."""
    document = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    token = cluster.kubectl("create", "token", FOLLOWER, "-n", NAMESPACE, "--duration=1h").strip()
    document["users"][0]["user"] = {"token": token}
    file = directory / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_permissions_deleted_and_given_back(follower: Follower) -> None:
    before = follower.answer()
    follower.cluster.kubectl("delete", "clusterrolebinding", FOLLOWER)
    wait_until(lambda: follower.are_all("forbidden"), "it does not tell that it may read nothing", 60)
    assert follower.answer() == before
    follower.cluster.apply(BINDING)
    wait_until(lambda: follower.are_all(""), "it does not read again", 60)
    assert follower.answer() == before


def test_an_api_server_that_restarts(follower: Follower) -> None:
    before, seen = follower.answer(), list[Any]()
    follower.cluster.stop_api_server()
    wait_until(lambda: follower.are_all("cannot be reached"), "it does not tell that the API server is away", 60)
    assert follower.answer() == before
    follower.cluster.start_api_server()

    def regained() -> bool:
        seen.append(follower.answer())
        return follower.are_all("")

    wait_until(regained, "it does not read again", 60)
    assert [each for each in seen if each != before] == []


def test_a_token_that_is_no_longer_valid(follower: Follower) -> None:
    before = follower.answer()
    follower.cluster.kubectl("delete", "serviceaccount", FOLLOWER, "-n", NAMESPACE)
    wait_until(lambda: follower.are_all("Unauthorized"), "it does not tell that nobody knows it", 90)
    assert follower.answer() == before
