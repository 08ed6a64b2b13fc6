"""What templates see of the configuration: worked out once, the same for all pods under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.model import Config, JsonObject
from injector.core.render.images import container_images
from injector.core.render.text import first_nonempty


@dataclass(frozen=True, slots=True)
class Configured:
    """What is the same for all pods under one configuration.

    `names` are those in scope that say nothing of a pod, `proxy_config` is the mesh's default ProxyConfig as templates
    see it, `images` are those of proxy and init container of a pod that asks for no other.
    """

    config: Config
    names: Mapping[str, Any]
    proxy_config: JsonObject
    images: tuple[str, str]


def configured_by(config: Config) -> Configured:
    """What is the same for all pods under `config`."""
    proxy_config = proxy_config_view(config.mesh_config["defaultConfig"])
    return Configured(config, _names_of(config), proxy_config, container_images(config.values, proxy_config, {}))


def proxy_config_view(proxy_config: JsonObject) -> JsonObject:
    """The ProxyConfig as templates see it: the fields that every template asks for are always there."""
    return {"interceptionMode": "REDIRECT", "proxyMetadata": {}, **proxy_config}


def _names_of(config: Config) -> dict[str, Any]:
    mode = (config.mesh_config.get("inboundTrafficPolicy") or {}).get("mode")
    return {
        "values": config.values,
        "mesh_config": config.mesh_config,
        "revision": config.revision or "default",
        "inbound_traffic_policy_mode": "localhost" if mode == "LOCALHOST" else "passthrough",
        "compliance_policy": config.compliance_policy,
        "first_nonempty": first_nonempty,
    }
