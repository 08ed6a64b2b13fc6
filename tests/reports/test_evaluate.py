"""One code path: what a preview shows is what the webhook does to the pod that the controller creates."""

import base64
import copy
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonpatch
import pytest

from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.core.review import parse_review, respond
from injector.manifests.workloads import created_pod
from injector.reports.documents import read_documents
from injector.reports.evaluate import Preview, PreviewOptions, preview_documents, preview_workload
from injector.reports.render import preview_item
from tests.conformance.test_public_cases import CASES, setup_of_case, snapshot_of_case
from tests.conformance.test_public_cases import case_of as public_case
from tests.support import container_of, default_setup, review_of

NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {istio-injection: enabled}}}"


def previewed(text: str, options: PreviewOptions | None = None, snapshot: Snapshot = EMPTY_SNAPSHOT) -> list[Preview]:
    documents = list(read_documents(dedent(text)))
    return list(preview_documents(documents, options or PreviewOptions(), default_setup(), snapshot))


def workload(kind: str, template: str = "{spec: {containers: [{name: app, image: x}]}}") -> str:
    spec = f"{{template: {template}}}"
    spec = f"{{jobTemplate: {{spec: {spec}}}}}" if kind == "CronJob" else spec
    return f"{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: shop}}, spec: {spec}}}"


@pytest.mark.skipif(not CASES, reason="the public cases are not there")
@pytest.mark.parametrize(
    "folder", [case for case in CASES if "webhook" in public_case(case)["modes"]], ids=lambda each: each.name
)
def test_public_cases_come_out_as_through_the_webhook(folder: Path, tmp_path: Path) -> None:
    """The pod of the previewed workload is the one that the webhook's patch makes; so are decision and warnings."""
    case = public_case(folder)
    setup, snapshot = setup_of_case(case, tmp_path), snapshot_of_case(case, tmp_path)
    documents = list(read_documents((folder / "input.yaml").read_text(encoding="utf-8")))
    items = [preview_item(each) for each in preview_documents(documents, PreviewOptions(), setup, snapshot)]
    assert items
    for item in items:
        pod = created_pod(item["object"])
        namespace = item["namespace"]
        request = parse_review(review_of(pod, namespace=namespace))
        answer = json.loads(respond(request, admit_request(request, setup, snapshot)))["response"]
        patch = json.loads(base64.b64decode(answer.get("patch", "W10=")))
        assert created_pod(item["result"]) == jsonpatch.apply_patch(copy.deepcopy(pod), patch)
        assert item["decision"]["reason"] == answer["auditAnnotations"]["reason"]
        assert item["warnings"][: len(answer.get("warnings", ()))] == answer.get("warnings", [])
        assert jsonpatch.apply_patch(copy.deepcopy(item["object"]), item["patch"]) == item["result"]


@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "ReplicaSet",
        "DaemonSet",
        "StatefulSet",
        "Job",
        "CronJob",
        "ReplicationController",
        "DeploymentConfig",
    ],
)
def test_every_kind_of_workload_is_previewed_in_its_pod_template(kind: str) -> None:
    (preview,) = previewed(workload(kind))
    spec = preview.result["spec"]
    template = (spec["jobTemplate"]["spec"] if kind == "CronJob" else spec)["template"]
    assert container_of(template, "istio-proxy")
    assert template["metadata"]["annotations"]["sidecar.istio.io/status"]
    assert "ownerReferences" not in template["metadata"]
    assert not {"pod-template-hash", "deploymentconfig"} & template["metadata"]["labels"].keys()


def test_labels_that_a_controller_sets_itself_stay_where_the_template_has_them() -> None:
    template = "{metadata: {labels: {pod-template-hash: own}}, spec: {containers: [{name: app, image: x}]}}"
    (preview,) = previewed(workload("Deployment", template))
    assert preview.result["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] == "own"


def test_a_skipped_workload_is_the_very_same_object() -> None:
    template = "{metadata: {labels: {sidecar.istio.io/inject: 'false'}}, spec: {containers: [{name: app, image: x}]}}"
    (preview,) = previewed(workload("Deployment", template))
    item = preview_item(preview)
    assert preview.result is preview.document
    assert (item["decision"]["inject"], item["decision"]["reason"]) == (False, "PodLabel")
    assert (item["patch"], item["diff"]) == ([], "")


def test_the_trace_has_every_rule_up_to_the_one_that_decided() -> None:
    (preview,) = previewed(workload("Deployment"))
    trace = preview_item(preview)["decision"]["trace"]
    assert [each["decided"] for each in trace] == [False] * 10 + [True]
    assert trace[-1]["rule"] == "policy"


def test_namespaces_in_the_input_count_as_the_cluster_s() -> None:
    (preview,) = previewed(f"{NAMESPACE}\n---\n{workload('Job')}")
    assert preview_item(preview)["decision"]["reason"] == "NamespaceLabel"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (PreviewOptions(), "Policy"),
        (PreviewOptions(namespace="kube-system"), "IgnoredNamespace"),
        (PreviewOptions(namespace_labels={"istio-injection": "disabled"}), "NamespaceLabel"),
        (PreviewOptions(namespace_labels={}), "NamespaceNotSelected"),
        (PreviewOptions(namespace_labels={"istio.io/rev": "default"}), "NamespaceRevision"),
    ],
)
def test_the_question_says_where_the_workload_is(options: PreviewOptions, reason: str) -> None:
    (preview,) = previewed(workload("Deployment"), options)
    assert preview_item(preview)["decision"]["reason"] == reason


def test_nodes_in_the_input_decide_whether_sidecars_are_native() -> None:
    def node(version: str) -> str:
        return f"{{kind: Node, metadata: {{name: node}}, status: {{nodeInfo: {{kubeletVersion: {version}}}}}}}"

    for version, where in (("v1.33.0", "initContainers"), ("v1.28.0", "containers")):
        (preview,) = previewed(f"{node(version)}\n---\n{workload('Deployment')}")
        names = [each["name"] for each in preview.admission.pod["spec"][where]]
        assert "istio-proxy" in names


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"kind": "Deployment"}, "spec.template.spec is required value"),
        ({"kind": "Deployment", "metadata": []}, "metadata: must be a mapping"),
        ({"kind": "Pod", "metadata": {"name": 1}, "spec": {}}, "metadata.name: must be a string"),
        ({"kind": "Pod", "spec": {"containers": [{"image": "x"}]}}, "must be a list of mappings that have a name"),
        (
            {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"metadata": [], "spec": {}}}}}},
            "metadata",
        ),
    ],
)
def test_a_workload_that_holds_no_readable_pod_is_told_beside_the_others(document: Any, message: str) -> None:
    item = preview_item(preview_workload(document, default_setup(), EMPTY_SNAPSHOT, "default"))
    assert (item["allowed"], item["decision"]["inject"], item["decision"]["reason"]) == (False, False, "UnreadablePod")
    assert message in item["error"]
    assert item["result"] == item["object"]


def test_a_pod_that_is_refused_says_why() -> None:
    annotated = "{metadata: {annotations: {sidecar.istio.io/interceptionMode: x}}, spec: {containers: [{name: a}]}}"
    (preview,) = previewed(workload("Deployment", annotated))
    item = preview_item(preview)
    assert (item["allowed"], item["decision"]["inject"], item["patch"]) == (False, True, [])
    assert "sidecar.istio.io/interceptionMode" in item["error"]
