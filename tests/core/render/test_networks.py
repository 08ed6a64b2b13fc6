"""The Multus network list (reference 5.6; an empty JSON list is where the contract differs on purpose)."""

import json

import pytest

from injector.core.render.networks import with_istio_network

OWN, ENTRY = "default/istio-cni", '{"name": "istio-cni", "namespace": "default"}'

LISTS = [
    ("", OWN),
    (" ", OWN),
    ("net1", f"net1, {OWN}"),
    ("net1, ns/net2", f"net1, ns/net2, {OWN}"),
    (OWN, OWN),
    (f"net1 ,{OWN} ", f"net1 ,{OWN} "),
    ("istio-cni", f"istio-cni, {OWN}"),
    ('[{"name": "net1"}]', f'[{{"name": "net1"}}, {ENTRY}]'),
    ('[{"name": "istio-cni"}]', f'[{{"name": "istio-cni"}}, {ENTRY}]'),
    (f"[{ENTRY}]", f"[{ENTRY}]"),
    ('[{"name": "a", "ips": ["1"]}]', f'[{{"name": "a", "ips": ["1"]}}, {ENTRY}]'),
    ("[net1]", "[net1]"),
    ("[1]", "[1]"),
    ("[]", f"[{ENTRY}]"),
    ("net1\n", f"net1 , {OWN}"),
    ("net1,\n  net2", f"net1, net2, {OWN}"),
    ('[\n  {"name": "net1"}\n]\n', f'[ {{"name": "net1"}} , {ENTRY}] '),
]


@pytest.mark.parametrize(("existing", "expected"), LISTS)
def test_istio_s_network_is_in_the_list_once(existing: str, expected: str) -> None:
    found = with_istio_network(existing)
    assert found == expected
    assert with_istio_network(found) == found


@pytest.mark.parametrize("existing", ["[]", '[{"name": "a"}]', '[\n{"name": "a"},\n{"name": "b"}]'])
def test_a_json_list_stays_one(existing: str) -> None:
    assert json.loads(with_istio_network(existing))[-1] == json.loads(ENTRY)
