"""What is decided when a template is compiled means the same as before, for every pod that it is used for."""

from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.config import load
from injector.core.annotations import ANNOTATIONS, LABELS
from injector.core.model import JsonObject, Workload
from injector.core.render import KnownNames, RenderingError, TemplateSet
from injector.core.render.context import TemplateInput, configured_by, pod_view, scope_of
from injector.core.render.functions import FILTERS, first_nonempty
from injector.core.render.partial_evaluation import usual_scopes
from injector.core.render.template_set import fits
from tests.support import pod_of


@pytest.fixture(scope="module", autouse=True)
def both_ways() -> None:
    """None: these tests compare the two ways themselves."""


# What the configuration decides.

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
    assert folded.render("t", scope) == TemplateSet({"t": template}, FILTERS, optimise=False).render("t", scope)


def test_a_constant_is_data_like_any_other_value() -> None:
    result = TemplateSet({"t": "spec: {a: {{ values.a }}, b: {{ '{}' }}}"}, FILTERS, KnownNames(frozen=FROZEN))
    assert result.render("t", FROZEN) == {"spec": {"a": FROZEN["values"]["a"], "b": "{}"}}


def test_a_constant_with_the_characters_of_a_mark_stays_that_text() -> None:
    known = KnownNames(frozen={"values": {"a": "\ue0000\ue001 \ue000c0\ue001"}})
    result = TemplateSet({"t": "spec: {a: 'x{{ values.a }}{{ pod }}'}"}, FILTERS, known).render(
        "t", {**known.frozen, "pod": "p"}
    )
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


# What pods without annotations of their own decide.

Texts: TypeAlias = dict[str, str]

CONFIG = load().config
CONFIGURED = configured_by(CONFIG)
PROXY_CONFIG = CONFIGURED.proxy_config
PLAIN = TemplateSet(CONFIG.templates, FILTERS, optimise=False)
WITH_USUAL = TemplateSet(CONFIG.templates, FILTERS, usual=usual_scopes(CONFIGURED))

values = st.sampled_from(
    ["true", "false", "", "0", "15021", "NONE", "TPROXY", "REDIRECT", '{"a": {"b": "c"}}', "a\nb: c"]
)


def scope(annotations: Texts, labels: Texts, proxy_config: JsonObject, **other: Any) -> dict[str, Any]:
    usual = {"native_sidecars": True, "proxy_uid": 1337, "proxy_gid": 1337}
    given_ = TemplateInput(
        pod=pod_view(pod_of(annotations=annotations, labels=labels)),
        workload=Workload("shop", "default", "Deployment", "apps/v1"),
        configured=CONFIGURED,
        proxy_config=proxy_config,
        namespace={},
        **{**usual, **other},
    )
    return scope_of(given_)


def outcome(templates: TemplateSet, name: str, names: dict[str, Any]) -> JsonObject | str:
    try:
        return templates.render(name, names)
    except RenderingError as error:
        return str(error)


@pytest.mark.parametrize("name", PLAIN.names)
@given(
    annotations=st.dictionaries(st.sampled_from(sorted(ANNOTATIONS)) | st.text(), values, max_size=3),
    labels=st.dictionaries(st.sampled_from(sorted(LABELS)), values, max_size=2),
    native_sidecars=st.booleans(),
    proxy_uid=st.sampled_from([1337, 1000650000]),
)
def test_whatever_a_pod_says_of_its_own(
    name: str, annotations: Texts, labels: Texts, native_sidecars: bool, proxy_uid: int
) -> None:
    names = scope(annotations, labels, PROXY_CONFIG, native_sidecars=native_sidecars, proxy_uid=proxy_uid)
    assert outcome(WITH_USUAL, name, names) == outcome(PLAIN, name, names)


@pytest.mark.parametrize("more", [{"interceptionMode": "TPROXY"}, {"proxyMetadata": {"A": "b"}}, {"statusPort": 0}])
def test_a_proxy_config_of_its_own(more: JsonObject) -> None:
    names = scope({}, {}, {**PROXY_CONFIG, **more})
    assert outcome(WITH_USUAL, "sidecar", names) == outcome(PLAIN, "sidecar", names)


def test_a_part_that_is_compiled_on_the_way_may_ask_for_more() -> None:
    """An annotation that only an included template looks at is seen too late by whoever asks just before rendering."""
    sources = {
        "t": "{% for part in ['_part'] %}{% include part %}{% endfor %}",
        "_part": "metadata: {name: '{{ annotation('note', 'none') }}'}",
    }
    templates = TemplateSet(sources, FILTERS, KnownNames(), usual_scopes(CONFIGURED))
    assert templates.render("t", scope({"note": "one"}, {}, PROXY_CONFIG)) == {"metadata": {"name": "one"}}
    assert templates.render("t", scope({}, {}, PROXY_CONFIG)) == {"metadata": {"name": "none"}}


