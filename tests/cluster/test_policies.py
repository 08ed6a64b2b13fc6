"""What policies in a cluster mean for a webhook: one template has one injector."""

from pathlib import Path

from injector.cluster.findings import Finding, Severity
from injector.cluster.policies import policy_findings
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
