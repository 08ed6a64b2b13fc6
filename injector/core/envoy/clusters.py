"""Where connections go on to."""

from injector.core.envoy.extensions import socket
from injector.core.envoy.http import http2_upstream_options, upstream_options
from injector.core.envoy.settings import Tracing
from injector.core.envoy.telemetry import TRACING_CLUSTER
from injector.core.model import JsonObject

ADMIN_PORT = 15000
ADMIN, NOWHERE = "admin", "nowhere"
_CONNECT_TIMEOUT = "10s"
_NO_LIMIT = 2**32 - 1
_LIMITS = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), _NO_LIMIT)


def original_destination(name: str) -> JsonObject:
    """Each connection goes on to the address that it was made to; statistics are kept for each of these."""
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": _CONNECT_TIMEOUT,
        "circuit_breakers": {"thresholds": [_LIMITS]},
        # A service balances connections: one that the application opens has to stay one of its own.
        "connection_pool_per_downstream_connection": True,
        "track_cluster_stats": {"per_endpoint_stats": True},
        "typed_extension_protocol_options": upstream_options(),
    }


def nowhere() -> JsonObject:
    """A cluster without an endpoint: connections that may not go on end here."""
    return {"name": NOWHERE, "type": "STATIC", "connect_timeout": _CONNECT_TIMEOUT}


def admin() -> JsonObject:
    """The proxy's own administration interface."""
    return _named(ADMIN, "STATIC", "127.0.0.1", ADMIN_PORT)


def collector(tracing: Tracing) -> JsonObject:
    """Where spans are collected, found by name."""
    cluster = _named(TRACING_CLUSTER, "STRICT_DNS", tracing.host, tracing.port)
    if not tracing.path:
        cluster["typed_extension_protocol_options"] = http2_upstream_options()
    return {**cluster, "dns_lookup_family": "ALL", "respect_dns_ttl": True}


def _named(name: str, kind: str, host: str, port: int) -> JsonObject:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": socket(host, port)}}]}]
    return {
        "name": name,
        "type": kind,
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }
