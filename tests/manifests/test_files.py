"""Whole files: documents kept apart and in order, all faults at once, nothing written when there is one."""

from pathlib import Path
from textwrap import dedent

import pytest

from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.manifests import ManualFaults, Rewritten, injection, removal, rewrite
from injector.manifests.parsing import split
from tests.support import REPOSITORY, container_of, default_setup, documents

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"
SERVICE = "# a service\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
SAMPLES = sorted((REPOSITORY / "samples").glob("*/*.yaml"))


def injected_text(text: str, snapshot: Snapshot = EMPTY_SNAPSHOT) -> Rewritten:
    return rewrite(dedent(text), "file.yaml", injection(default_setup(), snapshot))


def workload(kind: str, api_version: str = "apps/v1", name: str = "shop") -> str:
    template = "template: {spec: {containers: [{name: app, image: x}]}}"
    spec = f"{{jobTemplate: {{spec: {{{template}}}}}}}" if kind == "CronJob" else f"{{{template}}}"
    return f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def test_other_documents_and_separators_stay_as_they_are() -> None:
    text = f"---\n{SERVICE}--- # next\n{POD}---\n# only a comment\n"
    result = injected_text(text).text
    assert result.startswith(f"---\n{SERVICE}--- # next\n")
    assert result.endswith("---\n# only a comment\n")
    assert "istio-proxy" in result


def test_a_stream_is_split_without_loss() -> None:
    text = f"a: 1\n---\n{POD}---   # c\n\n---\nb: 2"
    pieces = list(split(text))
    assert "".join(piece.separator + piece.text for piece in pieces) == text
    assert [piece.number for piece in pieces] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "kind",
    ["Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "ReplicationController", "DeploymentConfig"],
)
def test_every_kind_of_workload_is_injected_in_its_template(kind: str) -> None:
    (found,) = documents(injected_text(workload(kind)).text)
    assert container_of(found["spec"]["template"], "istio-proxy")
    assert "sidecar.istio.io/status" in found["spec"]["template"]["metadata"]["annotations"]


def test_a_cron_job_carries_its_metadata_on_the_job_template() -> None:
    """Reference section 14."""
    (found,) = documents(injected_text(workload("CronJob", "batch/v1")).text)
    job = found["spec"]["jobTemplate"]
    assert "sidecar.istio.io/status" in job["metadata"]["annotations"]
    assert container_of(job["spec"]["template"], "istio-proxy")
    assert "metadata" not in job["spec"]["template"]


