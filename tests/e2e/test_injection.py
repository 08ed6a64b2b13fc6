"""A real API server calls the webhook: Bookinfo's Deployments become pods that carry their sidecar."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import Snapshot
from injector.core.selection import selection_rules
from injector.server.app import create_app
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.e2e.cluster import Cluster, applicable_sample, wait_until
from tests.support import admitted, container_of, default_setup

pytestmark = pytest.mark.e2e

SERVICES = {"details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"}


def registration(port: int, bundle: bytes) -> Any:
    """The webhook configuration with one entry for each row of the opt-in table."""
    entries = [
        {
            "name": f"{rule.name}.sidecar-injector.istio.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "namespaceSelector": rule.namespace.as_json(),
            "objectSelector": rule.pod.as_json(),
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "clientConfig": {
                "url": f"https://127.0.0.1:{port}/inject",
                "caBundle": base64.b64encode(bundle).decode(),
            },
        }
        for rule in selection_rules("default", (), namespaces_by_default=False)
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector"},
        "webhooks": entries,
    }


@pytest.fixture(scope="module")
def webhook(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster with a webhook server registered; that server knows the namespaces of these tests."""
    store = DirectoryStore(Path(tmp_path_factory.mktemp("certs")))
    ensure(store, Settings(names=("127.0.0.1",)), datetime.now(UTC))
    namespaces = {name: namespace(name, labels) for name, labels in NAMESPACES.items()}
    service = Service(State(default_setup(), Snapshot(namespaces, nodes=())))
    app = create_app(service, Telemetry())
    certificate = ServingCertificate(store.certificate, store.key)
    with serving(server_for(app, service, certificate), bind(Listening("127.0.0.1", 0))) as port:
        cluster.apply(registration(port, store.bundle.read_bytes()), *namespaces.values())
        yield cluster
    # Others create pods in the same cluster: no call may go to where nobody answers any more.
    cluster.kubectl("delete", "mutatingwebhookconfiguration", "istio-sidecar-injector")


NAMESPACES: dict[str, dict[str, str]] = {
    "bookinfo": {"istio-injection": "enabled"},
    "dry": {"istio-injection": "enabled"},
    "quiet": {},
    "off": {"istio-injection": "disabled"},
    "by-revision": {"istio.io/rev": "default"},
    "other-revision": {"istio.io/rev": "canary"},
}


def namespace(name: str, labels: dict[str, str]) -> Any:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, where: str, labels: dict[str, str]) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where, "labels": labels},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}]},
    }


def is_injected(found: Any) -> bool:
    spec = found["spec"]
    return "istio-proxy" in {each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])}


def test_bookinfo_s_deployments_become_pods_with_a_sidecar_and_the_opted_out_one_without(webhook: Cluster) -> None:
    for file in applicable_sample():
        webhook.kubectl("apply", "-f", str(file))
    wait_until(lambda: len(webhook.items("pods", "bookinfo")) == 7, "there are not seven pods")
    pods = webhook.items("pods", "bookinfo")
    injected = {each["metadata"]["generateName"].rsplit("-", 2)[0]: is_injected(each) for each in pods}
    assert injected == {**dict.fromkeys(SERVICES, True), "legacy-catalog": False}
    for each in pods:
        if is_injected(each):
            proxy = container_of(each, "istio-proxy")
            assert {"ISTIO_META_WORKLOAD_NAME", "ISTIO_META_OWNER"} <= {entry["name"] for entry in proxy["env"]}


def test_a_second_creation_of_an_injected_pod_changes_nothing_after_the_api_server_s_defaults(webhook: Cluster) -> None:
    """With reinvocationPolicy IfNeeded the webhook sees its own result again, defaults filled in."""
    webhook.kubectl("create", "-f", "-", given=json.dumps(pod("twice", "dry", {"app": "twice"})))
    first = json.loads(webhook.kubectl("get", "pod", "twice", "-n", "dry", "-o", "json"))
    webhook.kubectl("delete", "pod", "twice", "-n", "dry", "--grace-period=0", "--force")
    kept = {key: first["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    again = {"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": first["spec"]}
    snapshot = Snapshot({name: namespace(name, labels) for name, labels in NAMESPACES.items()}, nodes=())
    assert list(admitted(again, default_setup(), snapshot, namespace="dry").patch) == []


def test_a_dry_run_shows_the_injection_and_creates_nothing(webhook: Cluster) -> None:
    shown = webhook.kubectl(
        "create", "--dry-run=server", "-o", "json", "-f", "-", given=json.dumps(pod("shown", "dry", {"app": "a"}))
    )
    assert is_injected(json.loads(shown))
    assert webhook.items("pods", "dry") == []


@pytest.mark.parametrize(
    ("where", "labels", "expected"),
    [
        ("bookinfo", {"sidecar.istio.io/inject": "true"}, True),
        ("bookinfo", {}, True),
        ("bookinfo", {"sidecar.istio.io/inject": "false"}, False),
        ("off", {"sidecar.istio.io/inject": "true"}, False),
        ("off", {}, False),
        ("by-revision", {}, True),
        ("by-revision", {"sidecar.istio.io/inject": "true"}, True),
        ("by-revision", {"sidecar.istio.io/inject": "false"}, False),
        ("other-revision", {}, False),
        ("other-revision", {"sidecar.istio.io/inject": "true"}, False),
        ("quiet", {}, False),
        ("quiet", {"sidecar.istio.io/inject": "true"}, True),
        ("quiet", {"istio.io/rev": "default"}, True),
        ("quiet", {"istio.io/rev": "default", "sidecar.istio.io/inject": "false"}, False),
        ("quiet", {"istio.io/rev": "canary"}, False),
        ("quiet", {"istio.io/rev": "canary", "sidecar.istio.io/inject": "true"}, False),
    ],
)
def test_the_opt_in_truth_table_holds_through_the_api_server_s_own_selectors(
    webhook: Cluster, where: str, labels: dict[str, str], expected: bool
) -> None:
    given = json.dumps(pod("row", where, labels))
    shown = webhook.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=given)
    assert is_injected(json.loads(shown)) == expected


def test_a_wrong_annotation_is_told_by_kubectl(webhook: Cluster) -> None:
    wrong = pod("wrong", "bookinfo", {})
    wrong["metadata"]["annotations"] = {"traffic.sidecar.istio.io/includeInboundPorts": "http"}
    told = webhook.kubectl("create", "-f", "-", given=json.dumps(wrong), check=False)
    assert "traffic.sidecar.istio.io/includeInboundPorts" in told
