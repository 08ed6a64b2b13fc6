"""HTTP as a sidecar carries it: understood, measured and traced, but neither changed nor limited."""

from collections.abc import Sequence
from typing import Any

from injector.envoy.messages import JsonObject, extension, typed
from injector.envoy.metrics import request_metrics
from injector.envoy.peers import peer_filter
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
    return connection_manager(direction, _routes(direction), filters, suppress_envoy_headers=True, **fields)


def _routes(cluster: str) -> list[JsonObject]:
    """Everything goes where it was sent to, with all the time it takes; a tunnel stays a tunnel."""
    route: JsonObject = {"cluster": cluster, "timeout": _NEVER}
    tunnel = {**route, "upgrade_configs": [{"upgrade_type": "CONNECT"}]}
    return [
        {"match": {"connect_matcher": {}}, "route": tunnel},
        {"match": {"prefix": ""}, "route": {**route, "retry_policy": _RETRY}},
    ]


def connection_manager(
    name: str,
    routes: list[JsonObject],
    filters: Sequence[JsonObject] = (),
    *,
    suppress_envoy_headers: bool = False,
    **fields: Any,
) -> JsonObject:
    """The network filter that serves HTTP with these routes and filters; `fields` are further ones of its message."""
    router = extension("filters.http.router", "filters.http.router.v3.Router")
    if suppress_envoy_headers:
        router["typed_config"]["suppress_envoy_headers"] = True
    virtual_host = {"name": name, "domains": ["*"], "routes": routes}
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