def test_the_items_of_a_list_are_injected_each_by_its_kind() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: s}}\n- "
        + POD.replace("\n", "\n  ")
    )
    (found,) = documents(injected_text(text.rstrip() + "\n").text)
    assert found["items"][0] == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    assert container_of(found["items"][1], "istio-proxy")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_injecting_the_samples_only_adds_lines_but_for_what_is_rewritten(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    kept = set(injected_text(text).text.splitlines())
    gone = [line for line in text.splitlines() if line not in kept]
    rewritten = ("prometheus.io/port", "prometheus.io/path", "path: /health", "port: 9080", "image: auto")
    assert [line for line in gone if not any(word in line for word in rewritten)] == []


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_taking_the_injection_out_of_the_samples_gives_the_very_same_text(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert rewrite(injected_text(text).text, "file.yaml", removal(default_setup(), EMPTY_SNAPSHOT)).text == text


def test_injecting_twice_is_injecting_once() -> None:
    once = injected_text(POD).text
    assert injected_text(once).text == once


def test_line_ends_of_windows_stay() -> None:
    result = injected_text(POD.replace("\n", "\r\n")).text
    assert result.count("\n") == result.count("\r\n")


def test_a_byte_order_mark_stays() -> None:
    for text in (f"\ufeff{POD}", f"\ufeff---\r\n{SERVICE}---\n{POD}".replace("\n", "\r\n").replace("\r\r", "\r")):
        result = injected_text(text).text
        assert result.startswith(text[:20])
        assert result.count("\ufeff") == 1
        assert "istio-proxy" in result
        assert rewrite(result, "file.yaml", removal(default_setup(), EMPTY_SNAPSHOT)).text == text


def test_a_file_without_a_last_line_feed_stays_without() -> None:
    assert not injected_text(POD.rstrip()).text.endswith("\n")


def test_all_faults_are_told_with_file_and_document_and_nothing_is_written() -> None:
    text = f"""{POD}---
a: [
---
kind: ReplicationController
metadata: {{name: rc}}
spec: {{}}
---
kind: Deployment
metadata: {{name: d}}
spec: {{template: {{spec: {{containers: [{{image: x}}]}}}}}}
---
a: 1
a: 2
---
{POD.replace("name: shop", "name: shop, annotations: {sidecar.istio.io/interceptionMode: x}")}"""
    with pytest.raises(ManualFaults) as caught:
        injected_text(
            text.replace(
                "metadata:\n  name: shop, annotations: {sidecar.istio.io/interceptionMode: x}",
                "metadata: {name: shop, annotations: {sidecar.istio.io/interceptionMode: x}}",
            )
        )
    two, three, four, five, six = list(map(str, caught.value.faults))
    assert two.startswith("file.yaml: document 2: line ")
    assert "not YAML" in two
    assert three == 'file.yaml: document 3: ReplicationController "rc": spec.template is required value'
    assert 'document 4: Deployment "d": spec.containers: must be a list of mappings that have a name' in four
    assert "document 5: line 21: duplicate key 'a'" in five
    assert 'document 6: Pod "shop"' in six
    assert "sidecar.istio.io/interceptionMode" in six


def test_text_behind_a_separator_is_refused() -> None:
    with pytest.raises(ManualFaults, match=r"document 2: line 9: only a comment may follow"):
        injected_text(f"{POD}--- x\n")


def test_skipped_workloads_are_told_and_kept() -> None:
    text = POD.replace("spec:\n", "spec:\n  hostNetwork: true\n")
    result = injected_text(text)
    assert result.text == text
    assert result.warnings == ('===> Skipping injection because Pod "shop" has host networking enabled',)


def test_without_a_snapshot_only_the_pod_s_own_word_counts() -> None:
    opted_out = POD.replace("  name: shop\n", "  name: shop\n  labels: {sidecar.istio.io/inject: 'false'}\n")
    result = injected_text(opted_out)
    assert result.text == opted_out
    assert "has sidecar injection disabled" in result.warnings[0]


def test_with_a_snapshot_the_namespace_counts() -> None:
    snapshot = Snapshot({"default": {"metadata": {"name": "default"}}})
    result = injected_text(POD, snapshot)
    assert result.text == POD
    assert "does not opt in" in result.warnings[0]


def test_a_proxy_config_that_cannot_be_read_is_a_fault_even_of_a_pod_that_is_skipped() -> None:
    """Reference section 14."""
    text = POD.replace("  name: shop\n", '  name: shop\n  annotations: {proxy.istio.io/config: "concurrency: many"}\n')
    with pytest.raises(ManualFaults, match=r'document 1: Pod "shop": .*proxy\.istio\.io/config.*concurrency'):
        injected_text(text.replace("spec:\n", "spec:\n  hostNetwork: true\n"))


def test_what_injection_added_is_taken_out_with_the_place_that_it_stood_in() -> None:
    """A CronJob's metadata is that of its Job template, which often has none."""
    text = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: nightly\nspec:\n  schedule: 0 0 * * *\n"
        "  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - name: app\n"
        "            image: app\n"
    )
    injected = rewrite(text, "f.yaml", injection(default_setup(), EMPTY_SNAPSHOT)).text
    assert injected != text
    assert rewrite(injected, "f.yaml", removal(default_setup(), EMPTY_SNAPSHOT)).text == text


def test_lines_count_from_the_start_of_the_file() -> None:
    """A tab in the second document, on line 8 of the file."""
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    for line_feed in ("\n", "\r\n"):
        with pytest.raises(ManualFaults, match=r"file\.yaml: document 2: line 8: not YAML"):
            injected_text(f"{config_map}---\n{config_map}\tx: 1\n".replace("\n", line_feed))


def test_a_helm_template_gets_a_hint() -> None:
    with pytest.raises(ManualFaults, match="looks like a Helm template: render it first, as in: helm template"):
        injected_text('kind: Deployment\nmetadata:\n  name: {{ include "web.fullname" . }}\n')


def test_what_is_no_workload_is_left_alone_by_name() -> None:
    custom = "kind: Fleet\nmetadata: {name: f}\nspec: {pool: {template: {spec: {containers: []}}}}\n"
    kustomization = "resources: [a.yaml]\n"
    found = injected_text(f"{SERVICE}---\n{POD}---\n{custom}---\n{kustomization}---\n# nothing\n")
    assert found.left_alone[0] == 'Service "shop"'
    assert found.left_alone[1].endswith("kubectl kustomize DIRECTORY | injector ... -f -")
    (warning,) = found.warnings
    assert warning.startswith('Fleet "f" stays as it is: its kind is not injected in files')
