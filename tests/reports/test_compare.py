"""Two configurations side by side: consequences in groups, counted, worst first."""

from pathlib import Path

import pytest

from injector.core.model import EMPTY_SNAPSHOT
from injector.reports.compare import Comparison, compare, comparison_items, comparison_text, grouped
from injector.reports.documents import read_documents
from injector.reports.evaluate import PreviewOptions
from tests.support import default_setup, setup_of

NAMES = ("a", "b", "c")


def compared(tmp_path: Path, text: str, extra: str = "") -> list[Comparison]:
    pods = [f"{{kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: app}}]}}}}" for name in NAMES]
    documents = list(read_documents("\n---\n".join([*pods, *([extra] if extra else [])])))
    return list(compare(documents, PreviewOptions(), (default_setup(), setup_of(tmp_path, text)), EMPTY_SNAPSHOT))


def test_the_same_configuration_changes_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, "")
    assert grouped(found) == []
    assert comparison_text(found) == "0 of 3 workloads would change on the next restart of their pods\n"


@pytest.mark.parametrize(
    ("text", "consequence", "detail"),
    [
        ("values: {global: {tag: new}}", "changed", "+image: registry.istio.io/release/proxyv2:new"),
        ("policy: disabled", "lost", "Policy: the policy is disabled"),
        ("defaultTemplates: [broken]\ntemplates: {broken: '{{ nothing }}'}", "refused", "nothing"),
    ],
)
def test_workloads_with_one_consequence_are_one_group(tmp_path: Path, text: str, consequence: str, detail: str) -> None:
    found = compared(tmp_path, text)
    (group,) = grouped(found)
    assert (group.consequence, len(group.members)) == (consequence, 3)
    assert any(detail in line for line in group.detail)
    assert comparison_items(found)[0]["count"] == 3


def test_a_summary_has_a_line_for_each_consequence(tmp_path: Path) -> None:
    extra = """
{kind: Pod, metadata: {name: z, labels: {x: z}}, spec: {containers: [{name: app}]}}
---
metadata: {name: r, annotations: {sidecar.istio.io/proxyImage: "r/own:1"}}
kind: Pod
spec: {containers: [{name: app}]}
"""
    text = "neverInjectSelector: [{matchLabels: {x: z}}]\nvalues: {global: {tag: new, proxy: {logLevel: debug}}}"
    found = compared(tmp_path, text, extra)
    assert comparison_text(found, is_summary=True).splitlines() == [
        "5 of 5 workloads would change on the next restart of their pods",
        "1 would lose the sidecar",
        "4 would get another sidecar, in 2 different ways",
    ]


def test_labels_that_are_parts_of_other_words_do_not_part_a_group(tmp_path: Path) -> None:
    """The value `v1` of one workload's label is also in `apps/v1`, and `0` in the label that its controller adds."""
    deployments = "\n---\n".join(
        f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: web-{version}}}
spec:
  template:
    metadata: {{labels: {{app: web, version: {version}}}}}
    spec: {{containers: [{{name: web, image: web}}]}}"""
        for version in ("v1", "v2", "v10")
    )
    text = (
        "values: {global: {proxy: {readinessInitialDelaySeconds: 7}}, pilot: {env: {X: y}}}\ndefaultTemplates: [envoy]"
    )
    setups = (default_setup(), setup_of(tmp_path, text))
    documents = list(read_documents(deployments))
    (group,) = grouped(compare(documents, PreviewOptions(), setups, EMPTY_SNAPSHOT))
    assert len(group.members) == 3
    assert any("apis/apps/v1/namespaces/<namespace>/deployments/<name>" in line for line in group.detail)
    assert not any("Seconds: <" in line for line in group.detail)


def test_the_worst_comes_first(tmp_path: Path) -> None:
    """Under the new configuration labelled pods leave the mesh, the others get another sidecar."""
    labelled = "{kind: Pod, metadata: {name: d, labels: {x: z}}, spec: {containers: [{name: app}]}}"
    text = "neverInjectSelector: [{matchLabels: {x: z}}]\nvalues: {global: {tag: new}}"
    found = compared(tmp_path, text, labelled)
    assert [group.consequence for group in grouped(found)] == ["lost", "changed"]
    lines = comparison_text(found).splitlines()
    assert lines[:4] == [
        "4 of 4 workloads would change on the next restart of their pods",
        "",
        "1 would lose the sidecar",
        '  Pod "default/d"',
    ]
    assert "3 would get another sidecar" in lines


def test_pods_that_come_to_the_mesh_are_told(tmp_path: Path) -> None:
    documents = list(read_documents("{kind: Pod, metadata: {name: a}, spec: {containers: [{name: app}]}}"))
    setups = (setup_of(tmp_path, "policy: disabled"), default_setup())
    (group,) = grouped(compare(documents, PreviewOptions(), setups, EMPTY_SNAPSHOT))
    assert (group.consequence, group.detail) == ("gained", ("Policy: the policy is enabled",))
