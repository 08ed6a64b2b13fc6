"""Tests of templates: what passes, what fails with which words, and what may become the expectation."""

from xml.etree import ElementTree as ET

from injector.config import load
from injector.config.loader import ConfigText
from injector.core.setup import set_up
from injector.reports.documents import Document, read_documents
from injector.reports.template_tests import Outcome, Suite, Trial, junit_text, run_test, suite_text

TEMPLATE = """
defaultTemplates: [side]
templates:
  side: |
    spec:
      containers:
      - {name: side, image: side, command: ["{{ annotation("a.example/b", "run") }}"]}
"""
POD = "{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: {containers: [{name: app, image: app}]}}\n"


def documents(text: str) -> list[Document]:
    return list(read_documents(text))


def outcome(given: str, expected: str | None, template: str = TEMPLATE) -> Outcome:
    trial = Trial(set_up(load([ConfigText("c", template)]).config))
    return run_test("t", documents(given), None if expected is None else documents(expected), trial)


def written(given: str, template: str = TEMPLATE) -> str:
    text = outcome(given, None, template).result
    assert text is not None
    return text


def test_the_result_is_what_to_expect() -> None:
    given = POD % "one" + "---\n" + POD % "two"
    expected = written(given)
    assert "sidecar.istio.io/status" not in expected
    assert outcome(given, expected) == Outcome("t", (), expected)


def test_the_pod_of_a_workload_loses_its_status_too() -> None:
    template = "{spec: {containers: [{name: app, image: app}]}}"
    given = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a}}, spec: {{template: {template}}}}}"
    (document,) = documents(written(given))
    assert "metadata" not in document.object["spec"]["template"]


def test_one_too_few_and_one_too_many() -> None:
    both, one = POD % "one" + "---\n" + POD % "two", POD % "one"
    assert outcome(both, written(one)).failures == ('Pod "two" is not expected',)
    assert outcome(one, written(both)).failures == ('Pod "two" is expected, and no workload is left',)


def test_a_difference_outside_the_pod_is_shown_whole() -> None:
    given = POD % "one"
    failures = outcome(given, written(given).replace("apiVersion: v1", "apiVersion: v2")).failures
    assert {"-apiVersion: v2", "+apiVersion: v1"} <= set(failures)


def test_a_result_that_no_api_server_takes_is_never_expected() -> None:
    template = TEMPLATE.replace("image: side,", "image: side, volumeMounts: [{name: gone, mountPath: /m}],")
    found = outcome(POD % "one", None, template)
    assert found.result is None
    assert "the API server would refuse the result: " in found.failures[0]


def test_a_refusal_is_expected_of_one_pod_and_not_of_its_neighbour() -> None:
    template = TEMPLATE.replace(
        "    spec:", '    {% if pod.metadata.name == "bad" %}{{ refuse("no") }}{% endif %}\n    spec:', 1
    )
    given = POD % "bad" + "---\n" + POD % "good"
    good = written(POD % "good", template)
    assert outcome(given, "{kind: Refusal, message: 'no'}\n---\n" + good, template).passed
    assert not outcome(POD % "bad", good, template).passed
    assert not outcome(given, "{kind: Refusal, message: another}\n---\n" + good, template).passed


def test_nothing_to_inject_is_a_failure() -> None:
    given = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    assert "there is no workload in it" in outcome(given, given).failures[0]


def test_reports_hold_whatever_a_pod_says() -> None:
    suites = [Suite("s", (Outcome("a\x00", ("-x\x1b<&>", "-y"), None), Outcome("b", (), "")))]
    root = ET.fromstring(junit_text(suites))  # noqa: S314 -- written by the function under test
    assert [case.get("name") for case in root.iter("testcase")] == ["a\ufffd", "b"]
    assert suite_text(suites).endswith("2 tests, 1 failed\n")
