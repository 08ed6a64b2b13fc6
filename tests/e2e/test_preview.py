"""The preview against a real API server: its workloads, its pods, and its word on who may ask."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.running import run
from tests.cli.serving import Server
from tests.e2e.cluster import Cluster, wait_until

pytestmark = pytest.mark.e2e

# What a command says of the configuration that it takes, where no release is installed.
SHIPPED_DEFAULTS = "configuration: the shipped defaults, since no webhook configuration here calls an injector"

NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "asked", "labels": {"istio-injection": "enabled"}},
}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "previews", "namespace": "asked"},
    "rules": [{"apiGroups": ["sidecar-injector"], "resources": ["previews"], "verbs": ["create"]}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "previews", "namespace": "asked"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "previews"},
    "subjects": [{"kind": "ServiceAccount", "name": "may", "namespace": "asked"}],
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "plain", "namespace": "asked"},
    "spec": {"containers": [{"name": "app", "image": "app"}]},
}


def account(name: str) -> object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "asked"}}


@pytest.fixture(scope="module")
def asked(cluster: Cluster) -> Cluster:
    """The cluster with a namespace, a pod, an account that may ask and one that may not."""
    cluster.apply(NAMESPACE)
    cluster.apply(account("may"), account("may-not"), ROLE, BINDING, POD)
    return cluster


@pytest.fixture(scope="module")
def server(asked: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    flags = ("--kubeconfig", str(asked.kubeconfig), "--namespace", "asked", "--no-events")
    address = ("--preview-host", "0.0.0.0", "--preview-port", "0")  # noqa: S104 -- what needs a token
    started = Server(tmp_path_factory.mktemp("preview"), *flags, *address)
    yield started
    started.process.kill()
    started.process.wait()


def asks(server: Server, token: str) -> httpx.Response:
    port = server.wait_for_line("serving preview")["address"].rpartition(":")[2]
    context = ssl.create_default_context(cafile=server.store.bundle)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    return httpx.post(f"https://127.0.0.1:{port}/preview?namespace=asked", json=POD, headers=headers, verify=context)


def test_only_who_the_api_server_allows_gets_an_answer(asked: Cluster, server: Server) -> None:
    def token(name: str) -> str:
        return asked.kubectl("create", "token", name, "-n", "asked").strip()

    (item,) = asks(server, token("may")).json()
    assert item["decision"]["reason"] == "NamespaceLabel"
    refused = asks(server, token("may-not"))
    assert refused.status_code == 403
    assert "system:serviceaccount:asked:may-not may not create previews.sidecar-injector" in refused.text
    assert asks(server, "made-up").status_code == 401
    assert asks(server, "").status_code == 401


def test_the_webhook_s_own_port_has_no_preview_in_a_cluster(server: Server) -> None:
    with server.client() as client:
        assert client.post("/preview", json=POD).status_code == 404
        assert client.get("/").status_code == 404


def test_all_workloads_of_the_cluster_are_previewed_and_compared(asked: Cluster, tmp_path: Path) -> None:
    found = run("preview", "--kubeconfig", asked.kubeconfig, "-o", "json")
    items = {item["object"]["metadata"]["name"]: item for item in json.loads(found.stdout)}
    assert items["plain"]["decision"]["reason"] == "NamespaceLabel"
    new = tmp_path / "new.yaml"
    new.write_text("policy: disabled", encoding="utf-8")
    missing = "namespace asked: injected pods do not start without ConfigMap istio-ca-root-cert, missing there"
    assert missing in run("preview", "--kubeconfig", asked.kubeconfig).stderr.splitlines()
    compared = run("preview", "--kubeconfig", asked.kubeconfig, "--against", new)
    assert compared.returncode == 1
    assert "would lose the sidecar" in compared.stdout
    assert 'Pod "asked/plain"' in compared.stdout


def test_a_pod_of_the_cluster_is_explained(asked: Cluster) -> None:
    plain = run("explain", "asked/plain", "--kubeconfig", asked.kubeconfig)
    assert (plain.returncode, plain.stderr.splitlines()) == (1, [SHIPPED_DEFAULTS])
    assert "the pod was not injected and would be now" in plain.stdout
    spec = {"serviceAccountName": "may", "containers": [{"name": "app", "image": "app"}]}
    injected = json.dumps({**POD, "metadata": {"name": "injected", "namespace": "asked"}, "spec": spec})
    asked.kubectl("apply", "-f", "-", given=run("inject", "-f", "-", given=injected).stdout)
    wait_until(lambda: "injected" in asked.kubectl("get", "pods", "-n", "asked"), "the pod is not there")
    same = run(
        "explain", "injected", "-n", "asked", "--kubeconfig", asked.kubeconfig, "--set", "nativeSidecars=disabled"
    )
    assert (same.returncode, same.stderr.splitlines()) == (0, [SHIPPED_DEFAULTS]), same.stdout
