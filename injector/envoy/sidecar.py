"""Where a sidecar takes connections: captured ones in both directions, and its own pages."""

from collections.abc import Mapping
from typing import Any

from injector.envoy.http import PROTOCOLS, connection_manager, http2_upstream_options, http_filter, upstream_options
from injector.envoy.messages import JsonObject, any_address, extension, socket
from injector.envoy.metrics import buckets, connection_metrics, metrics_page_filter
from injector.envoy.protocols import Carriage
from injector.envoy.settings import SidecarProxy, Tracing
from injector.envoy.telemetry import TRACING_CLUSTER, connection_log

# Where connections go on to.

ADMIN_PORT = 15000
ADMIN, NOWHERE = "admin", "nowhere"
_CONNECT_TIMEOUT = "10s"
_NO_LIMIT = 2**32 - 1
_LIMITS = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), _NO_LIMIT)


def original_destination(name: str) -> JsonObject:
    """Each connection goes on to the address that it was made to. None is counted by itself: clients choose them."""
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": _CONNECT_TIMEOUT,
        "circuit_breakers": {"thresholds": [_LIMITS]},
        # A service balances connections: one that the application opens has to stay one of its own.
        "connection_pool_per_downstream_connection": True,
        "typed_extension_protocol_options": upstream_options(),
    }


def nowhere() -> JsonObject:
    """A cluster without an endpoint: connections that may not go on end here."""
    return {"name": NOWHERE, "type": "STATIC", "connect_timeout": _CONNECT_TIMEOUT}


def admin() -> JsonObject:
    """The proxy's own administration interface."""
    return _named(ADMIN, {"type": "STATIC"}, "127.0.0.1", ADMIN_PORT)


def collector(tracing: Tracing) -> JsonObject:
    """Where spans are collected, found by name."""
    cluster = _named(TRACING_CLUSTER, dns_discovery(), tracing.host, tracing.port)
    if not tracing.path:
        cluster["typed_extension_protocol_options"] = http2_upstream_options()
    return cluster


def dns_discovery(*, family: str = "ALL", one_address: bool = False) -> JsonObject:
    """How a cluster's name is looked up: all its addresses, or, with `one_address`, one for each new connection."""
    return {
        "cluster_type": extension(
            "cluster.dns",
            "clusters.dns.v3.DnsCluster",
            dns_lookup_family=family,
            respect_dns_ttl=True,
            all_addresses_in_single_endpoint=one_address,
        )
    }


