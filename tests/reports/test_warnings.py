"""The table of warnings: each says what is wrong and what to do, and is silent where all is well."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Snapshot
from injector.reports.evaluate import preview_workload
from injector.reports.warnings import WARNINGS, warnings_of
from tests.support import REPOSITORY, default_setup, pod_of, setup_of

NATIVE = {"sidecar.istio.io/nativeSidecar": "true"}
NOT_NATIVE = {"sidecar.istio.io/nativeSidecar": "false"}


def warned(document: JsonObject, snapshot: Snapshot = EMPTY_SNAPSHOT) -> list[str]:
    return list(warnings_of(preview_workload(document, default_setup(), snapshot, "default")))


def workload(kind: str, pod: JsonObject, **metadata: Any) -> JsonObject:
    template = {"metadata": {**pod["metadata"], "name": None}, "spec": pod["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "shop", **metadata},
        "spec": {"template": template},
    }


def enforcing(level: str) -> Snapshot:
    labels = {"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": level}
    return Snapshot({"default": {"metadata": {"name": "default", "labels": labels}}})


PREPARE: JsonObject = {"initContainers": [{"name": "prepare", "image": "x"}]}
OWN_USER: JsonObject = {"initContainers": [{"name": "prepare", "image": "x", "securityContext": {"runAsUser": 1337}}]}
DOUBLED: JsonObject = {"ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 8080}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (pod_of(annotations={"sidecar.istio.io/proxyCpu": "1"}), ("proxyCPU",)),
        (pod_of(labels={"sidecar.istio.io/proxyCPU": "1"}), ("make it an annotation",)),
        (
            workload("Deployment", pod_of(), annotations={"sidecar.istio.io/proxyCPU": "1"}),
            ("Deployment", "move it to the pod template"),
        ),
        (
            workload("Deployment", pod_of(), labels={"sidecar.istio.io/inject": "false"}),
            ('label "sidecar.istio.io/inject"', "pod template"),
        ),
        (workload("Job", pod_of(annotations=NOT_NATIVE)), ("this Job will not finish", "native")),
        (pod_of(dnsPolicy="Default"), ("dnsPolicy is Default", "ClusterFirst")),
        (pod_of(container=DOUBLED), ("hostPort 8080/TCP is claimed twice",)),
        (pod_of(container={"ports": [{"containerPort": 15001}]}), ("15001", "outbound traffic capture")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_trap_is_warned_of(document: JsonObject, words: tuple[str, ...]) -> None:
    (warning,) = warned(document)
    assert all(word in warning for word in words), warning


@pytest.mark.parametrize(
    "document",
    [
        pod_of(),
        pod_of(annotations=NATIVE, **PREPARE),
        pod_of(annotations=NOT_NATIVE, **OWN_USER),
        pod_of(labels={"sidecar.istio.io/inject": "false"}, dnsPolicy="Default", **PREPARE),
        workload("Job", pod_of(annotations=NATIVE)),
        workload("Deployment", pod_of(annotations=NATIVE), annotations=NATIVE),
        workload("Deployment", pod_of(), annotations={"prometheus.io/scrape": "true", "example.com/x": "1"}),
    ],
)
def test_where_all_is_well_there_is_silence(document: JsonObject) -> None:
    assert warned(document) == []


@pytest.mark.parametrize(("level", "warns"), [("restricted", True), ("baseline", True), ("privileged", False)])
def test_the_level_that_the_result_needs_is_held_against_the_namespace_s(level: str, warns: bool) -> None:
    found = warned(pod_of(), enforcing(level))
    assert bool(found) == warns
    if warns:
        assert f"enforces {level}, the injected pod needs privileged" in found[0]
        assert "NET_ADMIN" in found[0]
        assert "cni" in found[0]


def test_behind_the_cni_plugin_s_redirection_init_containers_have_no_network(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, "", "values.pilot.cni.enabled=true")

    def found(pod: JsonObject) -> tuple[str, ...]:
        return warnings_of(preview_workload(pod, setup, EMPTY_SNAPSHOT, "default"))

    (warning,) = found(pod_of(annotations=NOT_NATIVE, **PREPARE))
    assert "'prepare' will have no network" in warning
    assert "use native sidecars" in warning
    assert found(pod_of(annotations=NATIVE, **PREPARE)) == ()
    assert found(pod_of(annotations=NOT_NATIVE, **OWN_USER)) == ()


def test_every_row_of_the_table_is_tried_here() -> None:
    assert len(WARNINGS) == 6


def test_every_row_of_the_table_is_documented() -> None:
    text = (REPOSITORY / "docs" / "preview.md").read_text(encoding="utf-8")
    assert [line.split(" | ")[0][2:] for line in text.splitlines() if line.startswith("| ")][2:] == [
        name for name, _ in WARNINGS
    ]
