"""Istio's Gateway and VirtualService turned into the static configuration of an ingress Envoy.

documents → checked resources → listeners, hosts and routes as data → Envoy's configuration. Nothing here reads a file
or asks a cluster: texts go in, a configuration or all faults come out.
"""

from injector.gateway.model import GatewayFaults
from injector.gateway.render import Options, Rendered, render

__all__ = ["GatewayFaults", "Options", "Rendered", "render"]
