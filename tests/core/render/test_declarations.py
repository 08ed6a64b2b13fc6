"""Annotations that templates declare: their values have their types, and whatever else is said names what is valid."""

from dataclasses import replace
from typing import Any

import pytest

from injector.config import load
from injector.core.render.declarations import TYPES, asked_names
from injector.core.setup import Setup, set_up
from injector.core.template_check import template_faults
from tests.support import admitted, pod_of

CONFIG = load().config


def setup_of(text: str, **others: str) -> Setup:
    return set_up(replace(CONFIG, templates={"t": text, **others}, default_templates=("t",)))


def value_of(call: str, text: str | None = None) -> Any:
    """What `call` gives for a pod whose annotation `a.example/b` is `text`."""
    setup = setup_of(f"metadata: {{annotations: {{value: '{{{{ [{call}] | to_json }}}}'}}}}")
    annotations = {"keep": "it"} if text is None else {"keep": "it", "a.example/b": text}
    admission = admitted(pod_of(annotations=annotations), setup)
    return admission.pod["metadata"]["annotations"]["value"] if admission.allowed else admission.message


READ = [
    ("string", " any thing ", '[" any thing "]'),
    ("integer", "-12", "[-12]"),
    ("number", "1.5", "[1.5]"),
    ("number", "3", "[3]"),
    ("boolean", "true", "[true]"),
    ("boolean", "0", "[false]"),
    ("port", "8080", "[8080]"),
    ("quantity", "100m", '["100m"]'),
    ("duration", "1m30s", '["1m30s"]'),
    ("name", "a-b", '["a-b"]'),
    ("list", " a, b ,,c", '[["a","b","c"]]'),
    ("list", "", "[[]]"),
    ("json", '{"a": [1]}', '[{"a":[1]}]'),
]
NOT_READ = [
    ("integer", "1.5"),
    ("integer", "9" * 5_000),
    ("number", "1e5"),
    ("number", "nan"),
    ("boolean", "yes"),
    ("port", "0"),
    ("port", "70000"),
    ("port", "http"),
    ("port", ""),
    ("quantity", "much"),
    ("duration", "soon"),
    ("name", "A_b"),
    ("json", "{"),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_a_value_of_the_type(kind: str, text: str, value: str) -> None:
    assert value_of(f'annotation("a.example/b", type="{kind}")', text) == value


@pytest.mark.parametrize(("kind", "text"), NOT_READ)
def test_another_value_is_refused_with_what_is_valid(kind: str, text: str) -> None:
    message = value_of(f'annotation("a.example/b", type="{kind}")', text)
    assert "for annotation 'a.example/b': must be " + TYPES[kind].expected in message
    assert len(message) < 400


def test_one_of_a_few_words() -> None:
    call = 'annotation("a.example/b", type=["info", "debug"], default="info")'
    assert value_of(call) == '["info"]'
    assert value_of(call, "debug") == '["debug"]'
    assert "must be one of 'info', 'debug'" in value_of(call, "trace")


def test_the_default_stands_in_and_nothing_for_none() -> None:
    assert value_of('annotation("a.example/b", type="port", default=8080)') == "[8080]"
    assert value_of('annotation("a.example/b", type="port", default="8080")') == "[8080]"
    assert value_of('annotation("a.example/b", type="list", default=["x", "y"])') == '[["x","y"]]'
    assert value_of('annotation("a.example/b", type="port")') == "[null]"
    assert value_of('annotation("a.example/b", type="string")') == '[""]'


def test_without_a_type_it_is_text_as_before() -> None:
    assert value_of('annotation("a.example/b", 80)') == '["80"]'
    assert value_of('annotation("a.example/b", none)') == "[null]"
    assert "the default must be a string, a number or a boolean" in value_of('annotation("a.example/b", [1])')


AT_FAULT = {
    'annotation("a/b", type="prt")': "unknown type 'prt' of an annotation; did you mean 'port'?",
    'annotation("a/b", type="port", default="x")': "the default must be a port number from 1 to 65535, got 'x'",
    'annotation("a/b", default=70000, type="port")': "got 70000",
    'annotation("a/b", type=["a", "b"], default="c")': "the default must be one of 'a', 'b', got 'c'",
}


@pytest.mark.parametrize(("call", "message"), AT_FAULT.items())
def test_a_wrong_declaration_is_a_fault_even_where_no_sample_asks_for_it(call: str, message: str) -> None:
    text = f"metadata: {{}}\n{{% if pod.metadata.annotations.get('never') %}}\n{{% set x = {call} %}}\n{{% endif %}}\n"
    (fault,) = [str(each) for each in template_faults(setup_of(text)) if each.template == "t"]
    assert fault.startswith("template 't', line 3: annotation 'a/b': ")
    assert message in fault


def test_templates_agree_on_the_type_of_an_annotation() -> None:
    one, two = (f'{{% set x = annotation("a/b", type="{kind}") %}}metadata: {{}}' for kind in ("port", "integer"))
    (fault,) = [each for each in template_faults(setup_of(one, other=two)) if each.template == "t"]
    assert fault.message == "annotation 'a/b' has type 'port' here, and 'integer' in 'other'"


def test_what_a_template_declares_can_be_listed() -> None:
    text = """
    {% from "_lib" import more %}
    {% set x = annotation("a/port", type="port", default=8080, description="where it listens") %}
    {% set y = annotation("a/words", type=["one", "two"]) %}
    {% set z = annotation("a/port") ~ json_annotation("a/json") %}
    {{ more() }}
    """
    library = '{% macro more() %}\n{% set x = annotation("a/more", "all") %}\n{% endmacro %}'
    declared = setup_of(text, _lib=library).templates.declarations("t")
    assert [(each.name, each.type, each.default, each.description, each.is_typed) for each in declared] == [
        ("a/json", "json", None, "", False),
        ("a/more", "string", "all", "", False),
        ("a/port", "port", 8080, "where it listens", True),
        ("a/words", "one | two", None, "", True),
    ]


def test_names_in_texts_of_both_languages() -> None:
    texts = [
        "{{ annotation(\"a/b\") }}{{ json_annotation( 'c' ) }}",
        '{{ annotation .ObjectMeta "d/e" 1 }}{{ note("x") }}',
    ]
    assert asked_names(texts) == {"a/b", "c", "d/e"}


def test_a_pod_that_misspells_a_declared_annotation_is_warned() -> None:
    setup = setup_of('{% set x = annotation("side.example/port", type="port") %}metadata: {}')
    admission = admitted(pod_of(annotations={"side.example/prot": "1", "side.example/other": "x"}), setup)
    assert admission.warnings == (
        'annotation "side.example/prot" is not one that a template asks for; did you mean "side.example/port"?',
    )
    assert admitted(pod_of(annotations={"side.example/port": "1"}), setup).warnings == ()
