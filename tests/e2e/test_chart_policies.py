"""The chart's admission policies on a real API server: what they let the injector's account do, and which pods pass."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import cycle
from typing import Any

import pytest

from tests.chart.rendering import CLUSTER_NAME, NAMESPACE, of_kind, only, rendered
from tests.e2e.cluster import Cluster, wait_until

pytestmark = pytest.mark.e2e

ACCOUNT = f"--as=system:serviceaccount:{NAMESPACE}:injector"
REVISION, SHOP = "policies", "policies-shop"
KIND, FOREIGN_ENTRY = "mutatingwebhookconfiguration", "entry.example.com"
BUNDLE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
POLICIES = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def namespace(name: str, **labels: str) -> Any:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@contextmanager
def removed_after(cluster: Cluster, documents: list[Any]) -> Iterator[None]:
    cluster.apply(*documents)
    try:
        yield
    finally:
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        cluster.kubectl("delete", "-f", "-", given=json.dumps(listed))


@pytest.fixture(scope="module")
def account(cluster: Cluster) -> Iterator[Cluster]:
    """A registration beside which somebody else's entry stands, and the policy about the account."""
    cluster.apply(namespace(NAMESPACE))
    documents = rendered({"revision": REVISION, "accountPolicy": {"enabled": True}})
    registration = only(documents, "MutatingWebhookConfiguration", CLUSTER_NAME)
    registration["webhooks"].append({**deepcopy(registration["webhooks"][0]), "name": FOREIGN_ENTRY})
    kinds = (*POLICIES, "MutatingWebhookConfiguration", "ClusterRole", "ClusterRoleBinding", "ServiceAccount")
    applied = [each for kind in kinds for each in of_kind(documents, kind)]
    # A change that changes nothing is allowed: each try is another one.
    seconds = cycle((3, 4))
    with removed_after(cluster, applied):
        wait_until(
            lambda: "Forbidden" in patched(cluster, "add", "/webhooks/0/timeoutSeconds", next(seconds)), "not in force"
        )
        yield cluster


def patched(cluster: Cluster, operation: str, path: str, value: Any, *user: str) -> str:
    patch = json.dumps([{"op": operation, "path": path, "value": value}])
    arguments = ("patch", KIND, CLUSTER_NAME, "--type=json", "-p", patch, *(user or (ACCOUNT,)))
    said = cluster.kubectl(*arguments, check=False)
    return f"Forbidden {said}" if "and nothing else" in said else said


def test_the_account_may_write_the_ca_bundle_of_its_entries(account: Cluster) -> None:
    for value in (BUNDLE, BUNDLE.replace("MBP", "MAP")):
        assert "Forbidden" not in patched(account, "add", "/webhooks/0/clientConfig/caBundle", value)


CHANGES: dict[str, tuple[str, Any]] = {
    "where pods are sent": ("/webhooks/0/clientConfig", {"url": "https://evil.example/inject", "caBundle": BUNDLE}),
    "which pods": ("/webhooks/0/rules/0/resources", ["pods", "secrets"]),
    "which namespaces": ("/webhooks/0/namespaceSelector", {}),
    "what happens when it is away": ("/webhooks/0/failurePolicy", "Ignore"),
    "conditions": ("/webhooks/0/matchConditions", []),
    "its patience": ("/webhooks/0/timeoutSeconds", 1),
    "a second call": ("/webhooks/0/reinvocationPolicy", "Never"),
    "labels": ("/metadata/labels", {"a": "b"}),
    "annotations": ("/metadata/annotations", {"a": "b"}),
    "owners": ("/metadata/ownerReferences", [{"apiVersion": "v1", "kind": "Namespace", "name": SHOP, "uid": "u"}]),
    "all entries": ("/webhooks", []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_account_may_change_nothing_else(account: Cluster, change: str) -> None:
    path, value = CHANGES[change]
    assert "Forbidden" in patched(account, "add", path, value)


def test_the_account_may_not_touch_the_entry_of_somebody_else(account: Cluster) -> None:
    found = json.loads(account.kubectl("get", KIND, CLUSTER_NAME, "-o", "json"))
    index = [each["name"] for each in found["webhooks"]].index(FOREIGN_ENTRY)
    assert "Forbidden" in patched(account, "add", f"/webhooks/{index}/clientConfig/caBundle", BUNDLE)


def test_others_are_not_held_to_it(account: Cluster) -> None:
    administrator = "--as-group=system:masters", "--as=admin"
    assert "Forbidden" not in patched(account, "add", "/webhooks/0/timeoutSeconds", 7, *administrator)


@pytest.fixture(scope="module")
def survival(cluster: Cluster) -> Iterator[Cluster]:
    """The policies about pods, without the webhook: as if a later one took the sidecar out again."""
    documents = rendered({"revision": SHOP, "survivalPolicy": {"enabled": True, "byNamespace": True}})
    cluster.apply(namespace(SHOP, **{"istio.io/rev": SHOP}), namespace(f"{SHOP}-out"))
    with removed_after(cluster, [each for kind in POLICIES for each in of_kind(documents, kind)]):
        wait_until(lambda: "asks for a sidecar" in created(cluster, {}), "the policy is not in force")
        yield cluster


def created(cluster: Cluster, metadata: dict[str, Any], where: str = SHOP, **spec: Any) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": where, **metadata},
        "spec": {"containers": [{"name": "app", "image": "app"}], **spec},
    }
    return cluster.kubectl("create", "--dry-run=server", "-f", "-", given=json.dumps(pod), check=False)


STATUS = "sidecar.istio.io/status"
PASSING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "it opted out by label": ({"labels": {"sidecar.istio.io/inject": "false"}}, {}),
    "it opted out by annotation": ({"annotations": {"sidecar.istio.io/inject": "false"}}, {}),
    "it is in the network of its node": ({}, {"hostNetwork": True}),
    "it was injected": ({"annotations": {STATUS: '{"containers":["app"]}'}}, {}),
}


@pytest.mark.parametrize("why", PASSING)
def test_a_pod_without_a_sidecar_passes_where_that_is_right(survival: Cluster, why: str) -> None:
    metadata, spec = PASSING[why]
    assert "created" in created(survival, metadata, **spec)
    assert "created" in created(survival, {}, f"{SHOP}-out")


def test_to_drop_the_annotation_does_not_help(survival: Cluster) -> None:
    assert "no longer in the pod: istio-proxy" in created(
        survival, {"annotations": {STATUS: '{"containers":["istio-proxy"]}'}}
    )
    assert "the namespace asks for a sidecar" in created(survival, {})
    assert "the namespace asks for a sidecar" in created(survival, {"annotations": {"other": "x"}})
