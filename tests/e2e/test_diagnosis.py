"""`injector check` and `injector drift` against a real API server: what is wrong is found, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.running import run
from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import CONFIGURATION, NAMESPACE, SECRET, Injector, injectors, registration
from tests.ports import free_port

pytestmark = pytest.mark.e2e

# What a command says of the configuration that it takes, where no release is installed.
SHIPPED_DEFAULTS = "configuration: the shipped defaults, since no webhook configuration here calls an injector"


def namespace(name: str, **labels: str) -> Any:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "drifting"},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}]},
    }


@pytest.fixture(scope="module")
def injector(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    """One replica, registered, its CA bundle in place."""
    port = free_port()
    cluster.apply(namespace(NAMESPACE), namespace("drifting", **{"istio-injection": "enabled"}), registration(port))
    with injectors(cluster, tmp_path_factory.mktemp("diagnosis"), port) as started:
        wait_until(lambda: findings(cluster) == [], f"something is wrong from the start: {findings(cluster)}")
        yield started[0]
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


def findings(cluster: Cluster) -> list[str]:
    """What `injector check` finds wrong about this injector; namespaces of other tests are theirs."""
    done = run(
        *("check", "--kubeconfig", cluster.kubeconfig, "--webhook-config", CONFIGURATION),
        *("--namespace", NAMESPACE, "--cert-secret", SECRET, "-o", "json"),
    )
    assert done.stderr == ""
    found = [each for each in json.loads(done.stdout) if not each["subject"].startswith("Namespace ")]
    return [f"{each['subject']}: {each['message']}" for each in found]


@pytest.mark.usefixtures("injector")
def test_a_namespace_of_a_revision_that_nobody_serves_is_found(cluster: Cluster) -> None:
    cluster.apply(namespace("lost", **{"istio.io/rev": "nobody"}))
    done = run("check", "--kubeconfig", cluster.kubeconfig)
    assert done.returncode == 1
    assert (
        "Namespace lost: label istio.io/rev=nobody names a revision that is not served; valid: default" in done.stdout
    )
    cluster.kubectl("delete", "namespace", "lost", "--wait=false")


def test_a_pod_created_while_the_webhook_was_away_is_drift(cluster: Cluster, injector: Injector) -> None:
    cluster.kubectl("create", "-f", "-", given=json.dumps(pod("in-time")))
    injector.kill()
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION)
    cluster.kubectl("create", "-f", "-", given=json.dumps(pod("late")))
    done = run("drift", "--kubeconfig", cluster.kubeconfig, "-n", "drifting", "-o", "json")
    assert (done.returncode, done.stderr.splitlines()) == (1, [SHIPPED_DEFAULTS])
    assert [(each["problem"], each["pods"]) for each in json.loads(done.stdout)] == [("missing", ["late"])]
    assert findings(cluster) == ["registration: no webhook configuration calls the injector: no pod is injected"]
