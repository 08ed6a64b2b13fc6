"""`injector template`: what is in force, what to begin with, and tests with their exit status."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.running import run
from tests.support import REPOSITORY

CONFIG = """defaultTemplates: [log]
templates:
  log: |
    {% set port = annotation("log.example/port", type="port", default=9000, description="where it listens") %}
    spec:
      containers:
      - {name: log, image: log, ports: [{containerPort: {{ port }}}]}
"""
POD = """apiVersion: v1
kind: Pod
metadata:
  name: shop
  annotations: {log.example/port: "%s"}
spec:
  containers:
  - {name: app, image: app}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "injector.yaml").write_text(CONFIG)
    (tmp_path / "pod.yaml").write_text(POD % "9090")
    return tmp_path


def test_list_says_what_each_adds_and_where_it_is_written(folder: Path) -> None:
    found = run("template", "list", "-c", folder / "injector.yaml")
    rows = {line.split()[0]: line for line in found.stdout.splitlines()}
    assert "Jinja" in rows["log*"]
    assert f"{folder}/injector.yaml:4" in rows["log*"]
    assert rows["log*"].endswith("container log")
    assert "shipped" in rows["sidecar"]


def test_show_documents_annotations_and_pods(folder: Path) -> None:
    text = run("template", "show", "log", "-c", folder / "injector.yaml").stdout
    assert "log.example/port   port   9000      where it listens" in text
    assert "inject.istio.io/templates: log" in text
    assert "- {name: log, image: log" in text
    shown = json.loads(run("template", "show", "log", "-o", "json", "-c", folder / "injector.yaml").stdout)
    assert shown["annotations"][0]["default"] == 9000


def test_show_names_the_nearest() -> None:
    found = run("template", "show", "sidecra")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "there is no template 'sidecra'; did you mean 'sidecar'?\n"


def test_new_gives_a_configuration_that_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    begun = run("template", "new", "mine", "-o", file)
    assert (begun.returncode, begun.stdout) == (0, "")
    assert begun.stderr == f"wrote {file}\nnext: injector check -c {file}\n"
    assert "templates: valid" in run("check", "-c", file).stdout
    assert "mine*" in run("template", "list", "-c", file).stdout
    again = run("template", "new", "mine", "-o", file)
    assert again.returncode == 1
    assert "exists already" in again.stderr


@pytest.mark.parametrize("folder", ["mine", "mine/"])
def test_new_in_a_directory_has_tests_that_pass(tmp_path: Path, folder: str) -> None:
    assert run("template", "new", "mine", "-o", f"{tmp_path}/{folder}").returncode == 0
    found = run("template", "test", tmp_path / "mine")
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("No_Name",), "valid: lower-case letters, digits and '-'"),
        (("a,b",), "cannot be called 'a,b'"),
        (("mine", "--from", "minimall"), "did you mean 'minimal'?"),
        (("mine", "-o", "/proc/no/such/place.yaml"), "cannot be written"),
    ],
)
def test_what_new_cannot_do_is_said(arguments: tuple[str, ...], words: str) -> None:
    found = run("template", "new", *arguments)
    assert (found.returncode, found.stdout) == (1, "")
    assert words in found.stderr


def test_a_test_is_written_passes_and_fails_with_what_differs(folder: Path) -> None:
    first = run("template", "test", folder)
    assert first.returncode == 1
    assert "--update" in first.stdout
    assert run("template", "test", folder, "--update").returncode == 0
    assert run("template", "test", folder).stdout.endswith("1 test, all passed\n")
    (folder / "pod.yaml").write_text(POD % "9091")
    report = folder / "report.xml"
    changed = run("template", "test", folder, "--junit", report)
    assert changed.returncode == 1
    assert '\n     -log.example/port: "9090"\n     +log.example/port: "9091"\n' in changed.stdout
    suite = ET.parse(report).getroot()[0]  # noqa: S314 -- written by the command
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "9091" in (suite[0][0].text or "")


def test_a_pod_that_is_refused_is_never_written_as_expected(folder: Path) -> None:
    (folder / "pod.yaml").write_text(POD % "http")
    found = run("template", "test", folder, "--update")
    assert found.returncode == 1
    assert 'Pod "shop" is refused' in found.stdout
    assert "must be a port number" in found.stdout
    assert not (folder / "pod.expected.yaml").exists()


def test_a_refusal_can_be_expected(folder: Path) -> None:
    (folder / "pod.yaml").write_text(POD % "http")
    (folder / "pod.expected.yaml").write_text("kind: Refusal\nmessage: must be a port number\n")
    assert run("template", "test", folder).returncode == 0
    (folder / "pod.yaml").write_text(POD % "80")
    found = run("template", "test", folder)
    assert found.returncode == 1
    assert "is not refused" in found.stdout


@pytest.mark.parametrize(
    ("write", "words"),
    [
        ({"pod.yaml": None}, "holds no tests"),
        ({"pod.expected.yaml": POD, "pod.yaml": None}, "is expected of no file of workloads"),
        ({"pod.yaml": "a: [", "pod.expected.yaml": None}, "pod.yaml: "),
        ({"pod.yaml": POD, "injector.yaml": "defaultTemplates: [lgo]\n" + CONFIG.partition("\n")[2]}, "'lgo'"),
        ({"injector.yaml": CONFIG.replace("{{ port }}", "{{ prot }}")}, "unknown name 'prot'"),
    ],
)
def test_bad_input_is_named(folder: Path, write: dict[str, str | None], words: str) -> None:
    for name, text in write.items():
        if text is None:
            (folder / name).unlink(missing_ok=True)
        else:
            (folder / name).write_text(text)
    found = run("template", "test", folder)
    assert (found.returncode, found.stdout) == (1, "")
    assert words in found.stderr


def test_a_folder_that_is_not_there_and_no_folder_at_all(tmp_path: Path) -> None:
    assert "is no folder" in run("template", "test", tmp_path / "none").stderr
    assert run("template", "test").returncode == 2


def test_a_template_that_a_pod_names_and_nobody_wrote(folder: Path) -> None:
    (folder / "pod.yaml").write_text(
        POD.replace("annotations: {", "annotations: {inject.istio.io/templates: gone, ") % 1
    )
    found = run("template", "test", folder)
    assert found.returncode == 1
    assert 'requested template "gone" not found' in found.stdout


def test_the_gallery_passes_its_tests() -> None:
    folders = sorted(path.parent for path in (REPOSITORY / "samples" / "templates").glob("*/injector.yaml"))
    found = run("template", "test", *folders)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert all(str(folder) in found.stdout for folder in folders)
