"""HTTP as a sidecar carries it: understood, measured and traced, but neither changed nor limited."""

from collections.abc import Sequence
from typing import Any

from injector.envoy.messages import JsonObject, extension, typed
from injector.envoy.metrics import request_metrics
from injector.envoy.peers import HEADER, answers_to_note, introduction, peer_filter
from injector.envoy.settings import SidecarProxy
from injector.envoy.telemetry import request_log, tracing

# Of what is detected, HTTP/1.0 is carried as bytes: Envoy would send it on as HTTP/1.1.
PROTOCOLS = ("http/1.1", "h2c")
_MANY_HEADERS = 1000
_MANY_STREAMS = 2**31 - 1
_LARGE_HEADERS_KIB = 1024
_NEVER = "0s"
# HTTP/1 as it was written: names of headers in their case, the words behind a status, trailers.
_AS_WRITTEN: JsonObject = {
    "header_key_format": {
        "stateful_formatter": {
            "name": "preserve_case",
            "typed_config": typed(
                "http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig", forward_reason_phrase=True
            ),
        }
    },
    "enable_trailers": True,
}
# Envoy passes on only upgrades that are named. These are in use: WebSocket, Kubernetes' exec and port-forward,
# Docker's attach and session, TLS within HTTP (RFC 2817), DERP and Tailscale.
_UPGRADES = ("websocket", "SPDY/3.1", "tcp", "raw", "h2c", "TLS/1.0", "TLS/1.2", "TLS/1.3", "DERP", "CONNECT")
# HTTP/1.0 needs no Host, but Envoy does.
_UNNAMED_HOST = "localhost"
DESTINATION = "envoy.filters.listener.original_dst.local_ip"
"""The state of a connection that says where it goes; an internal listener reads it too."""
# Addresses that are private (RFC 1918, RFC 6598, RFC 4193), before their port. Ranges would say it better, but Envoy
# warns of them: they are work in progress there.
_NEAR = (
    r"(10|192\.168|172\.(1[6-9]|2[0-9]|3[01])|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\..*"
    r"|\[f[cd][0-9a-f]{2}:.*"
)
# Only what certainly did not reach the application may be sent again.
_RETRY = {"retry_on": "connect-failure,refused-stream", "num_retries": 2}


def http_filter(direction: str, proxy: SidecarProxy) -> JsonObject:
    """The network filter that carries HTTP in `direction` (`inbound` or `outbound`), which is also its cluster."""
    fields: dict[str, Any] = {
        "access_log": [request_log(direction), request_metrics(direction)],
        "upgrade_configs": [{"upgrade_type": name} for name in _UPGRADES],
        "common_http_protocol_options": {"idle_timeout": _NEVER, "max_headers_count": _MANY_HEADERS},
        "http_protocol_options": {
            "accept_http_10": True,
            "default_host_for_http_10": _UNNAMED_HOST,
            "allow_custom_methods": True,
            **_AS_WRITTEN,
        },
        "proxy_100_continue": True,
        "http2_protocol_options": {"allow_connect": True, "max_concurrent_streams": _MANY_STREAMS},
        "max_request_headers_kb": _LARGE_HEADERS_KIB,
        "stream_idle_timeout": _NEVER,
        "server_header_transformation": "PASS_THROUGH",
        "preserve_external_request_id": True,
        "skip_xff_append": True,
    }
    if proxy.tracing:
        fields["tracing"] = tracing(proxy.tracing, proxy.service)
    filters = [peer_filter(direction, proxy.peer, proxy.known_peers)]
    hosts = _inbound_routes if direction == "inbound" else _outbound_routes
    return connection_manager(direction, hosts(proxy.peer.claim), filters, suppress_envoy_headers=True, **fields)


def _inbound_routes(claim: str) -> JsonObject:
    """Only a client that has said who it is is told who has answered."""
    met = {"headers": [{"name": HEADER, "present_match": True}]}
    hidden = {"response_headers_to_remove": [HEADER]}
    told = {**hidden, "request_headers_to_remove": [HEADER], "response_headers_to_add": [introduction(claim)]}
    return {"routes": [*_routes("inbound", met, **told), *_routes("inbound", {}, **hidden)]}


def _outbound_routes(claim: str) -> JsonObject:
    """What leads out of the cluster is not told anything: peers have addresses that are not routed on the internet."""
    near = {"filter_state": [{"key": DESTINATION, "string_match": {"safe_regex": {"regex": _NEAR}}}]}
    told, untold = {"request_headers_to_add": [introduction(claim)]}, {"request_headers_to_remove": [HEADER]}
    routes = [*_routes("outbound", near, **told), *_routes("outbound", {}, **untold)]
    return {"routes": routes, **answers_to_note(authority=True)}


def _routes(cluster: str, match: JsonObject, **fields: Any) -> list[JsonObject]:
    """Everything goes where it was sent to, with all the time it takes; a tunnel stays a tunnel."""
    route: JsonObject = {"cluster": cluster, "timeout": _NEVER}
    tunnel = {**route, "upgrade_configs": [{"upgrade_type": "CONNECT"}]}
    return [
        {"match": {"connect_matcher": {}, **match}, "route": tunnel, **fields},
        {"match": {"prefix": "", **match}, "route": {**route, "retry_policy": _RETRY}, **fields},
    ]


def connection_manager(
    name: str,
    routes: JsonObject,
    filters: Sequence[JsonObject] = (),
    *,
    suppress_envoy_headers: bool = False,
    **fields: Any,
) -> JsonObject:
    """The network filter that serves HTTP with these filters.

    `routes` are fields of its one virtual host, `fields` further ones of its message.
    """
    router = extension("filters.http.router", "filters.http.router.v3.Router")
    if suppress_envoy_headers:
        router["typed_config"]["suppress_envoy_headers"] = True
    virtual_host = {"name": name, "domains": ["*"], **routes}
    return extension(
        "filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"name": name, "virtual_hosts": [virtual_host]},
        http_filters=[*filters, router],
        **fields,
    )


def upstream_options() -> JsonObject:
    """What a cluster needs so that requests go on in the protocol in which they came."""
    options = typed(
        "upstreams.http.v3.HttpProtocolOptions",
        use_downstream_protocol_config={
            "http_protocol_options": _AS_WRITTEN,
            "http2_protocol_options": {"allow_connect": True},
        },
        common_http_protocol_options={
            "max_headers_count": _MANY_HEADERS,
            "max_response_headers_kb": _LARGE_HEADERS_KIB,
            "idle_timeout": _NEVER,
        },
    )
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}


def http2_upstream_options() -> JsonObject:
    """What a cluster needs so that it is always spoken to in HTTP/2."""
    options = typed("upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}})
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
