"""`injector migrate` and `-c cluster://` with a real API server: what is there, forbidden, or broken."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.migrating import HUB, SIDECAR, config_maps, deployment, namespace, webhooks
from tests.cli.running import run
from tests.cli.serving import Server
from tests.e2e.cluster import Cluster, wait_until
from tests.ports import free_port
from tests.support import pod_of, review_of

pytestmark = pytest.mark.e2e

ISTIO, SHOP = "istio-system", "migrating"
INSTALLATION = f"cluster://{ISTIO}"
ACCOUNT = "migrator"


@pytest.fixture(scope="module")
def mesh(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with two revisions of Istio, and a namespace with a workload for the default one."""
    cluster.apply(namespace(ISTIO), namespace(SHOP, injection="enabled"))
    cluster.apply(*config_maps(), *config_maps("1.30.3", "canary"), webhooks(), deployment(SHOP, "cart"))
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": ISTIO}})
    try:
        yield cluster
    finally:
        cluster.kubectl("delete", "mutatingwebhookconfiguration", "istio-sidecar-injector", check=False)
        cluster.kubectl("delete", "namespace", ISTIO, SHOP, "--wait=false", check=False)
        cluster.kubectl("delete", "clusterrolebinding", ACCOUNT, check=False)


def migrate(cluster: Cluster, command: str, *arguments: str | Path, status: int = 0) -> Any:
    found = run("migrate", command, "--kubeconfig", cluster.kubeconfig, "-o", "json", *arguments)
    assert found.returncode == status, found.stderr
    return json.loads(found.stdout)


def by_revision(answer: Any) -> dict[str, Any]:
    return {each["revision"]: each for each in answer["revisions"]}


def test_what_istio_injects_is_found(mesh: Cluster) -> None:
    revisions = by_revision(migrate(mesh, "check"))
    assert (revisions["default"]["release"], revisions["canary"]["release"]) == ("1.28.10", "1.30.3")
    assert revisions["default"]["webhookConfigurations"] == ["istio-sidecar-injector"]
    assert SHOP in revisions["default"]["namespaces"]


def test_with_its_own_config_maps_no_workload_changes(mesh: Cluster) -> None:
    answer = by_revision(migrate(mesh, "plan", "-c", INSTALLATION, "--set", "revision=beside"))
    assert answer["default"]["workloads"] == []
    assert answer["default"]["steps"][SHOP]["there"][0].endswith("istio.io/rev=beside istio-injection-")


