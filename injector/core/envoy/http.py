"""HTTP as a sidecar carries it: understood, measured and traced, but neither changed nor limited."""

from typing import Any

from injector.core.envoy.extensions import extension, typed
from injector.core.envoy.settings import SidecarProxy
from injector.core.envoy.telemetry import request_log, request_statistics, tracing
from injector.core.model import JsonObject

PROTOCOLS = ("http/1.0", "http/1.1", "h2c")
_MANY_HEADERS = 1000
_MANY_STREAMS = 2**31 - 1
_LARGE_HEADERS_KIB = 1024
_NEVER = "0s"
# HTTP/1 names of headers in the case in which they were written: not every application ignores it, as it should.
_HEADERS_AS_WRITTEN: JsonObject = {
    "header_key_format": {
        "stateful_formatter": {
            "name": "preserve_case",
            "typed_config": typed("http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig"),
        }
    }
}
# Only what certainly did not reach the application may be sent again.
_RETRY = {"retry_on": "connect-failure,refused-stream", "num_retries": 2}

# The outbound destination is the name that the pod's own application asked for. Inbound it is a port: the names that
# clients ask for are theirs to choose, and each would be kept.
_DESTINATIONS = {"outbound": "%REQ(:AUTHORITY)%", "inbound": "%DOWNSTREAM_LOCAL_PORT%"}


def http_filter(direction: str, proxy: SidecarProxy) -> JsonObject:
    """The network filter that carries HTTP in `direction` (`inbound` or `outbound`), which is also its cluster."""
    fields: dict[str, Any] = {
        "access_log": [request_log(direction), request_statistics(direction, _DESTINATIONS[direction])],
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
        "common_http_protocol_options": {"idle_timeout": _NEVER, "max_headers_count": _MANY_HEADERS},
        "http_protocol_options": {"accept_http_10": True, **_HEADERS_AS_WRITTEN},
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
    return connection_manager(direction, _routes(direction), suppress_envoy_headers=True, **fields)


def _routes(cluster: str) -> list[JsonObject]:
    """Everything goes where it was sent to, with all the time it takes; a tunnel stays a tunnel."""
    route: JsonObject = {"cluster": cluster, "timeout": _NEVER}
    tunnel = {**route, "upgrade_configs": [{"upgrade_type": "CONNECT"}]}
    return [
        {"match": {"connect_matcher": {}}, "route": tunnel},
        {"match": {"prefix": ""}, "route": {**route, "retry_policy": _RETRY}},
    ]


def connection_manager(
    name: str, routes: list[JsonObject], *, suppress_envoy_headers: bool = False, **fields: Any
) -> JsonObject:
    """The network filter that serves HTTP with these routes; `fields` are further ones of its message."""
    router = extension("filters.http.router", "filters.http.router.v3.Router")
    if suppress_envoy_headers:
        router["typed_config"]["suppress_envoy_headers"] = True
    virtual_host = {"name": name, "domains": ["*"], "routes": routes}
    return extension(
        "filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"name": name, "virtual_hosts": [virtual_host]},
        http_filters=[router],
        **fields,
    )


def upstream_options() -> JsonObject:
    """What a cluster needs so that requests go on in the protocol in which they came."""
    options = typed(
        "upstreams.http.v3.HttpProtocolOptions",
        use_downstream_protocol_config={
            "http_protocol_options": _HEADERS_AS_WRITTEN,
            "http2_protocol_options": {"allow_connect": True},
        },
        common_http_protocol_options={"max_headers_count": _MANY_HEADERS},
    )
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}


def http2_upstream_options() -> JsonObject:
    """What a cluster needs so that it is always spoken to in HTTP/2."""
    options = typed("upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}})
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
