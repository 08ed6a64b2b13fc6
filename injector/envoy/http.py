"""HTTP as a sidecar carries it: understood, measured and traced, but neither changed nor limited."""

from typing import Any

from injector.envoy.settings import JsonObject, SidecarProxy, Tracing

# How Envoy's configuration names its parts.

_TYPES = "type.googleapis.com/envoy.extensions."


def typed(kind: str, **fields: Any) -> JsonObject:
    """A message of the extension type `kind`, such as `filters.http.router.v3.Router`."""
    return {"@type": f"{_TYPES}{kind}", **fields}


def extension(name: str, kind: str, **fields: Any) -> JsonObject:
    """The extension `name` (without `envoy.`), configured by a message of type `kind`."""
    return {"name": f"envoy.{name}", "typed_config": typed(kind, **fields)}


def socket(address: str, port: int) -> JsonObject:
    """A TCP address."""
    return {"socket_address": {"address": address, "port_value": port}}


def any_address(port: int, *, ipv6: bool) -> JsonObject:
    """The port on every address; with `ipv6` one socket takes both families."""
    if not ipv6:
        return socket("0.0.0.0", port)  # noqa: S104 -- a proxy is there to be reached
    return {"socket_address": {"address": "::", "port_value": port, "ipv4_compat": True}}


# What a proxy tells of the traffic that it carries: access log, statistics, traces.

TRACING_CLUSTER = "tracing"
_COLLECTOR_TIMEOUT = "5s"

_CONNECTION_FIELDS = {
    "start_time": "%START_TIME%",
    "duration": "%DURATION%",
    "response_flags": "%RESPONSE_FLAGS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
}
_REQUEST_FIELDS = {
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "trace_id": "%TRACE_ID%",
}


def connection_log(direction: str) -> JsonObject:
    """One line of JSON on standard output for each connection."""
    return _log({"direction": direction, "protocol": "tcp", **_CONNECTION_FIELDS})


def request_log(direction: str, **more: str) -> JsonObject:
    """One line of JSON on standard output for each request; `more` are further fields of it."""
    return _log({"direction": direction, **_REQUEST_FIELDS, **_CONNECTION_FIELDS, **more})


def _log(fields: JsonObject) -> JsonObject:
    log_format = {"json_format": fields}
    return extension("access_loggers.stdout", "access_loggers.stream.v3.StdoutAccessLog", log_format=log_format)


def request_statistics(direction: str, destination: str) -> JsonObject:
    """Requests and their duration by destination: a command operator that tells who was asked."""
    tags = {"direction": direction, "destination": destination}
    counted = {**tags, "response_code": "%RESPONSE_CODE%", "protocol": "%PROTOCOL%"}
    duration = {
        "stat": {"name": "request_duration_milliseconds", "tags": _tags(tags)},
        "unit": "Milliseconds",
        "value_format": "%DURATION%",
    }
    counter = {"stat": {"name": "requests_total", "tags": _tags(counted)}, "value_fixed": 1}
    return extension(
        "access_loggers.stats",
        "access_loggers.stats.v3.Config",
        stats_scope={"prefix": "sidecar"},
        counters=[counter],
        histograms=[duration],
    )


def _tags(tags: dict[str, str]) -> list[JsonObject]:
    return [{"name": name, "value_format": value} for name, value in tags.items()]


def tracing(settings: Tracing, service: str) -> JsonObject:
    """The part of an HTTP connection manager that starts and ends spans; the first proxy of a trace decides on it."""
    found: JsonObject = {
        "random_sampling": {"value": settings.sampling},
        "provider": _zipkin(settings) if settings.kind == "zipkin" else _opentelemetry(settings, service),
    }
    if settings.longest_path:
        found["max_path_tag_length"] = settings.longest_path
    if settings.tags:
        found["custom_tags"] = [_custom_tag(name, source) for name, source in sorted(settings.tags.items())]
    return found


def _zipkin(settings: Tracing) -> JsonObject:
    return _tracer(
        "zipkin",
        "config.trace.v3.ZipkinConfig",
        collector_cluster=TRACING_CLUSTER,
        collector_endpoint=settings.path,
        collector_hostname=f"{settings.host}:{settings.port}",
        collector_endpoint_version="HTTP_JSON",
        trace_id_128bit=True,
        shared_span_context=False,
    )


def _opentelemetry(settings: Tracing, service: str) -> JsonObject:
    kind = "config.trace.v3.OpenTelemetryConfig"
    if not settings.path:
        grpc = {"envoy_grpc": {"cluster_name": TRACING_CLUSTER}, "timeout": _COLLECTOR_TIMEOUT}
        return _tracer("opentelemetry", kind, grpc_service=grpc, service_name=service)
    uri = f"http://{settings.host}:{settings.port}{settings.path}"
    http_uri = {"uri": uri, "cluster": TRACING_CLUSTER, "timeout": _COLLECTOR_TIMEOUT}
    return _tracer("opentelemetry", kind, http_service={"http_uri": http_uri}, service_name=service)


def _tracer(name: str, kind: str, **fields: Any) -> JsonObject:
    """A tracer: its messages do not stand among the extensions."""
    return {"name": f"envoy.tracers.{name}", "typed_config": {"@type": f"type.googleapis.com/envoy.{kind}", **fields}}


def _custom_tag(name: str, source: JsonObject) -> JsonObject:
    if "literal" in source:
        return {"tag": name, "literal": {"value": source["literal"].get("value", "")}}
    kind, envoy_kind = ("environment", "environment") if "environment" in source else ("header", "request_header")
    given = source.get(kind) or {}
    default = {"default_value": given["defaultValue"]} if given.get("defaultValue") else {}
    return {"tag": name, envoy_kind: {"name": given.get("name", ""), **default}}


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

# The outbound destination is the name that the pod's own application asked for. Inbound it is a port: the names that
# clients ask for are theirs to choose, and each would be kept.
_DESTINATIONS = {"outbound": "%REQ(:AUTHORITY)%", "inbound": "%DOWNSTREAM_LOCAL_PORT%"}


def http_filter(direction: str, proxy: SidecarProxy) -> JsonObject:
    """The network filter that carries HTTP in `direction` (`inbound` or `outbound`), which is also its cluster."""
    fields: dict[str, Any] = {
        "access_log": [request_log(direction), request_statistics(direction, _DESTINATIONS[direction])],
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
