"""`injector preview` as a user runs it: what it shows, and its exit status."""

import json
from pathlib import Path

import pytest
import yaml

from injector.reports.paint import colored, plain
from injector.runtime.terminal import output_paint
from tests.cli.running import run
from tests.support import REPOSITORY

BOOKINFO = REPOSITORY / "samples" / "bookinfo"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"
OPTED_OUT = POD.replace("  name: shop\n", "  name: shop\n  labels: {sidecar.istio.io/inject: 'false'}\n", 1)


def test_it_shows_decision_trace_and_a_grouped_diff_without_colours_in_a_pipe() -> None:
    found = run("preview", "-f", BOOKINFO / "details.yaml", "--snapshot", BOOKINFO / "00-namespace.yaml")
    assert found.returncode == 1
    assert found.stdout.startswith('Deployment "bookinfo/details-v1": inject, NamespaceLabel: ')
    assert "  > policy" in found.stdout
    headings = [line for line in found.stdout.splitlines() if line.startswith("# ")]
    assert headings == ["# containers", "# changed fields", "# metadata"]
    assert "+- name: istio-proxy" in found.stdout
    assert "@@ spec.template.spec.containers[details].readinessProbe" in found.stdout
    assert "\x1b" not in found.stdout


def test_where_nothing_would_change_the_exit_status_is_0() -> None:
    found = run("preview", "-f", "-", given=OPTED_OUT)
    assert (found.returncode, found.stderr) == (0, "")
    assert 'Pod "default/shop": skip, PodLabel' in found.stdout


def test_the_namespace_option_counts_for_those_that_name_none() -> None:
    assert (
        'Pod "kube-system/shop": skip, IgnoredNamespace'
        in run("preview", "-f", "-", "-n", "kube-system", given=POD).stdout
    )
    named = POD.replace("  name: shop\n", "  name: shop\n  namespace: own\n", 1)
    assert 'Pod "own/shop": inject' in run("preview", "-f", "-", "-n", "kube-system", given=named).stdout


def test_json_and_yaml_hold_the_same_items_and_patch_one_line_for_each() -> None:
    given = f"{POD}---\n{OPTED_OUT}"
    items = json.loads(run("preview", "-f", "-", "-o", "json", given=given).stdout)
    assert yaml.safe_load(run("preview", "-f", "-", "-o", "yaml", given=given).stdout) == items
    patches = [json.loads(line) for line in run("preview", "-f", "-", "-o", "patch", given=given).stdout.splitlines()]
    assert patches == [item["patch"] for item in items]


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("-f", "missing.yaml"), "", "missing.yaml: cannot be read"),
        (("-f", "-"), "a: [", "-: document 1: line 2: not YAML"),
        (("-f", "-", "--set", "polcy=x"), POD, "policy"),
        (("-f", "-", "-o", "xml"), POD, "Usage"),
    ],
)
def test_errors_are_exit_status_2(arguments: tuple[str, ...], given: str, message: str) -> None:
    found = run("preview", *arguments, given=given)
    assert (found.returncode, found.stdout) == (2, "")
    assert message in found.stderr


def test_a_pod_that_would_be_refused_is_told_and_is_exit_status_2() -> None:
    wrong = POD.replace("  name: shop\n", "  name: shop\n  annotations: {sidecar.istio.io/interceptionMode: x}\n", 1)
    found = run("preview", "-f", "-", given=wrong)
    assert found.returncode == 2
    assert "refuse" in found.stdout
    assert "interceptionMode invalid" in found.stdout


def test_a_second_configuration_is_held_against_the_first(tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text("values: {global: {tag: new}}", encoding="utf-8")
    found = run("preview", "-f", "-", "--against", new, given=POD)
    assert found.returncode == 1
    assert found.stdout.startswith("1 of 1 workloads would change")
    assert "+image: registry.istio.io/release/proxyv2:new" in found.stdout
    assert json.loads(run("preview", "-f", "-", "--against", new, "-o", "json", given=POD).stdout)[0]["count"] == 1
    same = run("preview", "-f", "-", "--against", new, "-c", new, given=POD)
    assert (same.returncode, same.stdout.split()[0]) == (0, "0")
    assert run("preview", "-f", "-", "--against", new, "-o", "patch", given=POD).returncode == 2


def test_without_a_file_the_workloads_of_the_snapshot_are_meant(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.yaml"
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {istio-injection: enabled}}}"
    snapshot.write_text(f"{namespace}\n---\n{POD}", encoding="utf-8")
    assert 'Pod "default/shop": inject, NamespaceLabel' in run("preview", "--snapshot", snapshot).stdout
    assert run("preview").returncode == 2


def test_without_a_cluster_serve_does_not_open_the_preview_to_others() -> None:
    found = run("serve", "--no-cluster", "--preview-host", "192.0.2.1", "--port", "0")
    assert found.returncode == 2
    assert "nobody can be asked who" in found.stderr


