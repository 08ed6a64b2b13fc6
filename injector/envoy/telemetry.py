"""What a proxy says about the traffic that it carries: its access log and its traces. Statistics are in `metrics`."""

from typing import Any

from injector.envoy.messages import JsonObject, extension
from injector.envoy.settings import Tracing

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