def test_another_configuration_changes_the_workload(mesh: Cluster, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    values = {"global": {"hub": HUB, "tag": "own"}}
    own.write_text(yaml.safe_dump({"goTemplates": {"sidecar": SIDECAR}, "values": values}), encoding="utf-8")
    groups = by_revision(migrate(mesh, "plan", "-c", own))["default"]["workloads"]
    # Other tests have workloads of their own in this cluster.
    (group,) = (each for each in groups if "cart" in [workload["name"] for workload in each["workloads"]])
    assert f"+image: {HUB}/proxyv2:own" in group["detail"]


def test_the_commands_of_a_plan_are_ones_that_kubectl_takes(mesh: Cluster) -> None:
    plan = by_revision(migrate(mesh, "plan", "-c", INSTALLATION, "--set", "revision=beside"))["default"]
    for way, expected in (
        ("there", {"istio.io/rev": "beside"}),
        ("back", {"istio-injection": "enabled"}),
    ):
        for command in plan["steps"][SHOP][way]:
            does(mesh, command)
        found = json.loads(mesh.kubectl("get", "namespace", SHOP, "-o", "json"))["metadata"]["labels"]
        assert {key: found.get(key) for key in ("istio.io/rev", "istio-injection") if key in found} == expected


def does(cluster: Cluster, command: str) -> None:
    """Run the command, again where it comes too soon: kubectl restarts a workload at most once in a second."""
    words = command.split()[1:]
    wait_until(lambda: "error" not in cluster.kubectl(*words, check=False), f"{command} fails", 10)


def account(cluster: Cluster, directory: Path, *rules: Any) -> Path:
    """A kubeconfig of an account that may do what `rules` say, and nothing else."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ISTIO}],
    }
    cluster.apply({**role, "rules": list(rules)}, binding)
    document = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    token = cluster.kubectl("create", "token", ACCOUNT, "-n", ISTIO, "--duration=1h").strip()
    document["users"][0]["user"] = {"token": token}
    file = directory / "account"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def readable(*resources: str, group: str = "") -> Any:
    return {"apiGroups": [group], "resources": list(resources), "verbs": ["get", "list", "watch"]}


def test_what_an_account_may_not_see_is_said(mesh: Cluster, tmp_path: Path) -> None:
    file = account(mesh, tmp_path, readable("configmaps", "namespaces"), readable("deployments", group="apps"))

    def answered() -> Any:
        found = run("migrate", "plan", "--kubeconfig", file, "-o", "json", "-c", "/dev/null")
        assert found.returncode == 1
        return json.loads(found.stdout) if found.stdout else None

    answer = wait_until(answered, "the account may not read ConfigMaps")
    assert SHOP in by_revision(answer)["default"]["namespaces"]
    unseen = "\n".join(answer["unseen"])
    for kind in ("mutatingwebhookconfigurations", "nodes", "pods", "StatefulSet", "CronJob"):
        assert kind in unseen, unseen
    assert "deployments" not in unseen.lower()
    assert "namespaces:" not in unseen


def test_an_account_that_may_see_nothing_is_told_why(mesh: Cluster, tmp_path: Path) -> None:
    file = account(mesh, tmp_path)
    found = wait_until(lambda: denied(file), "the account may still read")
    assert found.stderr.count("\n") == 1
    assert "not seen: configmaps of istio-system: GET /api/v1/namespaces/istio-system/configmaps" in found.stderr


def denied(file: Path) -> Any:
    found = run("migrate", "check", "--kubeconfig", file)
    return found if found.stderr.startswith("there is no Istio here") else None


def unreachable(cluster: Cluster, directory: Path) -> Path:
    document = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    file = directory / "unreachable"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("command", [("migrate", "check"), ("migrate", "plan"), ("check", "-c", INSTALLATION)])
def test_a_cluster_that_does_not_answer_is_one_line(mesh: Cluster, tmp_path: Path, command: tuple[str, ...]) -> None:
    found = run(*command, "--kubeconfig", unreachable(mesh, tmp_path))
    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert "cannot be reached" in found.stderr


def checked_with(kubeconfig: Path, installation: str) -> Any:
    """A check of the configuration alone, in an installation."""
    return run("check", "-c", installation, "--no-cluster", environment={"KUBECONFIG": str(kubeconfig)})


def test_an_installation_that_may_not_be_read_is_one_line(mesh: Cluster, tmp_path: Path) -> None:
    file = account(mesh, tmp_path)

    def refused() -> Any:
        found = checked_with(file, INSTALLATION)
        return found if "forbidden" in found.stderr else None

    found = wait_until(refused, "the account may still read")
    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert found.stderr.startswith(f"{INSTALLATION}: GET /api/v1/namespaces/{ISTIO}/configmaps/")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cluster://default", "cluster://default: there is no ConfigMap default/istio; revisions there: none that"),
        (f"{INSTALLATION}/old", f"there is no ConfigMap {ISTIO}/istio-old; revisions there: default, canary"),
    ],
)
def test_an_installation_that_is_not_there_is_one_line(mesh: Cluster, name: str, expected: str) -> None:
    found = checked_with(mesh.kubeconfig, name)
    assert (found.returncode, found.stderr.count("\n")) == (1, 1)
    assert expected in found.stderr


BROKEN = {
    "YAML": ("policy: [", "data.config"),
    "template": (yaml.safe_dump({"templates": {"sidecar": "{{ nowhere }}"}}), "nowhere"),
}


def broken(text: str) -> Any:
    (found, _) = config_maps()
    return {**found, "data": {**found["data"], "config": text}}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_config_map_is_one_line_and_named(mesh: Cluster, kind: str) -> None:
    text, expected = BROKEN[kind]
    mesh.apply(broken(text))
    try:
        found = checked_with(mesh.kubeconfig, INSTALLATION)
        faults = [line for line in found.stderr.splitlines() if ": the templates of Istio " not in line]
        assert (found.returncode, len(faults)) == (1, 1)
        assert faults[0].startswith(f"ConfigMap {ISTIO}/istio-sidecar-injector:")
        assert expected in faults[0]
        revisions = by_revision(migrate(mesh, "check", status=1))
        assert expected in revisions["default"]["unreadable"][0]
        assert revisions["canary"]["unreadable"] == []
    finally:
        mesh.apply(*config_maps())


def test_while_serving_the_last_good_one_stays(mesh: Cluster, tmp_path: Path) -> None:
    arguments = ("--kubeconfig", str(mesh.kubeconfig), "--no-events", "-c", INSTALLATION)
    server = Server(tmp_path, *arguments)
    try:
        with server.client() as client:

            def image() -> str:
                body = review_of(pod_of(), namespace=SHOP)
                answer = client.post("/inject", content=body, headers={"Content-Type": "application/json"})
                patch = json.loads(base64.b64decode(answer.json()["response"]["patch"]))
                return json.dumps(patch)

            wait_until(lambda: f"{HUB}/proxyv2:1.28.10" in image(), "it does not inject")
            mesh.apply(broken("policy: ["))
            wait_until(lambda: "data.config" in client.get("/readyz").text, "it does not tell of the fault")
            assert f"{HUB}/proxyv2:1.28.10" in image()
            mesh.kubectl("delete", "configmap", "istio-sidecar-injector", "-n", ISTIO)
            wait_until(
                lambda: "there is no ConfigMap" in client.get("/readyz").text, "it does not tell that it is gone"
            )
            assert f"{HUB}/proxyv2:1.28.10" in image()
            mesh.apply(*config_maps("1.28.11"))
            wait_until(lambda: f"{HUB}/proxyv2:1.28.11" in image(), "it does not recover")
    finally:
        server.process.kill()
        server.process.wait()
        mesh.apply(*config_maps())
