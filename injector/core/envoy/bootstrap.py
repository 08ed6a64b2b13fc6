"""The bootstrap of a sidecar: all of it static, for there is nobody to ask for more."""

from injector.core.envoy.clusters import ADMIN_PORT, admin, collector, nowhere, original_destination
from injector.core.envoy.extensions import socket
from injector.core.envoy.listeners import inbound, outbound, prometheus, readiness
from injector.core.envoy.settings import SidecarProxy
from injector.core.model import JsonObject


def sidecar_bootstrap(proxy: SidecarProxy) -> JsonObject:
    """The bootstrap of `proxy`, for `envoy --config-yaml`, which takes JSON as well."""
    clusters = [original_destination("inbound"), original_destination("outbound"), nowhere(), admin()]
    if proxy.tracing:
        clusters.append(collector(proxy.tracing))
    return {
        "admin": {"address": socket("127.0.0.1", ADMIN_PORT)},
        "static_resources": {
            "listeners": [
                inbound(proxy),
                outbound(proxy),
                prometheus(proxy),
                readiness(proxy),
            ],
            "clusters": clusters,
        },
    }
