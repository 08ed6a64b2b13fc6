"""Envoy's bootstrap as data: what the template `envoy` hands to its proxy.

Everything is a plain structure, made into JSON once and at the end, so no text of a pod can change its shape. Source:
the v3 API of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api.
"""

from injector.core.envoy.bootstrap import sidecar_bootstrap
from injector.core.envoy.settings import SidecarProxy, Tracing, sidecar_proxy, tracing_of

__all__ = ["SidecarProxy", "Tracing", "sidecar_bootstrap", "sidecar_proxy", "tracing_of"]
