"""What a template's text deletes: what it says it deletes, and nothing else."""

from typing import Any

import pytest

from injector.core.merge import strategic_merge
from injector.core.model import JsonObject
from injector.core.render import RenderingError, TemplateSet
from injector.core.render.functions import FILTERS

POD: JsonObject = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {
        "serviceAccountName": "shop",
        "containers": [{"name": "app", "args": ["serve"], "resources": {"limits": {"cpu": "1"}}}],
        "initContainers": [{"name": "migrate", "image": "migrate:1"}],
        "volumes": [{"name": "data", "emptyDir": {"medium": "Memory"}}],
        "tolerations": [{"key": "spot"}],
    },
}


def merged(text: str, **scope: Any) -> JsonObject:
    return strategic_merge(POD, TemplateSet({"t": text}, FILTERS).render("t", scope))


NOTHING = (
    "spec:\n  initContainers:",
    "spec:\n  initContainers:\n  {% if false %}\n  - name: more\n  {% endif %}\n  containers:\n  volumes:",
    "spec:\n  initContainers: {{ none }}",
    "spec:\n  initContainers: {{ value }}\n  serviceAccountName: {{ value }}",
    "spec:\n  initContainers: [{{ value }}]\n  tolerations: [{{ value }}, {{ none }}]",
    "spec:\n  tolerations:\n  -",
    "spec: {initContainers: , tolerations: }",
    "spec:\n  volumes:\n  - name: data\n    emptyDir: {{ value }}",
    "spec:\n  volumes:\n  - name: data\n    emptyDir: {{ mapping }}",
    "spec:\n  volumes:\n  - name: data\n    emptyDir: {{ {'medium': none} }}",
    "spec:\n  containers:\n  - name: app\n    args:\n    - {{ value }}\n    resources: {limits: {{ nested }}}",
    "spec:\n  $setElementOrder/initContainers:",
    "metadata:\n  labels: {{ value }}\nspec:",
    "spec:\n  {{ 'initContainers' }}: {{ value }}\n  {{ key }}:",
    "metadata: {labels: {app: {{ value }}, {{ key }}: {{ value }}}}",
)


@pytest.mark.parametrize("text", NOTHING)
def test_an_empty_key_and_an_expression_that_is_null_delete_nothing(text: str) -> None:
    scope = {"value": None, "mapping": {"medium": None}, "nested": {"cpu": None}, "key": "volumes"}
    assert merged(text, **scope) == POD


@pytest.mark.parametrize(
    "text", ["initContainers: null", "initContainers: ~", "'initContainers': Null", "{{ key }}: null"]
)
def test_a_null_in_the_text_deletes(text: str) -> None:
    assert "initContainers" not in merged(f"spec:\n  {text}", key="initContainers")["spec"]


def test_a_directive_in_the_text_deletes() -> None:
    text = "spec:\n  initContainers:\n  - {name: migrate, $patch: delete}"
    assert merged(text)["spec"]["initContainers"] == []


def test_an_empty_list_in_the_text_replaces() -> None:
    assert merged("spec:\n  tolerations: []")["spec"]["tolerations"] == []


def test_only_what_is_null_is_left_out_of_a_list() -> None:
    tolerations = merged("spec:\n  tolerations: [{{ value }}, {key: a}, {{ other }}]", value=None, other={"key": "b"})
    assert tolerations["spec"]["tolerations"] == [{"key": "a"}, {"key": "b"}]


def test_an_empty_text_stays() -> None:
    text = "metadata: {labels: {app: '', a: '{{ value }}', b: {{ empty }}}}"
    assert merged(text, value=None, empty="")["metadata"]["labels"] == {"app": "", "a": "", "b": ""}


def test_an_empty_key_still_counts_as_written() -> None:
    with pytest.raises(RenderingError, match="duplicate key 'volumes' in line 3"):
        merged("spec:\n  volumes:\n  volumes: []")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: y\nn: 08", {"a": True, "false": 8}),
        ("a: !!binary aGVsbG8=\nb: !!set {c}\nd: !!timestamp 2001-01-01", {"a": "hello", "b": {}, "d": "2001-01-01"}),
        (
            "a: &x {b: 1}\nc: {<<: *x, d: 12:30}\ne: &x 2\nf: *x",
            {"a": {"b": 1}, "c": {"b": 1, "d": "12:30"}, "e": 2, "f": 2},
        ),
    ],
)
def test_a_template_is_the_yaml_of_kubernetes(text: str, value: Any) -> None:
    assert merged(f"x: {{{{ 1 }}}}\n{text}") == {**POD, "x": 1, **value}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\n---\nb: 2", "several documents"),
        ("a: !!int {{ 1 }}", "a tag cannot change it in line 1"),
        ("a: .inf", "JSON has no .inf in line 1"),
    ],
)
def test_what_a_template_cannot_give(text: str, fault: str) -> None:
    with pytest.raises(RenderingError, match=fault):
        merged(text)
