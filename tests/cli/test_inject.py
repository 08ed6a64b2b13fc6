"""`injector inject` on files and directories: where results go, and what is said of what was left alone."""

from pathlib import Path

import pytest

from tests.cli.running import run
from tests.support import documents

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {}\nspec:\n  containers:\n  - name: app\n    image: x\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_text(POD.format("a").rstrip("\n"), encoding="utf-8")
    (folder / "b.yaml").write_text(f"---\n{POD.format('b')}---\n{SERVICE}", encoding="utf-8")
    return folder


def test_several_files_become_one_stream(directory: Path) -> None:
    found = run("inject", "-f", directory / "b.yaml", "-f", "-", "-f", directory / "a.yaml", given=POD.format("c"))
    assert found.returncode == 0
    assert [each["metadata"]["name"] for each in documents(found.stdout)] == ["b", "web", "c", "a"]
    assert found.stdout.count("image: auto") == 0
    assert found.stderr == 'left as it is, without a pod: Service "web"\n'


def test_in_place_and_back(directory: Path) -> None:
    before = {file: file.read_bytes() for file in directory.iterdir()}
    (directory / "a.yaml").chmod(0o640)
    found = run("inject", "-f", directory, "--in-place")
    assert (found.returncode, found.stdout) == (0, "")
    for file, content in before.items():
        assert b"istio-proxy" in file.read_bytes()
        assert run("uninject", "-f", file).stdout.encode() == content
    assert run("uninject", "-f", directory, "--diff").stdout.count("+++ ") == len(before)
    assert run("uninject", "-f", directory, "--in-place").returncode == 0
    assert {file: file.read_bytes() for file in directory.iterdir()} == before
    assert (directory / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(directory.iterdir()) == sorted(before)


def test_nothing_is_written_where_one_file_is_at_fault(directory: Path) -> None:
    (directory / "z.yaml").write_text("a: [", encoding="utf-8")
    before = (directory / "a.yaml").read_bytes()
    found = run("inject", "-f", directory, "--in-place")
    assert (found.returncode, found.stdout) == (1, "")
    assert f"{directory}/z.yaml: document 1: line" in found.stderr
    assert (directory / "a.yaml").read_bytes() == before


def test_a_diff_writes_nothing(directory: Path) -> None:
    before = (directory / "a.yaml").read_bytes()
    found = run("inject", "-f", directory / "a.yaml", "--diff")
    assert found.stdout.startswith(f"--- {directory}/a.yaml\n+++ {directory}/a.yaml (injected)\n@@ ")
    assert "+      sidecar.istio.io/status" in found.stdout.replace("    sidecar", "      sidecar")
    assert (directory / "a.yaml").read_bytes() == before


def test_a_result_goes_to_a_file(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.yaml"
    found = run("inject", "-f", directory, "-o", target)
    assert (found.returncode, found.stdout) == (0, "")
    assert target.read_text(encoding="utf-8") == run("inject", "-f", directory).stdout


@pytest.mark.parametrize(
    "arguments", [("-o", "x", "--in-place"), ("--diff", "--in-place"), ("-f", "-", "--in-place"), ("-f", "https://x/y")]
)
def test_options_that_exclude_each_other(directory: Path, arguments: tuple[str, ...]) -> None:
    found = run("inject", "-f", directory, *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert "Usage: injector inject" in found.stderr


def test_the_namespace_option_names_the_owner(directory: Path) -> None:
    assert "namespaces/shop/pods/a" in run("inject", "-f", directory / "a.yaml", "-n", "shop").stdout


def cron_job(metadata: str) -> str:
    template = f"{{metadata: {metadata}, spec: {{containers: [{{name: app, image: x}}]}}}}"
    return f"kind: CronJob\nmetadata: {{name: nightly}}\nspec: {{jobTemplate: {{spec: {{template: {template}}}}}}}\n"


def test_a_pod_template_of_a_cron_job_opts_out_by_its_label() -> None:
    text = cron_job("{labels: {sidecar.istio.io/inject: 'false'}}")
    found = run("inject", "-f", "-", given=text)
    assert (found.returncode, found.stdout) == (0, text)
    assert "the pod template's label sidecar.istio.io/inject is 'false'" in found.stderr
    assert "skip, PodLabel" in run("preview", "-f", "-", given=text).stdout


def test_other_metadata_of_that_template_is_named_as_without_effect() -> None:
    found = run("inject", "-f", "-", given=cron_job("{annotations: {sidecar.istio.io/proxyCPU: 10m, x: y}}"))
    assert "annotation sidecar.istio.io/proxyCPU of the pod template does not count in a file" in found.stderr
    assert len(found.stderr.splitlines()) == 1
