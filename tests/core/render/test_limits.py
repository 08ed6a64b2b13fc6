"""A template that would fill the memory, or never end, is a fault that names it; what others use still works."""

import json

import pytest

from injector.core.model import Workload
from injector.core.render import KnownNames, RenderingError, TemplateFaults, TemplateSet
from injector.core.render.context import SAFE_FUNCTIONS, TemplateInput, pod_view, scope_of
from injector.core.render.functions import FILTERS
from tests.bench.instructions import counted
from tests.fuzz.effort import no_end_in_sight
from tests.support import default_setup, pod_of

GROWN = "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(16) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}\n"
NESTED = "{% set ns = namespace(x=[1], y={}) %}{% for i in range(500) %}{% set ns.x = [ns.x] %}{% endfor %}\n"
DOUBLED = "{% set ns = namespace(x=[1], y={}) %}{% for i in range(60) %}{% set ns.x = STEP %}{% endfor %}\n"
FAN = "{% macro m(n) %}\n{% if n > 0 %}\n{{ m(n - 1) }}\n{{ m(n - 1) }}\n{% endif %}\n{% endmacro %}\n{{ m(40) }}"
CHAIN = "{% macro m0() %}\n- x\n{% endmacro %}\n" + "".join(
    f"{{% macro m{n}() %}}\n{{{{ m{n - 1}() }}}}\n{{{{ m{n - 1}() }}}}\n{{% endmacro %}}\n" for n in range(1, 40)
)
UNBOUNDED = {
    "text joined with itself": GROWN.replace("range(16)", "range(60)") + "a: {{ ns.x }}",
    "text joined with a long separator": GROWN + "a: {{ range(100000) | join(ns.x) }}",
    "long texts joined": GROWN + "a: {{ ([ns.x] + [ns.x]) | join }}",
    "the method join": GROWN + "a: {{ ns.x.join(range(100000) | map('string')) }}",
    "letters replaced by long text": GROWN + "a: {{ ns.x | replace('a', ns.x) }}",
    "the method replace": GROWN + "a: {{ ns.x.replace('a', ns.x) }}",
    "text padded": "a: {{ 'a'.ljust(10 ** 12) }}",
    "text formatted": "a: {{ '{:>999999999999}'.format('a') }}",
    "text formatted a little": "a: {{ '{:>9}'.format('a') }}",
    "lists of lists": DOUBLED.replace("STEP", "[ns.x, ns.x]") + "a: {{ ns.x }}",
    "tuples of tuples": DOUBLED.replace("STEP", "(ns.x, ns.x)") + "a: {{ ns.x }}",
    "mappings of mappings": DOUBLED.replace("STEP", "{'a': ns.x, 'b': ns.x}") + "a: {{ ns.x }}",
    "mappings that are called for": DOUBLED.replace("STEP", "dict(a=ns.x, b=ns.x)") + "a: {{ ns.x }}",
    "fields of fields": DOUBLED.replace("STEP", "{'a': ns.x} | with_fields({'b': ns.x})") + "a: {{ ns.x }}",
    "lists added": DOUBLED.replace("STEP", "ns.x + ns.x") + "a: {{ ns.x }}",
    "deep lists": NESTED + "a: {{ ns.x }}",
    "powers": "a: {{ ((((10 ** 64) ** 64) ** 64) ** 64) ** 64 > 1 }}",
    "squares": DOUBLED.replace("STEP", "ns.x * ns.x").replace("x=[1]", "x=10") + "a: {{ ns.x > 1 }}",
    "a number rounded to nothing": "a: {{ 5 | round(-1000000000) }}",
    "a macro that calls itself twice": FAN,
    "a macro that calls itself": "{% macro m() %}\n{{ m() }}\n{% endmacro %}\n{{ m() }}",
    "a template that includes itself": "{% include 't' %}",
    "macros that each call another one twice": CHAIN + "a:\n{{ m39() }}",
    "loops in loops": "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
}
NOT_JSON = {
    "an infinite number": "a: .inf",
    "an infinite expression": "a: {{ 1e999 }}",
    "an infinite result": "a: {{ 1e308 * 10 }}",
    "no number": "a: .nan",
    "a number of more than 64 bits": "a: {{ 2 ** 64 }}",
    "a constant of many digits": "a: {{ " + "9" * 6000 + " }}",
    "a wrong tag": "a: !!int x",
    "a wrong boolean": "a: !!bool x",
}
TOO_MUCH_FOR_PYTHON = {
    "loops inside loops": "{% for a in [1] %}\n" * 30 + "a: 1\n" + "{% endfor %}\n" * 30,
    "conditions inside conditions": "{% if x %}\n" * 300 + "a: 1\n" + "{% endif %}\n" * 300,
    "parentheses": "a: {{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a long chain of alternatives": "a: {{ " + "1 if x else " * 3000 + "1 }}",
    "a constant of many digits": "a: {{ " + "9" * 6000 + " }}",
}


