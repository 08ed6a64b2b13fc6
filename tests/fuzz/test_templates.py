"""A template that somebody mistyped, or wrote in malice, is a fault that names it, or renders: in finite time."""

import re
from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.config import load
from injector.core.admission import admit_request
from injector.core.model import EMPTY_SNAPSHOT, Config
from injector.core.review import parse_review, respond
from injector.core.setup import set_up
from injector.core.template_check import template_faults
from tests.fuzz.effort import fuzzed_less, no_end_in_sight
from tests.fuzz.mutations import seeds
from tests.support import REPOSITORY, pod_of, review_of

TEMPLATES = "inject.istio.io/templates"
_PIECE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|\n|[^\n{]+|\{", re.DOTALL)
_NAMES = "pod values proxy_config annotation label native_sidecars namespace workload owner x ns loop".split()
_SPLINTERS = (
    "{{ pod }}", "{{ pod.spec.containers }}", "{{ pod.x.y }}", "{{ values }}", "{{ x }}", "{{ ns.x }}",
    "{{ loop.index }}", "{{ 1 / 0 }}", "{{ 10 ** 64 }}", "{{ [x, x] }}", "{{ annotation }}",
    "{{ annotation('a') | from_json }}", "{{ self }}", "{{ '' | list }}", "{{ range(9999) | list }}",
    "{{ 'a' | replace('', 'b') }}", "{{ caller() }}", "{{ refuse('no') }}", "{{ lookup() }}", "{{ ().__class__ }}",
    "{{ pod.get('spec').items() | list }}", "{{ 1e999 }}", "{{ none }}", "{{", "{% for x in pod.spec.containers %}",
    "{% for x in range(200) recursive %}", "{{ loop(range(3)) }}", "{% endfor %}", "{% if x %}", "{% else %}",
    "{% elif pod %}", "{% endif %}", "{% set x = x %}", "{% set x = [x, x] %}", "{% break %}",
    "{% set ns = namespace(x=pod) %}", "{% set ns.x = ns.x ~ ns.x %}", "{% set ns.x = [ns.x, ns.x] %}",
    "{% continue %}", "{% macro m(a=1) %}", "{% endmacro %}", "{{ m() }}", "{{ m(m) }}", "{% call m() %}",
    "{% endcall %}", "{% raw %}", "{% with x = 1 %}", "{% endwith %}", "{% do x %}", "{% include 'custom' %}",
    "{% include '_proxy' %}", "{% block b %}", "{% from '_proxy' import owner with context %}",
    "{% import '_proxy' as x %}", "{% extends '_proxy' %}", "{# ", " #}", "&a ", "*a", "<<: *a", "!!binary x",
    "!!set ", "- ", "? ", ": ", "  ", "\t", "---\n", "|\n", ">-\n", "\u2028", "\ue000", "[" * 300, "{a: " * 300,
    ".inf", "9" * 30, "name: istio-proxy\n", "$patch: replace\n", "spec:\n", "containers:\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def config() -> Config:
    return load().config


def sources() -> Mapping[str, str]:
    """The shipped templates and libraries, a custom one of the samples, and one with a bit of everything."""
    custom = load([REPOSITORY / "samples" / "custom-template" / "injector.yaml"]).config.templates
    shipped = load().config.templates
    seen = {name: text for name, text in custom.items() if name not in shipped}
    corpus = {f"corpus-{number}": text.decode() for number, text in enumerate(seeds("*.j2"))}
    return {**shipped, **seen, **corpus}


SOURCES = sources()


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str]:
    """A template, by name, in which pieces were taken out, moved, doubled, or stuck with splinters."""
    name = draw(st.sampled_from(sorted(SOURCES)))
    pieces = _PIECE.findall(SOURCES[name])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(pieces)))
        end = draw(st.integers(at, min(len(pieces), at + 4)))
        other = draw(st.integers(0, len(pieces)))
        change = draw(st.sampled_from(("splinter", "nothing", "doubled", "another", "another name")))
        word = draw(st.sampled_from(_NAMES))
        pieces[at:end] = {
            "splinter": [draw(st.sampled_from(_SPLINTERS))],
            "nothing": [],
            "doubled": pieces[at:end] * 2,
            "another": pieces[other : other + 3],
            "another name": [re.sub(r"[a-z_]+", word, piece, count=1) for piece in pieces[at:end]],
        }[change]
    return name, "".join(pieces)


@fuzzed_less
@given(template=mutated(), native=st.booleans())
def test_a_mutated_template_renders_or_is_named_as_at_fault(
    config: Config, template: tuple[str, str], native: bool
) -> None:
    name, text = template
    user = "sidecar" if name.startswith("_") else name
    used = {each: SOURCES[each] for each in SOURCES if each.startswith("_") or each == user}
    setup = set_up(replace(config, templates={**used, name: text}))
    annotations = {TEMPLATES: user, "sidecar.istio.io/nativeSidecar": str(native).lower()}
    request = parse_review(review_of(pod_of(annotations=annotations)))
    with no_end_in_sight():
        for fault in template_faults(setup):
            assert fault.template in used
            assert fault.line >= 1
        admission = admit_request(request, setup, EMPTY_SNAPSHOT)
        response = orjson.loads(respond(request, admission))["response"]
    assert response["allowed"] is admission.allowed
    if not admission.allowed:
        assert response["status"]["message"].startswith("failed to run injection template: ")
