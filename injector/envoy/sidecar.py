"""Where a sidecar takes connections: captured ones in both directions, and its own pages."""

from injector.envoy.http import (
    PROTOCOLS,
    TRACING_CLUSTER,
    any_address,
    connection_log,
    connection_manager,
    extension,
    http2_upstream_options,
    http_filter,
    socket,
    upstream_options,
)
from injector.envoy.settings import JsonObject, SidecarProxy, Tracing

# Where connections go on to.

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
_MARK = 1337
# Here the server speaks first (FTP, SSH, SMTP, POP3, IMAP, submission, MySQL): waiting for the client would only delay.
_SERVER_FIRST_PORTS = (21, 22, 25, 110, 143, 587, 3306)
_NEVER = "0s"


def outbound(proxy: SidecarProxy) -> JsonObject:
    """The listener for what the application connects to."""
    listener = _captured("outbound", proxy.outbound_port, [_original_destination()], proxy)
    # Draining ends what comes in; what the application still asks for goes on until the proxy ends.
    return {**listener, "traffic_direction": "OUTBOUND", "drain_type": "MODIFY_ONLY"}


def inbound(proxy: SidecarProxy) -> JsonObject:
    """The listener for what connects to the application."""
    filters = [_original_destination()]
    if proxy.transparent:
        filters.append(
            extension("filters.listener.original_src", "filters.listener.original_src.v3.OriginalSrc", mark=_MARK)
        )
    listener = _captured("inbound", proxy.inbound_port, filters, proxy)
    transparent = {"transparent": True} if proxy.transparent else {}
    return {**listener, **transparent, "traffic_direction": "INBOUND"}


def _captured(direction: str, port: int, filters: list[JsonObject], proxy: SidecarProxy) -> JsonObject:
    return {
        "name": direction,
        "address": any_address(port, ipv6=proxy.ipv6),
        "listener_filters": [*filters, _http_inspector()],
        # A client that waits for the server's greeting is let through as plain TCP after this time.
        "listener_filters_timeout": proxy.detection_timeout,
        "continue_on_listener_filters_timeout": True,
        "filter_chains": [
            # Whoever connects to the listener itself was not captured: going on would lead here again.
            {
                "name": "itself",
                "filter_chain_match": {"destination_port": port},
                "filters": [_tcp_filter("itself", NOWHERE)],
            },
            {
                "name": "http",
                "filter_chain_match": {"application_protocols": [*PROTOCOLS]},
                "filters": [http_filter(direction, proxy)],
            },
        ],
        "default_filter_chain": {"name": "tcp", "filters": [_tcp_filter(direction, direction)]},
    }


def _original_destination() -> JsonObject:
    return extension("filters.listener.original_dst", "filters.listener.original_dst.v3.OriginalDst")


def _http_inspector() -> JsonObject:
    rules = [{"destination_port_range": {"start": port, "end": port + 1}} for port in _SERVER_FIRST_PORTS]
    inspector = extension("filters.listener.http_inspector", "filters.listener.http_inspector.v3.HttpInspector")
    return {**inspector, "filter_disabled": {"or_match": {"rules": rules}}}


def _tcp_filter(direction: str, cluster: str) -> JsonObject:
    return extension(
        "filters.network.tcp_proxy",
        "filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=direction,
        cluster=cluster,
        idle_timeout=_NEVER,
        access_log=[connection_log(direction)],
    )


def prometheus(proxy: SidecarProxy) -> JsonObject:
    """The listener that gives the statistics, and nothing else of the administration interface."""
    routes = [{"match": {"path": "/stats/prometheus"}, "route": {"cluster": ADMIN}}]
    return _pages("prometheus", PROMETHEUS_PORT, routes, proxy)


def readiness(proxy: SidecarProxy) -> JsonObject:
    """The listener that tells whether the proxy serves: not before it has started, not while it drains."""
    routes = [{"match": {"path": "/healthz/ready"}, "route": {"cluster": ADMIN, "prefix_rewrite": "/ready"}}]
    return _pages("readiness", READINESS_PORT, routes, proxy)


def _pages(name: str, port: int, routes: list[JsonObject], proxy: SidecarProxy) -> JsonObject:
    filters = [connection_manager(name, routes)]
    return {
        "name": name,
        "address": any_address(port, ipv6=proxy.ipv6),
        "filter_chains": [{"filters": filters}],
        "ignore_global_conn_limit": True,
    }


# The bootstrap of a sidecar: all of it static, for there is nobody to ask for more.


def sidecar_bootstrap(proxy: SidecarProxy) -> JsonObject:
    """The bootstrap of `proxy`, for `envoy --config-yaml`, which takes JSON as well."""
    clusters = [original_destination("inbound"), original_destination("outbound"), nowhere(), admin()]
    if proxy.tracing:
        clusters.append(collector(proxy.tracing))
    return {
        "admin": {"address": socket("127.0.0.1", ADMIN_PORT)},
        "static_resources": {
            "listeners": [
                inbound(proxy),
                outbound(proxy),
                prometheus(proxy),
                readiness(proxy),
            ],
            "clusters": clusters,
        },
    }
