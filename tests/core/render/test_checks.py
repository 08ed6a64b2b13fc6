"""Whatever the language, a field that a Pod cannot have is refused with its path, its value and what is valid."""

from typing import Any

import pytest

from injector.core.render import KnownNames, RenderingError, TemplateSet
from injector.core.render.checks import FieldError
from injector.core.render.document import compile_document
from injector.core.render.functions import FILTERS
from tests.core.render.go.support import Data

PORT = "spec:\n  containers:\n  - name: a\n    ports:\n    - containerPort: {}\n"
NO_PORT = r"spec.containers\[0\].ports\[0\].containerPort: must be a port number from 1 to 65535, got "


def render(text: str, **names: Any) -> Any:
    return TemplateSet({"t": text}, FILTERS).render("t", names)


@pytest.mark.parametrize("value", ["80", 0, 65536, True, [80], {"a": 80}, 80.0])
def test_a_value_of_the_wrong_type_or_range(value: Any) -> None:
    with pytest.raises(RenderingError, match=NO_PORT) as caught:
        render(PORT.format("{{ port }}"), port=value)
    (finding,) = caught.value.findings
    assert finding.path == ("spec", "containers", 0, "ports", 0, "containerPort")


@pytest.mark.parametrize("text", ["'{{ port }}'", "x{{ port }}", "'80'", "{{ '80' }}"])
def test_text_in_the_place_of_a_number(text: str) -> None:
    with pytest.raises(RenderingError, match=NO_PORT):
        render(PORT.format(text), port=80)


def test_null_is_nothing_and_a_right_value_is_taken() -> None:
    assert render(PORT.format("{{ port }}"), port=80)["spec"]["containers"][0]["ports"] == [{"containerPort": 80}]
    assert render(PORT.format("{{ port }}"), port=None)["spec"]["containers"][0]["ports"] == [{}]
    assert render(PORT.format("null"))["spec"]["containers"][0]["ports"] == [{"containerPort": None}]


def test_mappings_and_lists_of_values_are_looked_into() -> None:
    with pytest.raises(RenderingError, match=NO_PORT):
        render("spec: {containers: {{ all }}}", all=[{"name": "a", "ports": [{"containerPort": "80"}]}])
    with pytest.raises(RenderingError, match=r"spec.containers\[0\].resources.limits.cpu: must be a quantity"):
        render("spec: {containers: [{name: a, resources: {{ r }}}]}", r={"limits": {"cpu": []}})


def test_all_that_the_text_itself_gets_wrong_is_found_at_once() -> None:
    with pytest.raises(RenderingError) as caught:
        render("spec: {containers: [{name: a, args: x, image: 1}], volumes: {}, hostNetwork: 'no'}")
    assert len(caught.value.findings) == 4


def test_unknown_fields_and_directives_pass() -> None:
    text = "spec: {ofNextYear: 1, $setElementOrder/volumes: [{name: a}], volumes: [{name: b, $patch: delete}]}"
    assert render(text)["spec"]["ofNextYear"] == 1


GO = {
    "ports:\n    - containerPort: {{ .ProxyUID }}.5": "containerPort: must be a port number",
    'ports:\n    - containerPort: {{ quote "80" }}': "containerPort: must be a port number from 1 to 65535, got '80'",
    'args:\n    {{ toYaml (list 1 "a") | nindent 4 }}': "args[0]: must be a string, got 1",
    'resources:\n      {{ toYaml (dict "limits" "none") | nindent 6 }}': "resources.limits: must be a mapping",
}


@pytest.mark.parametrize(("lines", "message"), GO.items())
def test_go_templates(lines: str, message: str) -> None:
    text = f"spec:\n  containers:\n  - name: a\n    {lines}\n"
    data = Data()
    templates = TemplateSet({}, FILTERS, KnownNames(frozen=data.configured), go_sources={"t": text})
    with pytest.raises(RenderingError) as caught:
        templates.render("t", data.scope)
    assert message in str(caught.value)


def test_a_document_that_cannot_be_filled_is_read_once() -> None:
    with pytest.raises(FieldError):
        compile_document("spec: []")
    templates = TemplateSet({"t": "spec: []"}, FILTERS)
    errors = []
    for _ in range(2):
        with pytest.raises(RenderingError) as caught:
            templates.render("t", {})
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1]) == "template 't': spec: must be a mapping, got a list"
    assert errors[0].__cause__ is not errors[1].__cause__
