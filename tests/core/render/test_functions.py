"""The images of injected containers (reference 5.3)."""

import json
from typing import Any

import pytest

from injector.core.render.functions import ISTIO_NETWORK, container_image, with_network

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
