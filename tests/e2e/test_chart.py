"""The rendered chart in a real API server: its permissions are enough, its selectors and policies do as they say."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from injector.core.model import STATUS_ANNOTATION
from tests.chart.rendering import NAMESPACE, of_kind, rendered
from tests.e2e.charted import command, own_kubeconfig
from tests.e2e.cluster import Cluster, wait_until
from tests.ports import free_port, is_listened_on

pytestmark = pytest.mark.e2e

# Kinds whose definitions no bare API server has.
FOREIGN = {"ServiceMonitor", "PrometheusRule", "Certificate", "Issuer"}
# A revision of its own, so that the webhooks of other tests answer to other namespaces.
REVISION, TAG = "chart", "chart-tag"


@dataclass(frozen=True)
class Release:
    """The applied chart, and its server as a process with the rights of its ServiceAccount alone."""

    cluster: Cluster
    port: int
    log: Path

    def requests(self) -> float:
        """How many reviews the server has had."""
        text = httpx.get(f"https://127.0.0.1:{self.port}/metrics", verify=False).text  # noqa: S501 -- read only
        found = re.search(r"^sidecar_injection_requests_total(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found[1])

    def created(self, where: str, pod: Any) -> str:
        """What kubectl prints on a trial creation: the pod as JSON, or why it was refused."""
        placed = {**pod, "metadata": {**pod["metadata"], "namespace": where}}
        arguments = ("create", "--dry-run=server", "-o", "json", "-f", "-")
        return self.cluster.kubectl(*arguments, given=json.dumps(placed), check=False)


def labelled(name: str, labels: dict[str, str]) -> Any:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(annotations: dict[str, str] | None = None, **spec: Any) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "row", "annotations": annotations or {}},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "app", "image": "app"}], **spec},
    }


def deployment(where: str, template: Any) -> Any:
    """A Deployment `told` of one such pod."""
    marked = {"labels": {"app": "told"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "told", "namespace": where},
        "spec": {
            "selector": {"matchLabels": marked["labels"]},
            "template": {
                "spec": template["spec"],
                "metadata": {**marked, "annotations": template["metadata"]["annotations"]},
            },
        },
    }


def names(found: Any) -> set[str]:
    spec = found["spec"]
    return {each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])}


@pytest.fixture(scope="module")
def release(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The chart, applied in a namespace of its own and served by a process."""
    directory, port = tmp_path_factory.mktemp("chart"), free_port()
    documents = rendered(
        {
            "revision": REVISION,
            "revisionTags": [TAG],
            "server": {"host": "127.0.0.1", "port": port, "drainSeconds": 0},
            "webhook": {"url": f"https://127.0.0.1:{port}/inject"},
            "survivalPolicy": {"enabled": True},
            "networkPolicy": {"enabled": True},
            "autoscaling": {"enabled": True},
        }
    )
    cluster.apply(labelled(NAMESPACE, {"istio.io/rev": REVISION}))
    applied = [each for each in documents if each["kind"] not in FOREIGN | {"Pod"}]
    cluster.apply(*applied)
    log = directory / "injector.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command(documents, directory, own_kubeconfig(cluster, directory)), stderr=stream)
    try:
        for each in of_kind(documents, "MutatingWebhookConfiguration"):
            name = each["metadata"]["name"]
            wait_until(partial(has_bundle, cluster, name), f"{name} has no CA bundle; see {log}")
        wait_until(partial(is_listened_on, port), f"nobody listens; see {log}")
        yield Release(cluster, port, log)
    finally:
        process.kill()
        process.wait()
        cluster.kubectl("delete", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": applied}))


def has_bundle(cluster: Cluster, name: str) -> bool:
    found = json.loads(cluster.kubectl("get", "mutatingwebhookconfiguration", name, "-o", "json"))
    return all(entry["clientConfig"].get("caBundle") for entry in found["webhooks"])


@pytest.mark.parametrize("revision", [REVISION, TAG])
def test_a_pod_of_a_namespace_that_names_the_revision_or_a_tag_is_injected(release: Release, revision: str) -> None:
    release.cluster.apply(labelled(f"names-{revision}", {"istio.io/rev": revision}))
    wait_until(
        lambda: "istio-proxy" in names(json.loads(release.created(f"names-{revision}", pod()))), "it is not injected"
    )


def test_the_release_s_own_pods_come_up_whatever_its_namespace_says(release: Release) -> None:
    """Its namespace names its revision; still its Deployment's pods are made without a webhook in their way."""
    wait_until(lambda: release.cluster.items("pods", NAMESPACE), "the Deployment has no pods")
    assert all("istio-proxy" not in names(each) for each in release.cluster.items("pods", NAMESPACE))


@pytest.mark.parametrize(
    ("where", "given"),
    [
        ("unnamed", pod()),
        (NAMESPACE, pod()),
        ("kube-system", pod()),
        ("named", pod({"kubernetes.io/config.mirror": "0"}, nodeName="node")),
    ],
    ids=["an unlabelled namespace", "its own namespace", "a system namespace", "a mirror pod"],
)
def test_a_pod_that_is_not_meant_is_never_sent(release: Release, where: str, given: Any) -> None:
    release.cluster.apply(labelled("unnamed", {}), labelled("named", {"istio.io/rev": REVISION}))
    before = release.requests()
    assert names(json.loads(release.created(where, given))) == {"app"}
    assert release.requests() == before


def test_a_skipped_pod_s_author_is_told_by_an_event(release: Release) -> None:
    release.cluster.apply(labelled("events", {"istio.io/rev": REVISION}))
    wait_until(lambda: "istio-proxy" in names(json.loads(release.created("events", pod()))), "it is not injected")
    release.cluster.apply(deployment("events", pod(hostNetwork=True)))
    wait_until(
        lambda: "HostNetwork" in {each["reason"] for each in release.cluster.items("events", "events")}, "no Event"
    )


def test_a_refused_pod_s_author_is_told_by_an_event_on_what_makes_it(release: Release) -> None:
    release.cluster.apply(labelled("refusals", {"istio.io/rev": REVISION}))
    wait_until(lambda: "istio-proxy" in names(json.loads(release.created("refusals", pod()))), "it is not injected")
    release.created("refusals", pod({"proxy.istio.io/config": "concurrency: few"}))
    release.cluster.apply(deployment("refusals", pod({"proxy.istio.io/config": "concurrency: many"})))

    def told() -> list[Any]:
        return [each for each in release.cluster.items("events", "refusals") if each["reason"] == "Refused"]

    wait_until(told, "no Event")
    (event,) = told()
    assert (event["type"], event["involvedObject"]["kind"]) == ("Warning", "ReplicaSet")
    assert "many" in event["message"], "nobody is told of a dry run"


def test_a_sidecar_that_was_taken_out_again_is_missed_and_one_that_is_there_is_not(release: Release) -> None:
    release.cluster.apply(labelled("survives", {"istio.io/rev": REVISION}), labelled("stripped", {}))
    wait_until(lambda: "istio-proxy" in names(json.loads(release.created("survives", pod()))), "it is not injected")
    injected = json.loads(release.created("survives", pod()))
    whole = {
        **pod({STATUS_ANNOTATION: injected["metadata"]["annotations"][STATUS_ANNOTATION]}),
        "spec": injected["spec"],
    }
    assert names(json.loads(release.created("stripped", whole))) == names(injected)
    for gone in names(injected) - {"app"}:
        refused = release.created("stripped", without(whole, gone))
        assert f"injected but no longer in the pod: {gone};" in refused


def without(given: Any, name: str) -> Any:
    """The pod without the container of that name."""
    lists = {key: [each for each in given["spec"].get(key, ()) if each["name"] != name] for key in KINDS}
    return {**given, "spec": {**given["spec"], **lists}}


KINDS = ("initContainers", "containers")


def test_the_permissions_of_the_chart_are_enough(release: Release) -> None:
    """Last in this file: nothing of what the others made it do was forbidden."""
    text = release.log.read_text(encoding="utf-8")
    assert '"event":"serving"' in text
    assert "forbidden" not in text.lower()
