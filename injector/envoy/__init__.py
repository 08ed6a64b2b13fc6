"""Envoy's bootstrap as data: what the template `envoy` hands to its proxy.

Everything is a plain structure, made into JSON once and at the end, so no text of a pod can change its shape. Source:
the v3 API of https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/api.
"""

from injector.envoy.peers import DEFAULT_OTHER_PEERS, KnownPeers, Peer, is_workload, known_peers
from injector.envoy.protocols import DEFAULT_PROTOCOLS, VALID, is_protocols, named_protocols, read_protocols
from injector.envoy.settings import Declared, SidecarProxy, Tracing, sidecar_proxy, tracing_of
from injector.envoy.sidecar import sidecar_bootstrap
from injector.envoy.warnings import Subject, standalone_warnings

__all__ = [
    "DEFAULT_OTHER_PEERS",
    "DEFAULT_PROTOCOLS",
    "VALID",
    "Declared",
    "KnownPeers",
    "Peer",
    "SidecarProxy",
    "Subject",
    "Tracing",
    "is_protocols",
    "is_workload",
    "known_peers",
    "named_protocols",
    "read_protocols",
    "sidecar_bootstrap",
    "sidecar_proxy",
    "standalone_warnings",
    "tracing_of",
]
