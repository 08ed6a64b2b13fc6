"""What is said to be refused is refused by a real API server, and what nothing is said of is admitted (dry runs)."""

import json
import random
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.core.pod_validation import refusals
from injector.reports.evaluate import preview_workload
from tests.core.refused_pods import ADMITTED, EMPTY, EXEC, FIELD, HTTP, REFUSED
from tests.core.test_pod_rules import BROKEN, SOUND
from tests.e2e.cluster import TOKEN, Cluster
from tests.support import default_setup, pod_of

pytestmark = pytest.mark.e2e

NAMESPACE = "refused"
PODS = 500


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[httpx.Client]:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    context = ssl.create_default_context(cafile=str(cluster.directory / "ca.crt"))
    with httpx.Client(base_url=cluster.url, verify=context, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def created(server: httpx.Client, pod: Pod) -> httpx.Response:
    """The API server's answer to the creation of the pod, without creating it."""
    # The admission plugin that gives a pod its account is off here.
    spec = {"serviceAccountName": "default", **pod["spec"]}
    document = {**pod, "metadata": {**pod["metadata"], "namespace": NAMESPACE}, "spec": spec}
    return server.post(f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", content=json.dumps(document))


@pytest.mark.parametrize("pod", [pod for pod, _ in REFUSED.values()], ids=REFUSED)
def test_what_is_said_to_be_refused_is(server: httpx.Client, pod: Pod) -> None:
    assert created(server, pod).status_code in (400, 422)


@pytest.mark.parametrize("pod", ADMITTED.values(), ids=ADMITTED)
def test_what_nothing_is_said_of_is_admitted(server: httpx.Client, pod: Pod) -> None:
    answer = created(server, pod)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("pod", [pod for pod, _ in BROKEN.values()], ids=BROKEN)
def test_what_a_template_may_not_give_is_refused(server: httpx.Client, pod: Pod) -> None:
    assert created(server, pod).status_code in (400, 403, 422)


@pytest.mark.parametrize("pod", SOUND.values(), ids=SOUND)
def test_what_a_template_may_give_is_admitted(server: httpx.Client, pod: Pod) -> None:
    answer = created(server, pod)
    assert answer.status_code == 201, answer.text


def random_pod(choice: random.Random) -> Pod:
    """A pod that asks for this and that, some of it in the way of injection."""

    def some(**options: list[Any]) -> dict[str, Any]:
        return {key: choice.choice(values) for key, values in options.items() if choice.random() < 0.4}

    amounts = ["10m", "100m", "1", "3", 2, "64Mi", "1Gi", "2G", "1e8"]

    def resources() -> dict[str, Any]:
        kinds = {kind: some(cpu=amounts[:5], memory=amounts[5:]) for kind in ("requests", "limits")}
        return {kind: amount for kind, amount in kinds.items() if amount}

    def container(name: str) -> dict[str, Any]:
        options = some(
            env=[[{"name": "POD_NAME", "value": "x"}], [{"name": "A", "valueFrom": FIELD}], [{"name": "B"}]],
            ports=[[{"containerPort": 8080, "name": "http"}], [{"containerPort": 15090}], [{"containerPort": 80}]],
            readinessProbe=[HTTP, EXEC, {"grpc": {"port": 1}}],
            securityContext=[{"runAsUser": 1337}, {"allowPrivilegeEscalation": False}],
            volumeMounts=[[{"name": "v", "mountPath": "/v"}], [{"name": "istio-data", "mountPath": "/d"}]],
            lifecycle=[{"preStop": EXEC}, {"postStart": {"sleep": {"seconds": 1}}}],
            resources=[resources() for _ in range(3)],
        )
        return {"name": name, "image": "x", **options}

    annotations = some(
        **{
            "sidecar.istio.io/proxyCPU": ["1", "100m"],
            "sidecar.istio.io/proxyCPULimit": ["500m", "2"],
            "sidecar.istio.io/userVolume": ['{"v": {"secret": {"secretName": "s"}}}', '{"w": {"emptyDir": {}}}'],
            "sidecar.istio.io/userVolumeMount": [
                '{"v": {"mountPath": "/etc/istio/proxy"}}',
                '{"v": {"mountPath": "/m"}}',
            ],
            "sidecar.istio.io/nativeSidecar": ["true", "false"],
            "inject.istio.io/templates": ["sidecar", "gateway", "envoy", "grpc-agent"],
        }
    )
    pod = pod_of(annotations=annotations, **some(hostNetwork=[False], dnsPolicy=["Default", "ClusterFirst"]))
    pod["spec"]["volumes"] = [EMPTY, *choice.sample([{"name": "istio-data", "emptyDir": {}}, {"name": "x"}], 1)]
    pod["spec"]["containers"] = [container("app"), *([container("istio-proxy")] if choice.random() < 0.5 else [])]
    if choice.random() < 0.2:
        pod["spec"]["resources"] = resources()
    return pod


def test_random_pods_are_admitted_exactly_where_nothing_is_said(server: httpx.Client) -> None:
    choice, setup = random.Random(7), default_setup()  # noqa: S311 -- the same pods in every run
    quiet = 0
    for _ in range(PODS):
        preview = preview_workload(random_pod(choice), setup, EMPTY_SNAPSHOT, NAMESPACE)
        if not preview.admission.allowed:
            continue
        merged = preview.admission.pod
        answer = created(server, merged)
        said = [*refusals(merged), *(each for each in preview.admission.warnings if "API server" in each)]
        assert (answer.status_code == 201) == (not said), (answer.text, said, merged)
        quiet += not said
    assert quiet > PODS / 4
