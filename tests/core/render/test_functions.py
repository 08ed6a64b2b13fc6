"""Functions and filters: images of injected containers (reference 5.3), networks, numbers, and what is not there."""

import json
from typing import Any

import pytest

from injector.core.render import RenderingError, TemplateSet
from injector.core.render.functions import FILTERS, ISTIO_NETWORK, container_image, with_network

IMAGE, TYPE = "sidecar.istio.io/proxyImage", "sidecar.istio.io/proxyImageType"


def image(
    component: str = "proxy", annotations: dict[str, str] | None = None, image_type: str = "", **settings: Any
) -> str:
    values = {"global": {"hub": "hub", "tag": "1", "variant": "", **settings}}
    return container_image(component, values, {"image": {"imageType": image_type}}, annotations or {})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (image(), "hub/proxyv2:1"),
        (image(proxy={"image": ""}), "hub/proxyv2:1"),
        (image(proxy={"image": "own"}), "hub/own:1"),
        (image("proxy_init", proxy={"image": "own"}), "hub/proxyv2:1"),
        (image("proxy_init", proxy_init={"image": "init"}), "hub/init:1"),
        (image(proxy={"image": "reg/own:2"}), "reg/own:2"),
        (image("proxy_init", proxy={"image": "reg/own:2"}), "hub/proxyv2:1"),
        (image(annotations={IMAGE: "reg/x"}, proxy={"image": "reg/own:2"}), "reg/x"),
        (image("proxy_init", {IMAGE: "reg/x"}), "reg/x"),
        (image(annotations={IMAGE: "x"}), "hub/proxyv2:1"),
        (image(annotations={IMAGE: ""}), "hub/proxyv2:1"),
        (image(tag=11), "hub/proxyv2:11"),
        (image(tag=1.12), "hub/proxyv2:1.12"),
        (image(variant="distroless"), "hub/proxyv2:1-distroless"),
        (image(image_type="debug", variant="distroless"), "hub/proxyv2:1-debug"),
        (image("proxy_init", image_type="debug", variant="distroless"), "hub/proxyv2:1-distroless"),
        (image(annotations={TYPE: "debug"}, variant="distroless"), "hub/proxyv2:1-debug"),
        (image("proxy_init", {TYPE: "debug"}), "hub/proxyv2:1-debug"),
        (image(annotations={TYPE: ""}, variant="distroless"), "hub/proxyv2:1"),
        (image(tag="1-distroless"), "hub/proxyv2:1-distroless"),
        (image(tag="1-distroless", variant="debug"), "hub/proxyv2:1-debug"),
        (image(tag="1-debug-distroless", variant="default"), "hub/proxyv2:1-debug"),
        (image(tag="1-debug", variant="default"), "hub/proxyv2:1"),
        (image(tag="1-alpha", variant="debug"), "hub/proxyv2:1-alpha-debug"),
    ],
)
def test_the_image_follows_from_hub_name_type_and_tag(found: str, expected: str) -> None:
    assert found == expected


# The Multus network list (reference 5.6; an empty JSON list is where the contract differs on purpose).

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
    found = with_network(existing, ISTIO_NETWORK)
    assert found == expected
    assert with_network(found, ISTIO_NETWORK) == found


@pytest.mark.parametrize("existing", ["[]", '[{"name": "a"}]', '[\n{"name": "a"},\n{"name": "b"}]'])
def test_a_json_list_stays_one(existing: str) -> None:
    assert json.loads(with_network(existing, ISTIO_NETWORK))[-1] == json.loads(ENTRY)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'12' | int", 12),
        ("' 12 ' | int", 12),
        ("'1.9' | int", 1),
        ("1.9 | int", 1),
        ("true | int", 1),
        ("'ff' | int(base=16)", 255),
        ("'x' | int(7)", 7),
        ("none | int(0)", 0),
        ("'x' | int(default=none)", None),
        ("'1.5' | float", 1.5),
        ("'x' | float(0.5)", 0.5),
    ],
)
def test_numbers(expression: str, value: Any) -> None:
    assert TemplateSet({"t": f"a: [{{{{ {expression} }}}}, 1]"}, FILTERS).render("t", {}) == {
        "a": [1] if value is None else [value, 1]
    }


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("'abc' | int", "must be an integer, got 'abc'; a default is given as in int\\(0\\)"),
        ("'' | int", "must be an integer, got ''"),
        ("none | int", "must be an integer, got null"),
        ("'1e999' | float", "must be a number, got '1e999'"),
        ("'1e999' | int", "must be an integer, got '1e999'"),
        ("'x' | float", "must be a number, got 'x'; a default is given as in float\\(0\\)"),
        ("[1] | int", "must be an integer, got \\[1\\]"),
        ("values.globl", "unknown key 'globl'; did you mean 'global'\\?"),
        ("values.other", "unknown key 'other'; valid: global"),
        ("{}.other", "unknown key 'other'; it is empty"),
        ("'a'.uper()", "'a' has no attribute 'uper'; did you mean 'upper'\\?"),
        ("'a' | lenght", "unknown filter 'lenght'; did you mean 'length'\\?"),
        ("'a' is strng", "unknown test 'strng'; did you mean 'string'\\?"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(expression: str, message: str) -> None:
    text = f"a: 1\nb: {{{{ {expression} }}}}"
    with pytest.raises(RenderingError, match=f"template 't', line 2: .*{message}"):
        TemplateSet({"t": text}, FILTERS).render("t", {"values": {"global": {}}})
