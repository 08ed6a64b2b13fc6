"""The commands as a user runs them: results, messages, exit status."""

import json
from pathlib import Path

import pytest

from injector.config.loader import template_files
from tests.cli.running import run
from tests.support import REPOSITORY, pod_of, review_of

DETAILS = REPOSITORY / "samples" / "bookinfo" / "details.yaml"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"


def test_inject_and_uninject_are_inverse_through_standard_input() -> None:
    injected = run("inject", "-f", "-", given=POD)
    assert injected.returncode == 0
    assert "istio-proxy" in injected.stdout
    assert run("uninject", "-f", "-", given=injected.stdout).stdout == POD


def test_results_go_to_standard_output_and_everything_else_to_standard_error() -> None:
    text = POD.replace("spec:\n", "spec:\n  hostNetwork: true\n")
    found = run("inject", "-f", "-", given=text)
    assert (found.stdout, found.returncode) == (text, 0)
    assert found.stderr.startswith("===> Skipping injection because Pod")


def test_review_answers_as_the_webhook_does(tmp_path: Path) -> None:
    file = tmp_path / "review.json"
    file.write_bytes(review_of(pod_of()))
    found = run("review", "-f", file)
    answer = json.loads(found.stdout)["response"]
    assert (found.returncode, answer["uid"], answer["allowed"]) == (0, "u-1", True)


def test_review_with_a_snapshot_knows_the_namespace(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot.yaml"
    snapshot.write_text("{apiVersion: v1, kind: Namespace, metadata: {name: default}}", encoding="utf-8")
    found = run("review", "-f", "-", "--snapshot", snapshot, given=review_of(pod_of()).decode())
    assert json.loads(found.stdout)["response"]["auditAnnotations"]["reason"] == "NamespaceNotSelected"


def test_options_reach_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("values: {global: {hub: registry.example}}", encoding="utf-8")
    found = run("inject", "-f", DETAILS, "-c", config, "--set", "values.global.tag=9")
    assert "image: registry.example/proxyv2:9" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("inject", "-f", "missing.yaml"), "", "missing.yaml: cannot be read"),
        (("inject", "-f", "-"), "a: [", "-: document 1: line 2: not YAML"),
        (("inject", "-f", "-", "--set", "polcy=x"), POD, "policy"),
        (("inject", "-f", "-", "--snapshot", "missing.yaml"), POD, "missing.yaml"),
        (("uninject", "-f", "-"), "a: [", "document 1"),
        (("check", "-c", str(DETAILS.parent)), "", "is a directory; valid: a file"),
        (("review", "-f", "-"), POD, "shown by `injector preview`"),
        (("rotate", "--cert-dir", "/dev/null/x"), "", "/dev/null/x: Not a directory"),
        (("serve", "--port", "0", "--cert-dir", "/dev/null/x"), "", "no certificates can be kept there"),
        (("review", "-f", "-"), "{", "not JSON"),
        (("check", "-c", "missing.yaml"), "", "missing.yaml"),
        (("serve", "--tls-cert", "a.crt", "--tls-key", "a.key", "--port", "0"), "", "a.crt"),
    ],
)
def test_faulty_input_is_exit_status_1_with_a_message_and_no_result(
    arguments: tuple[str, ...], given: str, message: str
) -> None:
    found = run(*arguments, given=given)
    assert (found.returncode, found.stdout) == (1, "")
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_certificates_that_are_not_there_are_told_with_their_place(tmp_path: Path) -> None:
    found = run("rotate", "--cert-dir", tmp_path)
    assert (found.returncode, found.stderr) == (
        1,
        f"{tmp_path}: holds no certificates; a server that starts makes them\n",
    )


def test_a_file_without_a_document_is_named(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("\n", encoding="utf-8")
    found = run("inject", "-f", file, "-f", DETAILS)
    assert found.returncode == 0
    assert f"{file}: there is no document in it" in found.stderr


@pytest.mark.parametrize("arguments", [("burn",), ("inject",), ("inject", "--nope"), ("serve", "--tls-cert", "a")])
def test_wrong_usage_is_exit_status_2(arguments: tuple[str, ...]) -> None:
    found = run(*arguments)
    assert found.returncode == 2
    assert "Usage" in found.stderr


def test_help_names_every_command() -> None:
    listed = run("--help").stdout
    assert all(name in listed for name in ("inject", "uninject", "review", "check", "serve", "demo"))


def test_check_tells_every_fault_of_every_template_with_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "templates:\n"
        "  broken: |\n    spec: {{ if }}\n"
        "  unknown: |\n    spec:\n      hostname: {{ podd.name }}\n"
        "  strict: |\n    spec:\n      hostname: {{ pod.metadata.annotations.nope }}\n"
        "  odd: |\n    spec:\n      contaners: []\n",
        encoding="utf-8",
    )
    found = run("check", "-c", config)
    assert found.returncode == 1
    lines = {line.partition(": ")[0]: line for line in found.stderr.splitlines()}
    assert set(lines) == {f"{config}:{number}" for number in (3, 6, 9, 12)}
    assert "did you mean 'pod'?" in lines[f"{config}:6"]
    assert "did you mean 'containers'?" in lines[f"{config}:12"]


def test_check_is_content_with_the_shipped_defaults_and_the_samples() -> None:
    found = run("check", "-c", REPOSITORY / "samples" / "custom-template" / "injector.yaml")
    assert (found.returncode, found.stderr) == (0, "")
    names = sorted({"audit"} | {name for name in template_files() if not name.startswith("_")})
    assert f"templates: valid ({', '.join(names)})" in found.stdout


def test_the_demo_shows_the_four_services_injected_and_the_fifth_opted_out() -> None:
    found = run("demo")
    assert (found.returncode, found.stderr) == (0, "")
    rows = {line.split()[0]: line.split()[1:3] for line in found.stdout.splitlines() if " NamespaceLabel" in line}
    assert set(rows) == {"details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3"}
    assert "legacy-catalog   skip      PodLabel" in found.stdout
