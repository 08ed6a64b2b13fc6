"""What the configuration alone decides is decided when a template is compiled, and means the same as before."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.render import KnownNames, RenderingError, TemplateSet
from injector.core.render.functions import FILTERS, first_nonempty

FROZEN: dict[str, Any] = {
    "values": {
        "a": "x: {y}\n- z",
        "none": None,
        "no": False,
        "seven": 7,
        "deep": {"list": ["p", "q"], "map": {"k": "v"}},
    },
    "first_nonempty": first_nonempty,
}

TEMPLATES = (
    "spec: {a: {{ values.a }}, b: '{{ values.a }} {{ pod }}', c: {{ values.none }}, d: {{ values.seven }}}",
    "spec:\n  {% if values.no %}\n  a: 1\n  {% elif pod %}\n  b: {{ values.deep.map }}\n  {% endif %}\n",
    "{% set v = values.deep %}\nspec: {a: {{ v.map.k }}, b: {{ v.get('none', 'other') }}, c: {{ v.list | join('-') }}}",
    "{% macro m(v) %}\na: {{ v }}\nb: {{ values.a if v else pod }}\n{% endmacro %}\nspec:\n  {{ m(values.no) }}\n",
    "{% macro m(values) %}\na: {{ values.a }}\n{% endmacro %}\nspec:\n  {{ m(pod) }}\n",
    "{% set values = pod %}\nspec: {a: {{ values.a }}}",
    "spec: {a: {{ first_nonempty(values.none, values.a) }}, b: {{ first_nonempty(values.none, pod.a) }}}",
    "spec:\n  {% for values in [pod, pod] %}\n  k{{ loop.index }}: {{ values.a }}\n  {% endfor %}\n",
    "spec: {a: {{ values.no and pod }}, b: {{ values.seven and pod }}, c: {{ values.no or pod }}}",
    "{% if values.no %}\n{% set x = 1 %}\n{% else %}\n{% set x = 2 %}\n{% endif %}\nspec: {a: {{ x }}, b: {{ pod }}}",
)


@pytest.mark.parametrize("template", TEMPLATES)
@given(text=st.text())
def test_a_folded_template_gives_what_the_same_template_gives_unfolded(template: str, text: str) -> None:
    """Frozen names hold the values that every scope has for them."""
    scope = {**FROZEN, "pod": {"a": text}}
    folded = TemplateSet({"t": template}, FILTERS, KnownNames(frozen=FROZEN))
    assert folded.render("t", scope) == TemplateSet({"t": template}, FILTERS).render("t", scope)


def test_a_constant_is_data_like_any_other_value() -> None:
    result = TemplateSet({"t": "spec: {a: {{ values.a }}, b: {{ '{}' }}}"}, FILTERS, KnownNames(frozen=FROZEN))
    assert result.render("t", {}) == {"spec": {"a": FROZEN["values"]["a"], "b": "{}"}}


def test_a_constant_with_the_characters_of_a_mark_stays_that_text() -> None:
    known = KnownNames(frozen={"values": {"a": "\ue0000\ue001 \ue000c0\ue001"}})
    result = TemplateSet({"t": "spec: {a: 'x{{ values.a }}{{ pod }}'}"}, FILTERS, known).render("t", {"pod": "p"})
    assert result == {"spec": {"a": "x\ue0000\ue001 \ue000c0\ue001p"}}


def test_a_key_that_is_not_there_is_still_told_with_its_line() -> None:
    templates = TemplateSet({"t": "spec:\n  a: {{ values.missing.key }}\n"}, FILTERS, KnownNames(frozen=FROZEN))
    with pytest.raises(RenderingError, match=r"line 2: .*missing"):
        templates.render("t", FROZEN)


def test_what_one_rendering_includes_is_not_kept_for_the_next() -> None:
    """Jinja keeps the body of a template that is included without context."""
    sources = {"t": "spec:\n{% include '_part' without context %}\n", "_part": "  a: {{ range(1, 9) | first }}\n"}
    templates = TemplateSet(sources, FILTERS)
    first = templates.render("t", {})
    assert templates.render("t", {}) == first == {"spec": {"a": 1}}


@pytest.mark.parametrize("part", ["_part", "part"])
def test_what_one_template_sets_another_can_import(part: str) -> None:
    """Nobody asks for the name in the template that sets it."""
    sources = {
        "t": f"{{% from '{part}' import x %}}{{% import '{part}' as p %}}spec: {{a: {{{{ x }}}}, b: {{{{ p.x }}}}}}",
        part: "{% set x = values.seven %}",
    }
    templates = TemplateSet(sources, FILTERS, KnownNames(frozen=FROZEN))
    templates.check(FROZEN)
    assert templates.render("t", FROZEN) == {"spec": {"a": 7, "b": 7}}
