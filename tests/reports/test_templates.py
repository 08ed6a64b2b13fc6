"""Descriptions of templates: what they add, whom they are for, what they ask of pods."""

import pytest

from injector.config import load
from injector.config.loader import ConfigText
from injector.core.setup import Setup, set_up
from injector.reports.templates import describe_template, describe_templates, list_text, template_text


def setup(text: str) -> Setup:
    return set_up(load([ConfigText("c", text)]).config)


def adds(template: str) -> str:
    lines = "".join(f"    {line}\n" for line in template.splitlines())
    return describe_template(setup(f"templates:\n  t: |\n{lines}"), "t", {"t": "here"}).adds


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{}", "nothing"),
        ("spec: {containers: [{name: side, image: i}]}", "container side"),
        ("spec: {sidecars: [{name: side, image: i}]}", "init container side"),
        ("spec: {containers: [{name: app, env: [{name: A, value: b}]}]}", "nothing"),
        ("spec: {volumes: [{name: a}, {name: b}, {name: c}, {name: d}]}", "volumes a, b, c, d"),
        ("spec: {volumes: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]}", "volumes a, b, c and 2 more"),
        ("spec: {dnsPolicy: Default}\nmetadata: {labels: {a: b, c: d}}", "spec dnsPolicy; 2 labels"),
        ('{{ refuse("only with a port") }}', "refuses sample pods: template 't': only with a port"),
        ("{{ nothing.here }}", "fails: template 't', line 1: 'nothing' is undefined"),
    ],
)
def test_what_a_template_adds_in_one_line(template: str, line: str) -> None:
    assert adds(template) == line


def test_go_templates_and_aliases_are_among_them() -> None:
    go = "{{ annotation .ObjectMeta `a.example/b` 1 }}"
    text = f'aliases: {{both: [go, sidecar]}}\ndefaultTemplates: [both]\ngoTemplates: {{go: "{go}"}}'
    found = {each.name: each for each in describe_templates(setup(text), dict.fromkeys(["go", *NAMES], "x"))}
    assert (found["go"].language, found["go"].is_default, found["sidecar"].is_default) == ("Go", True, True)
    assert found["go"].pods.endswith("inject.istio.io/templates: go or inject.istio.io/templates: both")
    assert [each.name for each in found["go"].annotations] == ["a.example/b"]
    assert not found["envoy"].is_default


NAMES = set_up(load().config).templates.names


def test_every_shipped_template_can_be_shown() -> None:
    templates = describe_templates(set_up(load().config), dict.fromkeys(NAMES, "shipped"))
    assert [each for each in templates if each.adds.startswith(("fails", "refuses"))] == []
    assert len(list_text(templates).splitlines()) == 1 + len(NAMES)
    assert all(each.text.rstrip() in template_text(each) for each in templates)


def test_a_template_says_whether_it_may_be_a_policy() -> None:
    shipped = setup("{}")
    sources = dict.fromkeys(shipped.templates.names, "shipped")
    assert describe_template(shipped, "grpc-simple", sources).injected_by == "policy or webhook"
    proxy = describe_template(shipped, "sidecar", sources).injected_by
    assert proxy.startswith("webhook only: line ")
    assert "proxy_config" in proxy
