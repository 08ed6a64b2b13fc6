"""What operators deny is refused with the rule and where to ask; nothing else is."""

from pathlib import Path
from typing import Any

import pytest

from injector.config import ConfigFaults
from injector.core.denied import described
from injector.core.model import Snapshot
from injector.core.setup import Setup
from tests.support import admitted, pod_of, setup_of

SIDECAR = "sidecar.istio.io/"
RESTRICTED = "deniedAnnotations: [{preset: restricted, namespaceSelector: {matchLabels: {tenant: 'true'}}}]"
TENANT = Snapshot({"apps": {"metadata": {"name": "apps", "labels": {"tenant": "true"}}}})
OURS = Snapshot({"apps": {"metadata": {"name": "apps", "labels": {"team": "mesh"}}}})


def outcome(setup: Setup, annotations: dict[str, str], snapshot: Snapshot = TENANT, **spec: Any) -> str:
    """The message of the refusal; empty where the pod is admitted."""
    pod = pod_of(labels={f"{SIDECAR}inject": "true"}, annotations=annotations, **spec)
    admission = admitted(pod, setup, snapshot, namespace="apps")
    assert admission.allowed == (not admission.message)
    return admission.message


@pytest.mark.parametrize(
    ("rule", "name", "value", "denied"),
    [
        ("annotations: ['sidecar.istio.io/proxy*']", f"{SIDECAR}proxyCPU", "1", True),
        ("annotations: ['sidecar.istio.io/proxy*']", f"{SIDECAR}logLevel", "debug", False),
        ("annotations: ['*/logLevel'], values: [trace, 'd?bug']", f"{SIDECAR}logLevel", "debug", True),
        ("annotations: ['*/logLevel'], values: [trace, 'd?bug']", f"{SIDECAR}logLevel", "info", False),
        ("annotations: ['*/logLevel'], values: [trace]", f"{SIDECAR}logLevel", "trace\n", False),
        ("annotations: ['*'], values: ['[x]']", f"{SIDECAR}logLevel", "x", False),
        ("annotations: ['*'], values: ['[x]']", f"{SIDECAR}logLevel", "[x]", True),
        ("annotations: ['*'], values: ['*a*b*']", f"{SIDECAR}logLevel", "xa\nyb", True),
    ],
)
def test_globs_of_names_and_values(tmp_path: Path, rule: str, name: str, value: str, denied: bool) -> None:
    message = outcome(setup_of(tmp_path, f"deniedAnnotations: [{{{rule}}}]"), {name: value})
    assert bool(message) == denied
    if denied:
        assert name in message
        assert "deniedAnnotations[0]" in message
        assert "ask the operators" in message


def test_the_rule_s_own_words_say_where_to_ask(tmp_path: Path) -> None:
    rule = "{annotations: ['*/proxyCPU'], message: see https://wiki.example.com/mesh}"
    message = outcome(setup_of(tmp_path, f"deniedAnnotations: [{rule}]"), {f"{SIDECAR}proxyCPU": "1"})
    assert message.endswith("see https://wiki.example.com/mesh")


def test_a_glob_of_many_stars_costs_no_more_than_its_text(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, f"deniedAnnotations: [{{annotations: ['*'], values: ['{'*a' * 30}*b']}}]")
    assert not outcome(setup, {f"{SIDECAR}logLevel": "a" * 200_000})


EVASIONS = {
    "user volume": {f"{SIDECAR}userVolume": r'{"n": {"host\u0050ath": {"path": "/"}}}'},
    "user volumes as a list": {f"{SIDECAR}userVolume": '[{"name": "n", "hostPath": {"path": "/"}}]'},
    "image of a ProxyConfig": {"proxy.istio.io/config": r'{"im\u0061ge": {"imageType": "debug"}}'},
    "mode of a ProxyConfig": {"proxy.istio.io/config": '"interceptionMode": "TPR\\x4fXY"'},
    "tracing of a ProxyConfig": {"proxy.istio.io/config": 'proxyMetadata: {"IPTABLES_TRACE_LOGGIN\\x47": "true"}'},
    "proxy image": {f"{SIDECAR}proxyImage": "evil/proxy:1"},
    "templates": {"inject.istio.io/templates": "sidecar"},
    "mode": {f"{SIDECAR}interceptionMode": "TPROXY"},
}


@pytest.mark.parametrize("case", EVASIONS)
def test_the_preset_denies_what_gives_a_proxy_more(tmp_path: Path, case: str) -> None:
    setup = setup_of(tmp_path, RESTRICTED)
    message = outcome(setup, EVASIONS[case])
    assert "deniedAnnotations[0] (restricted)" in message
    assert not outcome(setup, EVASIONS[case], OURS)


@pytest.mark.parametrize(
    "harmless",
    [
        {f"{SIDECAR}userVolume": '{"n": {"emptyDir": {}}}'},
        {f"{SIDECAR}interceptionMode": "REDIRECT"},
        {"proxy.istio.io/config": "concurrency: 2"},
        {f"{SIDECAR}proxyCPU": "100m"},
    ],
)
def test_the_preset_leaves_everything_else_alone(tmp_path: Path, harmless: dict[str, str]) -> None:
    assert not outcome(setup_of(tmp_path, RESTRICTED), harmless)


@pytest.mark.parametrize("field", [{"image": "evil"}, {"securityContext": {"privileged": True}}, {"command": ["sh"]}])
def test_the_preset_denies_an_own_proxy_container(tmp_path: Path, field: dict[str, Any]) -> None:
    own = [{"name": "app", "image": "app"}, {"name": "istio-proxy", "image": "auto", **field}]
    assert "istio-proxy" in outcome(setup_of(tmp_path, RESTRICTED), {}, containers=own)
    plain = [{"name": "app", "image": "app"}, {"name": "istio-proxy", "image": "auto", "env": [{"name": "A"}]}]
    assert not outcome(setup_of(tmp_path, RESTRICTED), {}, containers=plain)


def test_a_rule_for_some_namespaces_holds_where_the_namespace_is_not_known(tmp_path: Path) -> None:
    assert outcome(setup_of(tmp_path, RESTRICTED), EVASIONS["proxy image"], Snapshot({}))


def test_the_injected_pod_is_not_refused_on_a_second_pass(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, RESTRICTED)
    pod = pod_of(labels={f"{SIDECAR}inject": "true"})
    once = admitted(pod, setup, TENANT, namespace="apps")
    assert admitted(once.pod, setup, TENANT, namespace="apps").patch == ()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{}", "needs annotations"),
        ("{preset: strict}", "restricted"),
        ("{values: [x], preset: restricted}", "belongs to annotations"),
        ("{annotation: [x]}", "annotations"),
    ],
)
def test_a_rule_that_says_nothing_is_a_fault(tmp_path: Path, rule: str, expected: str) -> None:
    with pytest.raises(ConfigFaults, match=expected):
        setup_of(tmp_path, f"deniedAnnotations: [{rule}]")


def test_a_rule_is_described_by_what_it_denies_and_where(tmp_path: Path) -> None:
    rule = "{preset: restricted, namespaceSelector: {matchLabels: {tenant: 'true'}}}"
    text = f"deniedAnnotations: [{{annotations: ['a*', b], values: [x]}}, {rule}]"
    rules = setup_of(tmp_path, text).config.denied_annotations
    assert [described(rule) for rule in rules] == [
        "denies annotations a*, b with values x in every namespace",
        "denies preset restricted in namespaces with tenant In true",
    ]
