"""Macros that are expanded as text give what they give when they are called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from injector.core.render import RenderingError, TemplateSet
from injector.core.render.functions import FILTERS
from injector.core.render.macros import MacroExpansion, lines_of

SCOPE: dict[str, Any] = {"x": "outer", "items": ["a", "b"], "yes": True, "no": False}
LIBRARY = """
{% macro plain() %}
- plain
- {{ x }}
{% endmacro %}
{% macro of(name, kind="usual") %}
- name: {{ name }}
  kind: "{{ kind }}"
{% endmacro %}
{% macro nested(name) %}
{{ of(name, kind="nested") }}
{{ plain() }}
{% endmacro %}
{% macro maybe(asked) %}
{% if asked %}
- maybe
{% endif %}
{% endmacro %}
"""
IMPORT = '{% from "_lib" import plain, of, nested, maybe with context %}\n'


@pytest.fixture(scope="module", autouse=True)
def both_ways() -> None:
    """None: these tests compare the two ways themselves."""


def outcome(source: str, *, optimise: bool) -> Any:
    try:
        return TemplateSet({"t": source, "_lib": LIBRARY}, FILTERS, optimise=optimise).render("t", SCOPE)
    except RenderingError as error:
        return str(error)


def expanded(source: str) -> str:
    environment = Environment(  # noqa: S701 -- it makes YAML
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    expansion = MacroExpansion(environment, lambda _: (LIBRARY, environment.parse(LIBRARY)))
    text = source.replace("\r\n", "\n")
    return "\n".join(line.text for line in expansion.expand(text, environment.parse(text)))


OWN = "{% macro own() %}\n- {{ x }}\n{% endmacro %}\n"
EXPANDED = {
    "imported": IMPORT + "a:\n{{ plain() }}",
    "imported under another name": '{% from "_lib" import plain as lines %}\na:\n  {{ lines() }}',
    "own": OWN + "a:\n    {{ own() }}\nb: 1",
    "in a loop": IMPORT + "a:\n{% for each in items %}\n{{ of(each) }}\n{% endfor %}",
    "by name": IMPORT + "a:\n  {{ of(kind='mine', name=x) }}",
    "over several lines": IMPORT + "a:\n  {{ of(\n    'one, two',\n    kind={'a': [1, 2]}['a'][0],\n  ) }}\nb: {{ x }}",
    "that uses others": IMPORT + "a:\n  {{ nested('n') }}\n  {{ maybe(no) }}\n  {{ maybe(yes) }}",
    "with a local name": "{% macro own() %}\n{% set y = x %}\n- {{ y }}\n{% endmacro %}\na:\n{{ own() }}\n"
    "b: {{ y is defined }}",
    "used by another": OWN + "{% macro two() %}\n{{ own() }}\n{{ own() }}\n{% endmacro %}\na:\n  {{ two() }}",
    "on one line": "{% macro own() %}- {{ x }}{% endmacro %}\na:\n {{ own() }}",
    "with Windows line ends": (OWN + "a:\n{{ own() }}").replace("\n", "\r\n"),
    "in front of a comment": OWN + "{#\n{{ own() }}\n#}\na:\n{{ own() }}",
    "around one that reads the parameter's name": OWN
    + "{% macro two(x) %}\n{{ own() }}\n{% endmacro %}\na:\n{{ two('inner') }}",
    "of a top-level name that is set later": OWN + "{% set x = 'inner' %}\na:\n{{ own() }}",
}
CALLED = {
    "that reads a loop's name": OWN + "a:\n{% for x in items %}\n{{ own() }}\n{% endfor %}",
    "that reads a name of a scope": OWN + "a:\n{% with x = 'inner' %}\n{{ own() }}\n{% endwith %}",
    "imported, beside an own name": IMPORT + "{% set x = 'inner' %}\na:\n{{ plain() }}",
    "imported, beside an own macro": IMPORT + "{% macro x() %}{% endmacro %}\na:\n{{ plain() }}",
    "before it is there": "a:\n{{ own() }}\n" + OWN,
    "that is there twice": OWN + OWN.replace("{{ x }}", "second") + "a:\n{{ own() }}",
    "that is there in one case": "{% if no %}\n" + OWN + "{% endif %}\na:\n{{ own() }}",
    "imported in one case": "{% if no %}\n" + IMPORT + "{% endif %}\na:\n{{ plain() }}",
    "that a name hides": OWN + "{% for own in items %}\n{{ own }}: 1\n{% endfor %}\na:\n{{ own() }}",
    "that calls itself": "{% macro own(n) %}\n- {{ n }}\n{% if n %}\n{{ own(n - 1) }}\n{% endif %}\n{% endmacro %}\n"
    "a:\n{{ own(3) }}",
    "that strips": "{% macro own() %}\n{%- if yes %}- {{ x }}\n{% endif -%}\n{% endmacro %}\na:\n- 1\n{{ own() }}",
    "in a block scalar": OWN + "a: |\n  one\n    two\n    {{ own() }}\n  three",
    "in a block scalar of a list": OWN + "a:\n- |-\n  {{ own() }}\n\n  three",
    "behind a dash": "{% macro own() %}\n{% if yes %}\na: 1\n{% endif %}\nb: 2\n{% endmacro %}\nc:\n- {{ own() }}",
    "with a long text": "{% macro own() %}\n- \"{{ 'a\nb' }}\"\n{% endmacro %}\na:\n    {{ own() }}",
    "with too many arguments": IMPORT + "a:\n{{ of(1, 2, 3) }}",
    "with too few": IMPORT + "a:\n{{ of() }}",
    "with an unknown one": IMPORT + "a:\n{{ of(1, other=2) }}",
    "with one twice": IMPORT + "a:\n{{ of(1, name=2) }}",
    "with unpacked ones": IMPORT + "a:\n{{ of(*items) }}",
    "with more beside it": OWN + "a:\n{{ own() ~ own() }}",
    "that takes more": "{% macro own() %}\n- {{ varargs | join }}\n{% endmacro %}\na:\n{{ own() }}",
    "in raw text": OWN + "a:\n{% raw %}\n  {{ own() }}: 1\n{% endraw %}",
    "that ends a loop": "a:\n{% macro own() %}\n{% break %}\n{% endmacro %}\n"
    "{% for each in items %}\n- 1\n{{ own() }}\n{% endfor %}",
    "whose default is no constant": "{% macro own(y=x) %}\n- {{ y }}\n{% endmacro %}\na:\n{{ own() }}",
}


@pytest.mark.parametrize("source", EXPANDED.values(), ids=EXPANDED)
def test_an_expanded_call_gives_what_the_call_gives(source: str) -> None:
    assert expanded(source).count("{% with") > source.count("{% with")
    assert outcome(source, optimise=True) == outcome(source, optimise=False)
    assert isinstance(outcome(source, optimise=True), dict)


@pytest.mark.parametrize("source", CALLED.values(), ids=CALLED)
def test_a_call_that_may_mean_something_else_as_text_stays_a_call(source: str) -> None:
    assert expanded(source) == source
    assert outcome(source, optimise=True) == outcome(source, optimise=False)


names = st.sampled_from(["x", "y", "items"])
lines = st.one_of(
    names.map("- {{{{ {} }}}}".format),
    names.map("{{% set {0} = [{0} | string, 'set'] | join %}}".format),
    st.tuples(st.sampled_from(["one", "two", "three"]), names).map("{{{{ {0[0]}({0[1]}) }}}}".format),
    names.map("{{% for {} in ['l'] %}}\n- {{{{ x }}}}\n{{{{ two(x) }}}}\n{{% endfor %}}".format),
    st.just("{% if y %}\n- 'y'\n{% endif %}"),
)
bodies = st.lists(lines, max_size=4).map("\n".join)


@given(st.tuples(bodies, bodies, bodies, names, bodies))
def test_any_arrangement_of_names_and_calls(parts: tuple[str, str, str, str, str]) -> None:
    one, two, three, parameter, body = parts
    source = (
        f"{{% macro one({parameter}) %}}\n{one}\n{{% endmacro %}}\n{{% macro two(y='d') %}}\n{two}\n{{% endmacro %}}\n"
        f"{{% macro three(x) %}}\n{three}\n{{% endmacro %}}\na:\n- 1\n{body}"
    )
    plain, optimised = outcome(source, optimise=False), outcome(source, optimise=True)
    # Macros that call one another without end fail wherever Python's stack ends.
    assert plain == optimised or ("recursion" in plain and "recursion" in optimised)


def test_an_error_has_the_line_of_the_macro_that_the_template_holds() -> None:
    own = "{% macro own() %}\n\n- 1\n- {{ x.missing.key }}\n{% endmacro %}\na:\n\n{{ own() }}"
    assert "line 4:" in outcome(own, optimise=True)
    imported = IMPORT + "a:\n  {{ of(x.missing.key) }}"
    assert outcome(imported, optimise=True) == outcome(imported, optimise=False)


def test_macros_that_double_with_each_step_are_called_in_the_end() -> None:
    chain = OWN + "".join(
        f"{{% macro m{n}() %}}\n{{{{ {f'm{n - 1}' if n else 'own'}() }}}}\n{{{{ own() }}}}\n{{% endmacro %}}\n"
        for n in range(300)
    )
    source = f"{chain}a:\n{{{{ m299() }}}}"
    assert len(expanded(source)) < 2_000_000
    assert outcome(source, optimise=True) == outcome(source, optimise=False)


def test_lines_keep_their_numbers() -> None:
    assert [line.number for line in lines_of("a\n\nb", 3)] == [3, 4, 5]