TEMPLATE = "{spec: {containers: [{name: app, image: x}]}}"
OTHERS = f"""
kind: Rollout
apiVersion: argoproj.io/v1alpha1
metadata: {{name: r}}
spec: {{template: {TEMPLATE}}}
---
kind: Service
apiVersion: serving.knative.dev/v1
metadata: {{name: k}}
spec: {{template: {{spec: {{containers: [{{image: x}}]}}}}}}
---
kind: PodTemplate
metadata: {{name: p}}
template: {TEMPLATE}
---
kind: Cluster
metadata: {{name: c}}
spec: {{head: {{template: {TEMPLATE}}}, workers: [{{workerTemplate: {TEMPLATE}}}]}}
---
kind: DeploymentList
items: [{{metadata: {{name: d}}, spec: {{template: {TEMPLATE}}}}}]
---
kind: Service
apiVersion: v1
metadata: {{name: s}}
"""


def test_whatever_holds_a_pod_template_is_previewed_and_the_rest_named() -> None:
    found = run("preview", "-f", "-", "-o", "table", given=OTHERS)
    rows = [line.split()[1:3] for line in found.stdout.splitlines()[1:]]
    names = ["Rollout/r", "Service/k", "PodTemplate/p", "Cluster/c", "Cluster/c", "Deployment/d"]
    assert rows == [[name, "inject"] for name in names]
    assert found.stderr == 'not previewed, without a pod template: Service "s"\n'
    items = json.loads(run("preview", "-f", "-", "-o", "json", given=OTHERS).stdout)
    assert items[1]["result"]["spec"]["template"]["spec"]["containers"][0]["name"] == "user-container"
    (worker,) = items[4]["result"]["spec"]["workers"]
    assert "istio-proxy" in [each["name"] for each in worker["workerTemplate"]["spec"]["containers"]]
    assert items[4]["result"]["spec"]["head"] == items[4]["object"]["spec"]["head"]
    assert (
        'Cluster "default/c" spec.workers[0].workerTemplate: inject' in run("preview", "-f", "-", given=OTHERS).stdout
    )


def test_without_its_namespace_a_pod_is_injected_only_if_that_opts_in() -> None:
    assert "the policy is enabled, if namespace 'default' opts in" in run("preview", "-f", "-", given=POD).stdout
    known = f"{{kind: Namespace, metadata: {{name: default, labels: {{istio-injection: enabled}}}}}}\n---\n{POD}"
    assert "if namespace" not in run("preview", "-f", "-", given=known).stdout


def test_a_summary_counts_workloads_by_decision() -> None:
    text = f"{POD}---\n{POD}---\n{OPTED_OUT}"
    found = run("preview", "-f", "-", "--summary", given=text)
    assert found.stdout.splitlines()[0] == "3 workloads, 0 warnings"
    alone = run("preview", "-f", "-", "--summary", given=POD)
    assert alone.stdout.splitlines()[0] == "1 workload, 0 warnings"
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    assert rows == [["2", "inject", "Policy"], ["1", "skip", "PodLabel"]]
    counts = json.loads(run("preview", "-f", "-", "--summary", "-o", "json", given=text).stdout)
    assert [each["count"] for each in counts["outcomes"]] == [2, 1]


def test_workloads_that_differ_in_names_only_are_one_group(tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    new.write_text("values: {global: {network: n1, meshID: other}}", encoding="utf-8")
    text = "---\n".join(
        POD.replace("name: shop", f"name: {name}\n  namespace: {name}s").replace("name: app", f"name: {name}-app")
        for name in ("red", "blue", "green")
    )
    (group,) = json.loads(run("preview", "-f", "-", "--against", new, "-o", "json", given=text).stdout)
    assert (group["count"], group["consequence"]) == (3, "changed")
    brief = run("preview", "-f", "-", "--against", new, "--summary", given=text).stdout
    assert brief.splitlines()[1:] == ["3 would get another sidecar"]


def test_a_kustomization_gets_a_hint() -> None:
    found = run("preview", "-f", "-", given="resources: [a.yaml]\nnamePrefix: x-\n")
    assert (found.returncode, found.stdout) == (2, "")
    assert "kubectl kustomize DIRECTORY | injector" in found.stderr


def test_nothing_is_coloured_where_the_user_does_not_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert output_paint() is colored
    monkeypatch.setenv("NO_COLOR", "1")
    assert output_paint() is plain


def test_origins_lead_from_a_field_to_the_line_and_the_annotation() -> None:
    folder = REPOSITORY / "samples" / "templates" / "minimal"
    found = run("preview", "-c", folder / "injector.yaml", "-f", folder / "tests" / "job.yaml", "-o", "origins")
    assert found.returncode == 1
    (line,) = [each for each in found.stdout.splitlines() if ".ports[9090].containerPort" in each]
    assert line.split("  ")[-1] == "minimal:9; annotation sidecar.example/port"
    assert "the injection itself" in found.stdout
    assert run("preview", "-f", folder / "tests" / "job.yaml", "-o", "origins", "--against", "x").returncode == 2
