"""A real API server injects by policies as the webhook does: pods of all kinds, for every template of the gallery."""

import json
import random
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from injector.core.admission import Subject, admit
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod
from injector.core.pods import workload_of
from injector.core.setup import Setup
from injector.policy import policies
from injector.policy.variables import RECORD_PREFIX
from tests.e2e.cluster import TOKEN, Cluster, wait_until
from tests.policy.equality import GALLERY, has_repeated_containers, random_pods, without_records
from tests.policy.pods import has_repeated_variables
from tests.support import setup_of

pytestmark = pytest.mark.e2e

# Where policies apply, and where none does: there a pod only gets the API server's defaults.
INSIDE, OUTSIDE = "inside", "outside"
PODS, MANY_PODS = 30, 500
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
BARE: Pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "bare"},
    "spec": {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}]},
}
# What the API server says of a pod, and nobody asks for.
SERVER_FIELDS = ("uid", "creationTimestamp", "managedFields", "generation", "namespace")


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[httpx.Client]:
    opted_in = {"name": INSIDE, "labels": {"istio-injection": "enabled"}}
    cluster.apply(
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": each} for each in (opted_in, {"name": OUTSIDE}))
    )
    context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
    with httpx.Client(base_url=cluster.url, verify=context, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def created(server: httpx.Client, pod: Pod, namespace: str) -> httpx.Response:
    """The API server's answer to the creation of the pod, without creating it."""
    document = {**pod, "metadata": {**pod["metadata"], "namespace": namespace}}
    return server.post(f"/api/v1/namespaces/{namespace}/pods?dryRun=All", content=json.dumps(document))


def as_sent(answer: httpx.Response) -> Pod:
    """The pod of an answer, without what only the API server says."""
    found: Pod = answer.json()
    metadata = {key: value for key, value in found["metadata"].items() if key not in SERVER_FIELDS}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": found["spec"]}


def collection(document: JsonObject) -> str:
    kind: str = document["kind"]
    plural = kind.lower().removesuffix("y") + "ies" if kind.endswith("y") else f"{kind.lower()}s"
    return f"{REGISTRATION}/{plural}"


@pytest.fixture(params=GALLERY)
def setup(request: pytest.FixtureRequest, server: httpx.Client, tmp_path: Path) -> Iterator[tuple[str, Setup]]:
    """The webhook of a template, whose policies are in force."""
    setup = setup_of(tmp_path, GALLERY[request.param].read_text(encoding="utf-8"), "nativeSidecars=enabled")
    (policy,) = policies(setup.config)
    documents = policy.documents()
    for document in documents:
        answer = server.post(collection(document), content=json.dumps(document))
        assert answer.status_code == 201, answer.text
    record = f"{RECORD_PREFIX}{request.param}"
    # A pod that the template takes shows that the one policy is there, one that it refuses the other.
    taken = {**BARE, "metadata": {"name": "bare", "annotations": TAKEN.get(request.param, {})}}
    refused = {**BARE, "metadata": {"name": "bare", "annotations": dict.fromkeys(ANNOTATIONS[request.param], "\x1c")}}
    wait_until(
        lambda: record in (created(server, taken, INSIDE).json()["metadata"].get("annotations") or {}), "not in force"
    )
    wait_until(lambda: created(server, refused, INSIDE).status_code != 201, "nothing is refused")
    yield request.param, setup
    for document in reversed(documents):
        server.delete(f"{collection(document)}/{policy.name}")
    wait_until(lambda: created(server, refused, INSIDE).status_code == 201, "still in force")


TAKEN = {
    "cloud-sql-proxy": {"cloud-sql.sidecar-injector.io/instance": "a:b:c"},
    "oauth2-proxy": {
        "oauth2-proxy.sidecar-injector.io/issuer": "https://issuer.example",
        "oauth2-proxy.sidecar-injector.io/email-domains": "*",
    },
}
# An annotation of each template that takes no other text than that of its type.
ANNOTATIONS = {
    "cloud-sql-proxy": ["cloud-sql.sidecar-injector.io/port"],
    "dapr": ["dapr.io/app-port"],
    "debug": ["debug.sidecar-injector.io/share-processes"],
    "fluent-bit": ["fluent-bit.sidecar-injector.io/log-size"],
    "minimal": ["sidecar.example/port"],
    "oauth2-proxy": ["oauth2-proxy.sidecar-injector.io/upstream-port"],
    "otel-collector": ["otel.sidecar-injector.io/config-map"],
    "vault-agent": ["vault.hashicorp.com/agent-pre-populate-only"],
}


def through_webhook(pod: Pod, setup: Setup) -> Any:
    """What the webhook says of a pod that the API server sends it."""
    labels = {"istio-injection": "enabled"}
    namespace = {"metadata": {"name": INSIDE, "labels": labels}}
    inside = {**pod, "metadata": {**pod["metadata"], "namespace": INSIDE}}
    return admit(Subject(inside, INSIDE, workload_of(inside, INSIDE), namespace), setup, EMPTY_SNAPSHOT)


def compare(server: httpx.Client, pod: Pod, setup: Setup, seed: int) -> bool:
    """Hold both ways against each other; whether the pod was injected."""
    received = created(server, pod, OUTSIDE)
    assert received.status_code == 201, received.text
    by_webhook, by_policy = through_webhook(as_sent(received), setup), created(server, pod, INSIDE)
    defaulted = created(server, by_webhook.pod, OUTSIDE) if by_webhook.allowed else None
    if defaulted is None or defaulted.status_code != 201:
        assert by_policy.status_code != 201, by_webhook.message or pod
        return False
    assert by_policy.status_code == 201, by_policy.text
    assert without_records(as_sent(by_policy)) == without_records(as_sent(defaulted))
    again = created(server, as_sent(by_policy), INSIDE)
    assert as_sent(again) == as_sent(by_policy)
    if not has_repeated_variables(pod) and not has_repeated_containers(pod):
        _compare_reordered(server, as_sent(by_policy), as_sent(defaulted), setup, seed)
    return True


def _compare_reordered(server: httpx.Client, by_policy: Pod, by_webhook: Pod, setup: Setup, seed: int) -> None:
    """The second pass, behind a webhook that has put the containers into another order."""
    for each in (by_policy, by_webhook):
        for which in ("containers", "initContainers"):
            random.Random(seed).shuffle(each["spec"].get(which) or [])  # noqa: S311 -- the same order each time
    again = created(server, through_webhook(by_webhook, setup).pod, OUTSIDE)
    result = created(server, by_policy, INSIDE)
    assert without_records(as_sent(result)) == without_records(as_sent(again))


def test_pods_are_those_of_the_webhook(server: httpx.Client, setup: tuple[str, Setup]) -> None:
    name, webhook = setup
    pods = enumerate(random_pods(GALLERY[name], PODS))
    outcomes = {compare(server, pod, webhook, seed) for seed, pod in pods}
    assert True in outcomes


@pytest.mark.slow
def test_many_pods_are_those_of_the_webhook(server: httpx.Client, setup: tuple[str, Setup]) -> None:
    name, webhook = setup
    for seed, pod in enumerate(random_pods(GALLERY[name], MANY_PODS)):
        compare(server, pod, webhook, seed)


def test_a_refusal_has_the_words_of_the_template(server: httpx.Client, setup: tuple[str, Setup]) -> None:
    name, webhook = setup
    pod = {**BARE, "metadata": {"name": "bare", "annotations": dict.fromkeys(ANNOTATIONS[name], "no such value!")}}
    words = through_webhook(pod, webhook).message.rpartition(f"template {name!r}: ")[2]
    answer = created(server, pod, INSIDE)
    assert answer.status_code == 422
    assert words
    assert words in answer.json()["message"]
