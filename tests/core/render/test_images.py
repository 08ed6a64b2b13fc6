"""The images of injected containers (reference 5.3)."""

from typing import Any

import pytest

from injector.core.render.images import container_image

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