LOOP = "{% for i in range(50000) %}BODY{% endfor %}\na: 1"
BIG = "{% set big = range(99999) | map('string') | list %}{% set text = big | join %}\n"
DEAR = {
    "lists sorted in a loop": "{% for i in range(300) %}{% set x = range(99999)|map('string')|sort|list %}{% endfor %}",
    "lists sorted without a loop": "{% set x = range(99999) | map('string') | sort | list %}" * 300,
    "constants made when it is compiled": "{{ range(99999) | sum }}" * 300,
    "many expressions in a loop": LOOP.replace("BODY", "{% set x = i + 1 - 1 + 1 - 1 + 1 - 1 %}" * 20),
    "loops in loops": LOOP.replace("BODY", "{% for j in range(1000) %}{% endfor %}"),
    "a filter over a long text": BIG + LOOP.replace("BODY", "{% set x = text | upper | length %}"),
    "a method of a long text": BIG + LOOP.replace("BODY", "{% set x = text.split('1') %}"),
    "a method that searches": BIG + LOOP.replace("BODY", "{% set x = text.count('99998') + text.find('z') %}"),
    "a long list joined": BIG + LOOP.replace("BODY", "{% set x = big | join(',') %}"),
    "a long list as JSON": BIG + LOOP.replace("BODY", "{% set x = big | to_json %}"),
    "a long list as text": BIG + LOOP.replace("BODY", "{% set x = [big] | string %}"),
    "a long list reversed": BIG + LOOP.replace("BODY", "{% set x = big | reverse | list %}"),
    "a long list cut": BIG + LOOP.replace("BODY", "{% set x = big[1:] %}"),
    "long lists added": BIG + LOOP.replace("BODY", "{% set x = big[:40000] + big[:40000] %}"),
    "long texts joined": BIG + LOOP.replace("BODY", "{% set x = text[:400000] ~ i %}"),
    "a search in a long list": BIG + LOOP.replace("BODY", "{% if 'z' in big %}{% endif %}"),
    "a test of a long list": BIG + LOOP.replace("BODY", "{% if 'z' is in(big) %}{% endif %}"),
    "a selection from a long list": BIG + LOOP.replace("BODY", "{% set x = big | select('eq', 'z') | list %}"),
    "long lists compared": BIG + LOOP.replace("BODY", "{% if big == (big | list) %}{% endif %}"),
    "replacements": BIG + LOOP.replace("BODY", "{% set x = text | replace('1', '2') %}"),
    "large numbers": LOOP.replace("BODY", "{% set x = ((10 ** 64) ** 15) * 7 // 3 %}" * 10),
    "long values in the document": BIG + "{% for i in range(9999) %}a{{ i }}: {{ text }}\n{% endfor %}",
    "long lists in the document": BIG + "{% for i in range(9999) %}a{{ i }}: {{ big }}\n{% endfor %}",
    "a macro with a long body": "{% macro m() %}" + "{% if 1 in [2, x] %}{% endif %}" * 500 + "{% endmacro %}"
    + "{% for i in range(9999) %}{% set y = m() is none %}{% endfor %}",
    "loops without a body": "{% for i in range(9999) %}" * 3 + "{% endfor %}" * 3,
    "a part with a long body": "{% for i in range(9999) %}{% include '_part' %}{% endfor %}",
    "a part that is imported": "{% for i in range(9999) %}{% import '_part' as p %}{% endfor %}",
    "fan of macros": FAN,
}  # fmt: skip


def of(source: str) -> TemplateSet:
    return TemplateSet({"t": source}, FILTERS, KnownNames(frozen={"values": {}}))


@pytest.mark.parametrize("source", [*UNBOUNDED.values(), *NOT_JSON.values()], ids=[*UNBOUNDED, *NOT_JSON])
def test_what_no_document_can_hold_is_an_error_that_names_the_template(source: str) -> None:
    with pytest.raises(RenderingError, match="template 't'"):
        of(source).render("t", {"x": 1, "values": {}})


@pytest.mark.parametrize("source", DEAR.values(), ids=DEAR)
def test_what_takes_too_many_steps_is_refused_with_its_line(source: str) -> None:
    """How soon is counted in steps, each of which is the work of a node, an item, or 32 characters."""
    part = "{% if 1 in [2, x] %}{% endif %}" * 500
    templates = TemplateSet({"t": source, "_part": part}, FILTERS)
    with (
        no_end_in_sight(),
        pytest.raises(RenderingError, match=r"template 't', line [12]: .* 500,000 steps for one pod"),
    ):
        templates.render("t", {"x": 1})


