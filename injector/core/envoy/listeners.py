"""Where a sidecar takes connections: captured ones in both directions, and its own pages."""

from injector.core.envoy.clusters import ADMIN, NOWHERE
from injector.core.envoy.extensions import any_address, extension
from injector.core.envoy.http import PROTOCOLS, connection_manager, http_filter
from injector.core.envoy.settings import SidecarProxy
from injector.core.envoy.telemetry import connection_log
from injector.core.model import JsonObject

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
