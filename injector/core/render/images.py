"""The image of an injected container (reference 5.3)."""

from collections.abc import Mapping
from typing import Any

from injector.core.model import JsonObject
from injector.core.render.text import go_text

_IMAGE = "sidecar.istio.io/proxyImage"
_IMAGE_TYPE = "sidecar.istio.io/proxyImageType"
_DEFAULT_NAME = "proxyv2"
_KNOWN_SUFFIXES = ("-distroless", "-debug")


def asks_for_image(annotations: Mapping[str, str]) -> bool:
    """Whether a pod has a word on its images."""
    return _IMAGE in annotations or _IMAGE_TYPE in annotations


def container_images(values: JsonObject, proxy_config: JsonObject, annotations: Mapping[str, str]) -> tuple[str, str]:
    """The images of proxy and init container under these values, of a pod with this ProxyConfig and annotations."""
    proxy, init = (container_image(which, values, proxy_config, annotations) for which in ("proxy", "proxy_init"))
    return proxy, init


def container_image(
    component: str, values: JsonObject, proxy_config: JsonObject, annotations: Mapping[str, str]
) -> str:
    """The image of `component` (`proxy` or `proxy_init`): a full name as given, else of hub, name, type and tag."""
    settings: Mapping[str, Any] = values["global"]
    name = go_text((settings.get(component) or {}).get("image") or _DEFAULT_NAME)
    wanted = annotations.get(_IMAGE, name)
    if "/" in wanted:
        return wanted
    configured = (proxy_config.get("image") or {}).get("imageType") if component == "proxy" else None
    image_type = annotations.get(_IMAGE_TYPE, configured or settings.get("variant") or "")
    return f"{go_text(settings.get('hub'))}/{name}:{_tag(go_text(settings.get('tag')), image_type)}"


def _tag(tag: str, image_type: str) -> str:
    if not image_type:
        return tag
    suffix = next((suffix for suffix in _KNOWN_SUFFIXES if tag.endswith(suffix)), "")
    base = tag.removesuffix(suffix)
    return base if image_type == "default" else f"{base}-{image_type}"
