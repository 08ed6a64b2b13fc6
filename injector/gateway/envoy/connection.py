"""The HTTP connection manager of a chain: routes, access log, tracing, and what an edge takes from its clients.

Source of the settings for clients that are not trusted:
https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge.
"""

from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.envoy.http import request_log, request_statistics, tracing
from injector.gateway.envoy.filters import http_filters
from injector.gateway.envoy.route import envoy_route
from injector.gateway.model import FilterChain, VirtualHost

_NETWORK = "type.googleapis.com/envoy.extensions.filters.network"
# What statistics and access log call the traffic of a gateway.
_DIRECTION, _DESTINATION, _SERVICE = "gateway", "%REQ(:AUTHORITY)%", "gateway"


def connection_manager(chain: FilterChain, spans: Tracing | None) -> JsonObject:
    """The network filter that serves one chain's requests."""
    settings = {
        "@type": f"{_NETWORK}.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": chain.name,
        "codec_type": "AUTO",
        "route_config": _route_configuration(chain),
        "http_filters": http_filters(),
        "access_log": [request_log(_DIRECTION), request_statistics(_DIRECTION, _DESTINATION)],
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": False,
        "stream_idle_timeout": "0s",
        "common_http_protocol_options": {"idle_timeout": "3600s"},
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    if spans is not None:
        # A client cannot force a trace on the gateway.
        settings["tracing"] = {**tracing(spans, _SERVICE), "client_sampling": {"value": 0.0}}
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": settings}


def _route_configuration(chain: FilterChain) -> JsonObject:
    hosts = [_virtual_host(host) for host in chain.virtual_hosts]
    return {"name": chain.name, "ignore_port_in_host_matching": True, "virtual_hosts": hosts}


def _virtual_host(host: VirtualHost) -> JsonObject:
    made = {
        "name": host.domains[0],
        "domains": list(host.domains),
        "routes": [envoy_route(route) for route in host.routes],
        "include_request_attempt_count": True,
    }
    return {**made, "require_tls": "ALL"} if host.redirects_to_https else made