def _named(name: str, discovery: JsonObject, host: str, port: int) -> JsonObject:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": socket(host, port)}}]}]
    return {
        "name": name,
        **discovery,
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


PROMETHEUS_PORT, READINESS_PORT = 15090, 15021
# As injector.capture.rules.MARK: packets with it are the proxy's, sent in the client's name.
MARK = 1337
_NEVER = "0s"
_LARGEST_PAGE_BYTES = 64 * 1024 * 1024


def outbound(proxy: SidecarProxy) -> list[JsonObject]:
    """The listeners for what the application connects to."""
    # Draining ends what comes in; what the application still asks for goes on until the proxy ends.
    common = {"traffic_direction": "OUTBOUND", "drain_type": "MODIFY_ONLY"}
    filters = [_original_destination()]
    return [
        {**_captured("outbound", proxy.outbound_port, proxy.outbound, filters, proxy), **common},
        {**_detecting("outbound", filters, proxy), **common},
    ]


def inbound(proxy: SidecarProxy) -> list[JsonObject]:
    """The listeners for what connects to the application."""
    common = {"traffic_direction": "INBOUND"}
    filters = [_original_destination()]
    transparent = {}
    if proxy.transparent:
        transparent = {"transparent": True}
        filters.append(
            extension("filters.listener.original_src", "filters.listener.original_src.v3.OriginalSrc", mark=MARK)
        )
    return [
        {**_captured("inbound", proxy.inbound_port, proxy.inbound, filters, proxy), **transparent, **common},
        {**_detecting("inbound", filters, proxy), **common},
    ]


def _captured(
    direction: str, port: int, declared: Mapping[int, Carriage], filters: list[JsonObject], proxy: SidecarProxy
) -> JsonObject:
    """Takes captured connections. No filter here waits for bytes: one that does loses what is sent before a close."""
    # Whoever connects to the listener itself was not captured: going on would lead here again.
    http = Carriage.HTTP in declared.values()
    chains = {str(each): str(carriage) for each, carriage in sorted(declared.items())} | {str(port): "itself"}
    return {
        "name": direction,
        "address": any_address(port, ipv6=proxy.ipv6),
        "listener_filters": filters,
        # The end of a connection is read after its bytes, not together with them (see `_detection`).
        "per_connection_buffer_limit_bytes": _BYTES_AT_ONCE,
        "filter_chain_matcher": _by_destination_port(chains),
        "filter_chains": [
            {"name": "itself", "filters": [_tcp_proxy("itself", NOWHERE, access_log=[connection_log(direction)])]},
            {"name": "tcp", "filters": [_tcp_filter(direction, direction)]},
            *([{"name": "http", "filters": [http_filter(direction, proxy)]}] if http else []),
            {"name": "detect", "filters": [_keep_addresses(), _detection_filter(direction)]},
        ],
    }


def _by_destination_port(chains: Mapping[str, str]) -> JsonObject:
    port_input = {"@type": f"{_TYPES}matching.common_inputs.network.v3.DestinationPortInput"}
    exact = {port: _chain(chain) for port, chain in chains.items()}
    tree = {"input": {"name": "port", "typed_config": port_input}, "exact_match_map": {"map": exact}}
    return {"matcher_tree": tree, "on_no_match": _chain("detect")}


def _chain(name: str) -> JsonObject:
    value = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": name}
    return {"action": {"name": name, "typed_config": value}}


def _original_destination() -> JsonObject:
    return extension("filters.listener.original_dst", "filters.listener.original_dst.v3.OriginalDst")


def _tcp_filter(direction: str, cluster: str) -> JsonObject:
    return _tcp_proxy(direction, cluster, access_log=[connection_log(direction), connection_metrics(direction)])


def _tcp_proxy(name: str, cluster: str, **fields: Any) -> JsonObject:
    return extension(
        "filters.network.tcp_proxy",
        "filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=name,
        cluster=cluster,
        idle_timeout=_NEVER,
        **fields,
    )


# Detection of HTTP. Envoy's inspector drops a connection whose end it sees before it has decided, whatever was sent on
# it (https://github.com/envoyproxy/envoy/issues/36197). So it stands in a second, internal listener, and the end of a
# connection is kept back from it while bytes are under way: with a limit of one byte for what may wait, the first
# listener stops to read after each piece, and goes on when the second has got it. The second listener's buffer is
# smaller than the 64 KiB at which the inspector gives up and closes: what fills it is carried as bytes after the
# timeout.
_BYTES_AT_ONCE = 1
_DETECTION_BUFFER_KIB = 32
_TYPES = "type.googleapis.com/envoy.extensions."


def _detecting(direction: str, filters: list[JsonObject], proxy: SidecarProxy) -> JsonObject:
    """The internal listener that finds out whether a connection speaks HTTP."""
    inspector = extension("filters.listener.http_inspector", "filters.listener.http_inspector.v3.HttpInspector")
    return {
        "name": _detection(direction),
        "internal_listener": {},
        "listener_filters": [*filters, inspector],
        # A client that waits for the server's greeting is let through as plain TCP after this time.
        "listener_filters_timeout": proxy.detection_timeout,
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [
            {
                "name": "http",
                "filter_chain_match": {"application_protocols": [*PROTOCOLS]},
                "filters": [http_filter(direction, proxy)],
            },
        ],
        "default_filter_chain": {"name": "tcp", "filters": [_tcp_filter(direction, direction)]},
    }


def _detection(direction: str) -> str:
    return f"{direction}-detection"


def _detection_filter(direction: str) -> JsonObject:
    return _tcp_proxy(_detection(direction), _detection(direction))


def _keep_addresses() -> JsonObject:
    """Tells the internal listener where a connection comes from and goes to."""
    addresses = {"local_ip": "%DOWNSTREAM_LOCAL_ADDRESS%", "remote_ip": "%DOWNSTREAM_REMOTE_ADDRESS%"}
    kept = [
        {
            "object_key": f"envoy.filters.listener.original_dst.{name}",
            "format_string": {"text_format_source": {"inline_string": value}},
            "shared_with_upstream": "ONCE",
        }
        for name, value in addresses.items()
    ]
    return extension(
        "filters.network.set_filter_state", "filters.network.set_filter_state.v3.Config", on_new_connection=kept
    )


def detection(direction: str) -> JsonObject:
    """The cluster that leads to the internal listener."""
    name = _detection(direction)
    plain = extension("transport_sockets.raw_buffer", "transport_sockets.raw_buffer.v3.RawBuffer")
    address = {"envoy_internal_address": {"server_listener_name": name}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": _CONNECT_TIMEOUT,
        "circuit_breakers": {"thresholds": [_LIMITS]},
        "per_connection_buffer_limit_bytes": _BYTES_AT_ONCE,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
        "transport_socket": extension(
            "transport_sockets.internal_upstream",
            "transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
            transport_socket=plain,
        ),
    }


def _internal_listeners() -> JsonObject:
    return extension(
        "bootstrap.internal_listener",
        "bootstrap.internal_listener.v3.InternalListener",
        buffer_size_kb=_DETECTION_BUFFER_KIB,
    )


def prometheus(proxy: SidecarProxy) -> JsonObject:
    """The listener that gives the statistics, and nothing else of the administration interface."""
    routes = [{"match": {"path": "/stats/prometheus"}, "route": {"cluster": ADMIN}}]
    filters = [metrics_page_filter(proxy.peer, proxy.known_peers.domain)]
    return _pages("prometheus", PROMETHEUS_PORT, connection_manager("prometheus", {"routes": routes}, filters), proxy)


def readiness(proxy: SidecarProxy) -> JsonObject:
    """The listener that tells whether the proxy serves: not before it has started, not while it drains."""
    routes = [{"match": {"path": "/healthz/ready"}, "route": {"cluster": ADMIN, "prefix_rewrite": "/ready"}}]
    return _pages("readiness", READINESS_PORT, connection_manager("readiness", {"routes": routes}), proxy)


def _pages(name: str, port: int, manager: JsonObject, proxy: SidecarProxy) -> JsonObject:
    return {
        "name": name,
        "address": any_address(port, ipv6=proxy.ipv6),
        # The page of statistics is written anew as a whole.
        "per_connection_buffer_limit_bytes": _LARGEST_PAGE_BYTES,
        "filter_chains": [{"filters": [manager]}],
        "ignore_global_conn_limit": True,
    }


# The end that the HTTP filter gives a connection would pass the internal listener as a reset, and could overtake the
# answer before it.
_RUNTIME = {"envoy.reloadable_features.enable_send_rst_on_user_space_socket": False}

# An application has no limit of connections, and Envoy warns where it has none: this is what no pod comes to.
_MOST_CONNECTIONS = 1_000_000


def connection_limit(most: int) -> JsonObject:
    """The overload manager that turns clients away who come when `most` are connected."""
    monitor = extension(
        "resource_monitors.global_downstream_max_connections",
        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=most,
    )
    return {"resource_monitors": [monitor]}


# The bootstrap of a sidecar: all of it static, for there is nobody to ask for more.


def sidecar_bootstrap(proxy: SidecarProxy) -> JsonObject:
    """The bootstrap of `proxy`, for `envoy --config-yaml`, which takes JSON as well."""
    directions = ("inbound", "outbound")
    clusters = [*map(original_destination, directions), *map(detection, directions), nowhere(), admin()]
    if proxy.tracing:
        clusters.append(collector(proxy.tracing))
    return {
        "admin": {"address": socket("127.0.0.1", ADMIN_PORT)},
        "bootstrap_extensions": [_internal_listeners()],
        "overload_manager": connection_limit(_MOST_CONNECTIONS),
        "stats_config": buckets(),
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [
                *inbound(proxy),
                *outbound(proxy),
                prometheus(proxy),
                readiness(proxy),
            ],
            "clusters": clusters,
        },
    }