FAILING = {
    "refuses": "{% set role = annotation('role') %}{% if not role %}{{ refuse('role is needed') }}{% endif %}\n"
    "metadata: {labels: {role: '{{ role }}'}}",
    "indexes": "{% set parts = annotation('role', 'x').split(',') %}\nmetadata: {name: '{{ parts[1] }}'}",
    "indexes in place": "metadata: {name: '{{ annotation('role', 'x').split(',')[1] }}'}",
    "divides": "metadata: {name: '{{ 12 // (annotation('role', '0') | int) }}'}",
    "asks for a key": "metadata: {name: '{{ {'pay': 1}[annotation('role')] }}'}",
    "parses": "metadata: {labels: {{ json_annotation('role') }}}",
    "includes": "{% include annotation('role', 'missing') %}",
    "writes text": "metadata: {name: a{% if not annotation('role') %}: b: c{% endif %}}",
    "asks elsewhere": "{% if label('app') %}{{ refuse('not this app') }}{% endif %}\n"
    "metadata: {name: '{{ annotation('other').split(',')[1] }}'}",
    "never fails": "metadata: {name: '{{ annotation('role', 'none') }}', labels: {a: '{{ annotation('other') }}'}}",
    "pay": "metadata: {name: included}",
}
roles = st.sampled_from(["", "pay", "a,b", "0", "3", '{"a": "b"}'])
arrivals = st.lists(
    st.tuples(
        st.sampled_from(sorted(FAILING)),
        st.dictionaries(st.sampled_from(["role", "other", "note"]), roles),
        st.dictionaries(st.just("app"), st.just("shop")),
        st.booleans(),
    ),
    max_size=8,
)


@given(arrivals)
def test_an_answer_does_not_depend_on_the_pods_before(pods: list[tuple[str, Texts, Texts, bool]]) -> None:
    plain = TemplateSet(FAILING, FILTERS, optimise=False)
    templates = TemplateSet(FAILING, FILTERS, usual=usual_scopes(CONFIGURED))
    for name, annotations, labels, native in pods:
        names = scope(annotations, labels, PROXY_CONFIG, native_sidecars=native)
        assert outcome(templates, name, names) == outcome(plain, name, names)


def test_a_shorter_form_that_does_not_compile_is_tried_once() -> None:
    usual = usual_scopes(CONFIGURED)[0]
    templates = TemplateSet(FAILING, FILTERS, usual=[usual])
    for annotations in ({"role": "a,b"}, {}):
        outcome(templates, "indexes", scope(annotations, {}, PROXY_CONFIG))
    usual.annotations.asked.clear()
    outcome(templates, "indexes", scope({}, {}, PROXY_CONFIG))
    assert not usual.annotations.asked


def test_the_usual_scope_is_really_used() -> None:
    """Else the properties above would hold without it."""
    usual = usual_scopes(CONFIGURED)[0]
    TemplateSet(CONFIG.templates, FILTERS, usual=[usual]).render("sidecar", scope({}, {}, PROXY_CONFIG))
    assert "sidecar.istio.io/interceptionMode" in usual.annotations.asked
    assert fits(usual, scope({"note": "one"}, {}, PROXY_CONFIG))
    assert not fits(usual, scope({"sidecar.istio.io/logLevel": "debug"}, {}, PROXY_CONFIG))


ASSIGNED_AGAIN = {
    "in a branch that a pod decides": "{% set v = 'a' %}{% if pod %}{% set v = 'b' %}{% endif %}\nx: '{{ v }}'",
    "after its use": "{% set v = 'a' %}\nx: '{{ v }}'\n{% set v = 'b' %}\ny: '{{ v }}'",
    "from itself": "{% set v = 'a' %}{% set v = v ~ 'b' %}\nx: '{{ v }}'",
    "in a loop": "{% set v = 'a' %}{% for i in [1, 2] %}{% set v = 'b' %}{% endfor %}\nx: '{{ v }}'",
    "as the name of a loop": "{% set v = 'a' %}\nx:\n{% for v in ['b'] %}\n- '{{ v }}'\n{% endfor %}\ny: '{{ v }}'",
    "as a parameter": "{% set v = 'a' %}{% macro m(v) %}\nx: '{{ v }}'\n{% endmacro %}\n{{ m('b') }}\ny: '{{ v }}'",
    "together with another": "{% set v = 'a' %}{% set v, w = 'b', 'c' %}\nx: '{{ v }}{{ w }}'",
    "over a name of the configuration": "{% set values = {'seven': 8} %}\nx: {{ values.seven }}",
}


@pytest.mark.parametrize("text", ASSIGNED_AGAIN.values(), ids=ASSIGNED_AGAIN)
@pytest.mark.parametrize("pod", [True, False])
def test_a_name_that_is_assigned_again_has_its_value_of_the_moment(text: str, pod: bool) -> None:
    plain = TemplateSet({"t": text}, FILTERS, KnownNames(frozen=FROZEN), optimise=False)
    folded = TemplateSet({"t": text}, FILTERS, KnownNames(frozen=FROZEN))
    assert folded.render("t", {**FROZEN, "pod": pod}) == plain.render("t", {**FROZEN, "pod": pod})
