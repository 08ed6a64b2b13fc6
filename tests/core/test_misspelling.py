"""Misspelt annotations and labels: a warning with the nearest known name (contract, last table)."""

import pytest

from injector.core.annotations import ANNOTATIONS, LABELS
from injector.core.misspelling import by_domain, misspelt
from tests.support import admitted, default_setup, pod_of


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("sidecar.istio.io/proxyCpu", "sidecar.istio.io/proxyCPU"),
        ("sidecar.istio.io/proxyMemoryLimits", "sidecar.istio.io/proxyMemoryLimit"),
        ("traffic.sidecar.istio.io/excludeInboundPort", "…/excludeInboundPorts"),
        ("sidecar.istio.io/excludeInboundPorts", "…/excludeInboundPorts"),
        ("trafic.sidecar.istio.io/excludeInboundPorts", "…/excludeInboundPorts"),
        ("proxy.istio.io/configs", "proxy.istio.io/config"),
        ("inject.istio.io/template", "inject.istio.io/templates"),
        ("status.sidecar.istio.io/ports", "status.sidecar.istio.io/port"),
        ("sidecar.istio.io/interceptionmode", "sidecar.istio.io/interceptionMode"),
    ],
)
def test_a_misspelt_annotation_names_the_nearest(name: str, nearest: str) -> None:
    assert misspelt({name: "x"}, {}) == [
        f'annotation "{name}" is not known; did you mean "{nearest}"?'
    ]  # fmt: skip


def test_warnings_are_few_and_short() -> None:
    """An API server shows 120 characters of each, and hands on 4 KiB of them all."""
    names = [f"sidecar.istio.io/proxyCPU{number}" for number in range(1_000)]
    found = admitted(
        pod_of(annotations=dict.fromkeys([*names, f"sidecar.istio.io/{'a' * 5_000}"], "")), default_setup()
    )
    assert len(found.warnings) == 5
    assert all(len(warning) <= 120 for warning in found.warnings)
    assert found.warnings[-1] == "997 more annotations with unknown names were not looked at"


def test_known_names_and_those_of_others_are_fine() -> None:
    others = ["example.com/sidecar", "networking.istio.io/exportTo", "plain", "a.io/b"]
    assert misspelt(dict.fromkeys([*ANNOTATIONS, *others], "x"), {}) == []
    assert misspelt({}, dict.fromkeys([*LABELS, *others], "x")) == []


def test_a_name_that_is_near_to_none_is_not_known() -> None:
    assert misspelt({}, {"sidecar.istio.io/zzzzzz": "x"}) == ['label "sidecar.istio.io/zzzzzz" is not known']


def test_an_annotation_that_has_to_be_a_label_is_told_so() -> None:
    (found,) = misspelt({"topology.istio.io/network": "n"}, {})
    assert found == 'annotation "topology.istio.io/network" has no effect: make it a label'


def test_the_warning_goes_along_with_the_answer_also_of_a_pod_that_is_skipped() -> None:
    for labels in ({"app": "a"}, {"sidecar.istio.io/inject": "false"}):
        pod = pod_of(annotations={"sidecar.istio.io/proxyCpu": "1"}, labels=labels)
        admission = admitted(pod, default_setup())
        assert admission.allowed
        assert len(admission.warnings) == 1


def test_few_of_a_domain_that_templates_ask_about_are_looked_at() -> None:
    asked = by_domain([f"a.example/name{number}" for number in range(100)])
    found = misspelt({f"a.example/nam{number}": "" for number in range(1_000)}, {}, asked)
    assert 0 < len(found) < 10
