"""Envoy's configuration (API v3, as JSON) out of what a gateway listens on and where its requests go.

Source of every message and default: https://www.envoyproxy.io/docs/envoy/latest/api-v3/api.
"""

from injector.gateway.envoy.bootstrap import Observation, bootstrap

__all__ = ["Observation", "bootstrap"]
