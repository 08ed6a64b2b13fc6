"""What policies in a cluster mean for a webhook: one template has one injector."""

from pathlib import Path

import pytest

from injector.cluster.api import ApiServer, ClusterError, Resource
from injector.cluster.findings import Finding, Severity
from injector.cluster.policies import policy_findings, refusals
from injector.core.model import Config, JsonObject
from injector.policy import policies
from tests.support import setup_of

TEXT = """
defaultTemplates: [side]
aliases: {both: [side]}
templates:
  side: "spec: {containers: [{name: side, image: s}]}"
  other: "spec: {containers: [{name: other, image: o}]}"
"""


def mutating(config: Config, name: str) -> JsonObject:
    return next(each for each in policies(config, [name])[0].documents() if each["kind"] == "MutatingAdmissionPolicy")


def problems(config: Config, *found: JsonObject) -> list[Finding]:
    return [each for each in policy_findings(config, found) if each.severity is not Severity.OK]


def test_a_template_of_both_is_a_fault(tmp_path: Path) -> None:
    config = setup_of(tmp_path, TEXT, "defaultTemplates={both}").config
    (found,) = problems(config, mutating(config, "side"), mutating(config, "other"))
    assert (found.subject, found.severity) == ("MutatingAdmissionPolicy sidecar-injector-side", Severity.FAULT)
    assert "defaultTemplates" in found.message
    assert found.command == "kubectl delete mutatingadmissionpolicybinding sidecar-injector-side"


def test_a_policy_of_another_configuration_is_a_warning(tmp_path: Path) -> None:
    config = setup_of(tmp_path, TEXT).config
    other = setup_of(tmp_path, TEXT.replace("image: o", "image: new")).config
    (found,) = problems(other, mutating(config, "other"))
    assert found.severity is Severity.WARNING
    assert "injector policy render --template other" in found.command


def test_policies_of_others_are_nothing_to_say(tmp_path: Path) -> None:
    config = setup_of(tmp_path, TEXT).config
    assert not problems(config, {"metadata": {"name": "others"}}, {"metadata": {"name": "more", "annotations": {}}})


class Taking(ApiServer):
    """An API server that says of the policies that are tried, by name, what it is told."""

    def __init__(self, **errors: ClusterError) -> None:
        self.errors = errors

    def try_create(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:  # noqa: ARG002
        name = document["metadata"]["name"].removeprefix("sidecar-injector-").replace("-", "_")
        if name in self.errors:
            raise self.errors[name]
        return document


def said_of(config: Config, **errors: ClusterError) -> list[str]:
    documents = policies(config, ["side"])[0].documents()
    return list(refusals(Taking(**errors), documents))


def test_what_the_api_server_says_against_a_policy_is_told_with_a_hint(tmp_path: Path) -> None:
    config = setup_of(tmp_path, TEXT).config
    assert said_of(config) == []
    (invalid,) = said_of(config, side=ClusterError("it is invalid: undeclared reference", 422))
    assert invalid == "MutatingAdmissionPolicy sidecar-injector-side: it is invalid: undeclared reference"
    (large,) = said_of(config, side=ClusterError("expression code point size exceeds limit", 422))
    assert large.endswith("divide the template in two, and loop over containers once")


def test_an_api_server_without_policies_is_named(tmp_path: Path) -> None:
    (said,) = said_of(setup_of(tmp_path, TEXT).config, side=ClusterError("not found", 404))
    assert "from Kubernetes 1.36 on" in said


def test_a_policy_that_is_there_already_is_tried_beside_it(tmp_path: Path) -> None:
    config, there = setup_of(tmp_path, TEXT).config, ClusterError("already exists", 409)
    assert said_of(config, side=there) == []
    (said,) = said_of(config, side=there, side_trial=ClusterError("invalid", 422))
    assert said == "MutatingAdmissionPolicy sidecar-injector-side: invalid"


def test_an_api_server_that_does_not_answer_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(ClusterError):
        said_of(setup_of(tmp_path, TEXT).config, side=ClusterError("unreachable"))
