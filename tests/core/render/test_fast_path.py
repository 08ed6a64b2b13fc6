"""A template compiled for usual pods gives what it gives otherwise, for every pod that it is used for."""

from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.config import load
from injector.core.annotations import ANNOTATIONS, LABELS
from injector.core.model import JsonObject, Workload
from injector.core.render import KnownNames, RenderingError, TemplateSet
from injector.core.render.context import TemplateInput, configured_by, pod_view, scope_of
from injector.core.render.fast_path import usual_scopes
from injector.core.render.functions import FILTERS
from tests.support import pod_of

Texts: TypeAlias = dict[str, str]

CONFIG = load().config
CONFIGURED = configured_by(CONFIG)
PROXY_CONFIG = CONFIGURED.proxy_config
GENERAL = TemplateSet(CONFIG.templates, FILTERS)
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


@pytest.mark.parametrize("name", GENERAL.names)
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
    assert outcome(WITH_USUAL, name, names) == outcome(GENERAL, name, names)


@pytest.mark.parametrize("more", [{"interceptionMode": "TPROXY"}, {"proxyMetadata": {"A": "b"}}, {"statusPort": 0}])
def test_a_proxy_config_of_its_own(more: JsonObject) -> None:
    names = scope({}, {}, {**PROXY_CONFIG, **more})
    assert outcome(WITH_USUAL, "sidecar", names) == outcome(GENERAL, "sidecar", names)


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
    plain = TemplateSet(FAILING, FILTERS)
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
    assert usual.fits(scope({"note": "one"}, {}, PROXY_CONFIG))
    assert not usual.fits(scope({"sidecar.istio.io/logLevel": "debug"}, {}, PROXY_CONFIG))
