"""Istio's Gateways and what belongs to them, turned into the static configuration of an ingress Envoy.

documents → those that count for the gateway, validated → listeners, hosts, routes and upstreams as data → Envoy's
configuration. Nothing here reads a file or asks a cluster: texts go in, a configuration or all faults come out.
"""

from injector.gateway.envoy_listeners import normalization_of, topology_of
from injector.gateway.model import GatewayFaults
from injector.gateway.render import Options, Rendered, render

__all__ = ["GatewayFaults", "Options", "Rendered", "normalization_of", "render", "topology_of"]
