"""Envoy's bootstrap as data: what the template `envoy` hands to its proxy.

Everything is a plain structure, made into JSON once and at the end, so no text of a pod can change its shape. Source:
the v3 API of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api.
"""

from injector.envoy.settings import SidecarProxy, Tracing, sidecar_proxy, tracing_of
from injector.envoy.sidecar import sidecar_bootstrap

__all__ = ["SidecarProxy", "Tracing", "sidecar_bootstrap", "sidecar_proxy", "tracing_of"]
