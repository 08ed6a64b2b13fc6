"""Ports → listeners; with TLS, the name that the client asks for (SNI) chooses the chain."""

from collections.abc import Iterable
from dataclasses import dataclass

from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.envoy.http import request_log, request_statistics, tracing
from injector.envoy.sidecar import collector
from injector.gateway.envoy_clusters import destination_cluster, socket_address, static_cluster
from injector.gateway.envoy_routes import envoy_route, http_filters, router
from injector.gateway.model import Destination, FilterChain, Listener, ServerTls, VirtualHost

# The HTTP connection manager of a chain: routes, access log, tracing, and what an edge takes from its clients.
# Source of the settings for clients that are not trusted:
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge.

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


_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_INSPECTOR = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
_APPLICATION_PROTOCOLS = ("h2", "http/1.1")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
_BUFFER_LIMIT_BYTES = 32768


def envoy_listener(listener: Listener, address: str, tracing: Tracing | None) -> JsonObject:
    """The listener of one port on `address`."""
    made = {
        "name": f"{address}_{listener.port}",
        "address": socket_address(address, listener.port),
        "per_connection_buffer_limit_bytes": _BUFFER_LIMIT_BYTES,
        "traffic_direction": "OUTBOUND",
        "filter_chains": [_filter_chain(chain, tracing) for chain in listener.chains],
    }
    if any(chain.tls for chain in listener.chains):
        inspector = {"name": "envoy.filters.listener.tls_inspector", "typed_config": {"@type": _INSPECTOR}}
        made["listener_filters"] = [inspector]
    return made


def _filter_chain(chain: FilterChain, tracing: Tracing | None) -> JsonObject:
    made: JsonObject = {"filters": [connection_manager(chain, tracing)]}
    if chain.server_names:
        made["filter_chain_match"] = {"server_names": list(chain.server_names)}
    if chain.tls is not None:
        made["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": _TLS, "common_tls_context": _tls_context(chain.tls)},
        }
    return made


def _tls_context(tls: ServerTls) -> JsonObject:
    certificate = {
        "certificate_chain": {"filename": tls.certificate.chain},
        "private_key": {"filename": tls.certificate.private_key},
    }
    return {
        "alpn_protocols": list(_APPLICATION_PROTOCOLS),
        "tls_certificates": [certificate],
        "tls_params": {
            "tls_minimum_protocol_version": _version(tls.minimum_version),
            "tls_maximum_protocol_version": _version(tls.maximum_version),
        },
    }


def _version(name: str) -> str:
    """TLSV1_2 of Istio is TLSv1_2 of Envoy."""
    return name.replace("TLSV", "TLSv")


# The whole configuration: listeners and clusters, and the ports that the gateway has for itself.

ADMIN_PORT, READINESS_PORT, STATISTICS_PORT = 15000, 15021, 15090
READINESS_PATH, STATISTICS_PATH = "/healthz/ready", "/stats/prometheus"

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
_ADMIN_CLUSTER = "prometheus_stats"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Observation:
    """The address that the gateway listens on, and where its spans go; None: nowhere."""

    address: str
    tracing: Tracing | None


def bootstrap(listeners: Iterable[Listener], destinations: Iterable[Destination], seen: Observation) -> JsonObject:
    """A static configuration that `envoy -c` takes; who the gateway is, Envoy's command line tells."""
    clusters = [destination_cluster(destination) for destination in destinations]
    clusters.append({**static_cluster(_ADMIN_CLUSTER, _LOOPBACK, ADMIN_PORT), "type": "STATIC"})
    if seen.tracing is not None:
        clusters.append(collector(seen.tracing))
    own = [_readiness_listener(seen.address), _statistics_listener(seen.address)]
    return {
        "admin": {"address": socket_address(_LOOPBACK, ADMIN_PORT)},
        "static_resources": {
            "listeners": [*(envoy_listener(each, seen.address, seen.tracing) for each in listeners), *own],
            "clusters": clusters,
        },
    }


def _readiness_listener(address: str) -> JsonObject:
    """Answers by itself, and 503 once `POST /healthcheck/fail` has begun the drain."""
    health_check = {
        "name": "envoy.filters.http.health_check",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": READINESS_PATH}}],
        },
    }
    return _own_listener("readiness", address, READINESS_PORT, [health_check], [])


def _statistics_listener(address: str) -> JsonObject:
    """Prometheus reads this one page of the admin interface, and no other."""
    route = {"match": {"path": STATISTICS_PATH}, "route": {"cluster": _ADMIN_CLUSTER}}
    return _own_listener("statistics", address, STATISTICS_PORT, [], [route])


def _own_listener(
    name: str, address: str, port: int, filters: list[JsonObject], routes: list[JsonObject]
) -> JsonObject:
    manager = {
        "@type": f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        "http_filters": [*filters, router()],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": name, "address": socket_address(address, port), "filter_chains": [chain]}