@pytest.mark.parametrize("name", ["json_annotation", "named_items", "pod_ports", "application_containers"])
def test_functions_of_a_large_pod_do_their_work_once(name: str) -> None:
    argument = "'a'" if name in ("json_annotation", "named_items") else ""
    text = f"{{% for i in range(9999) %}}{{% set x = {name}({argument}) %}}{{% endfor %}}\nmetadata: {{}}"
    annotations = {"a": json.dumps({str(number): {} for number in range(5_000)})}
    containers = [{"name": str(number), "image": "a", "ports": [{"containerPort": 1}]} for number in range(500)]
    pod = pod_of(annotations=annotations, containers=containers)
    configured = default_setup().configured
    given = TemplateInput(
        pod=pod_view(pod), workload=Workload("", "", "", ""), configured=configured,
        proxy_config=configured.proxy_config, native_sidecars=False, proxy_uid=1, proxy_gid=1, namespace={},
    )  # fmt: skip
    templates = TemplateSet({"t": text}, FILTERS, KnownNames(trusted=SAFE_FUNCTIONS))
    templates.render("t", scope_of(given))
    assert counted(lambda: templates.render("t", scope_of(given))) < 1_500_000


@pytest.mark.parametrize("source", TOO_MUCH_FOR_PYTHON.values(), ids=TOO_MUCH_FOR_PYTHON)
def test_what_python_cannot_compile_is_a_fault_of_the_template(source: str) -> None:
    with pytest.raises(TemplateFaults, match="template 't'"):
        of(source).check({"x", "values"})
    with pytest.raises(RenderingError, match="template 't'"):
        of(source).render("t", {"x": 1, "values": {}})


def test_within_the_bounds_everything_works_as_jinja_has_it() -> None:
    source = """
joined: {{ [1, "a", 2.5] | join("-") }}
attribute: {{ [{"n": "a"}, {"n": "b"}] | join(",", attribute="n") }}
method: {{ "-".join(["a", "b"]) }}
replaced: {{ "aaa" | replace("a", "b", 2) }}
by method: {{ "aaa".replace("a", "bb") }}
rounded: {{ 2.567 | round(1) }}
ceiling: {{ 2.1 | round(0, "ceil") }}
lists: {{ [x, [x, (x, 2)]] }}
mapping: {{ dict(a=x) | with_fields({"b": [x]}) }}
largest: {{ 2 ** 63 }}
smallest: {{ -(2 ** 63) }}
product: {{ 6 * 7.5 }}
"""
    assert of(source).render("t", {"x": 1, "values": {}}) == {
        "joined": "1-a-2.5",
        "attribute": "a,b",
        "method": "a-b",
        "replaced": "bba",
        "by method": "bbbbbb",
        "rounded": 2.6,
        "ceiling": 3.0,
        "lists": [1, [1, (1, 2)]],
        "mapping": {"a": 1, "b": [1]},
        "largest": 2**63,
        "smallest": -(2**63),
        "product": 45.0,
    }


def test_macros_that_call_themselves_a_few_times_still_do() -> None:
    source = "{% macro m(n) %}\n{% if n > 0 %}\n- {{ n }}\n{{ m(n - 1) }}\n{% endif %}\n{% endmacro %}\na:\n{{ m(20) }}"
    assert of(source).render("t", {"values": {}}) == {"a": list(range(20, 0, -1))}


@pytest.mark.parametrize("text", ["{{ '%s' % 'a' }}", "{{ ('%999999999d') % 1 }}", "{% set x = '%s' %}{{ x % 'a' }}"])
def test_text_is_not_formatted_with_percent(text: str) -> None:
    """`'%999999999d' % 1` is a gigabyte."""
    with pytest.raises(RenderingError, match="the % operator on text is not available"):
        TemplateSet({"t": f"a: '{text}'"}, FILTERS).render("t", {})


def test_a_remainder_of_numbers_is_one() -> None:
    assert TemplateSet({"t": "a: {{ 7 % 4 }}"}, FILTERS).render("t", {}) == {"a": 3}


def test_a_percent_sign_in_a_template_is_text() -> None:
    text = "a: '100% of {{ name }}%s %(x)s'\nb: {{ name }}"
    assert TemplateSet({"t": text}, FILTERS).render("t", {"name": "it%d"}) == {
        "a": "100% of it%d%s %(x)s",
        "b": "it%d",
    }
