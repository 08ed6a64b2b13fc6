"""Upstreams → clusters, named as Istio names them, so that statistics are read as people know them.

Source of what a traffic policy means: https://istio.io/latest/docs/reference/config/networking/destination-rule/.
"""

from injector.core.duration import SECOND, duration_text, nanoseconds
from injector.core.model import JsonObject
from injector.envoy.messages import extension, socket, typed
from injector.envoy.sidecar import dns_discovery
from injector.gateway.envoy_tls import CertificateSource, upstream_socket
from injector.gateway.model import Endpoint, Upstream

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CONNECT_TIMEOUT = "10s"
_NO_LIMIT = 2**32 - 1
_LIMITS = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
_BALANCERS = {"RANDOM": "RANDOM", "ROUND_ROBIN": "ROUND_ROBIN"}
_DEFAULT_BALANCER = "LEAST_REQUEST"
_DEFAULT_RING = 1024


def cluster(upstream: Upstream, source: CertificateSource, secrets: str) -> JsonObject:
    """The cluster of an upstream, its policy applied. `secrets` is the folder with the certificates of Secrets."""
    pool = upstream.policy.get("connectionPool") or {}
    made: JsonObject = {
        "name": upstream.name,
        "alt_stat_name": statistics_name(upstream),
        **_discovery(upstream),
        "connect_timeout": _length(pool.get("tcp", {}).get("connectTimeout", _CONNECT_TIMEOUT)),
        "circuit_breakers": {"thresholds": [_limits(upstream.policy)]},
        "load_assignment": {
            "cluster_name": upstream.name,
            "endpoints": [{"lb_endpoints": [_endpoint(each) for each in upstream.endpoints]}],
        },
        **_balancing(upstream.policy.get("loadBalancer") or {}),
    }
    if options := _http_options(upstream):
        made["typed_extension_protocol_options"] = {_HTTP_OPTIONS: options}
    if detection := upstream.policy.get("outlierDetection"):
        made["outlier_detection"] = _outlier_detection(detection)
        made.setdefault("common_lb_config", {})["healthy_panic_threshold"] = {
            "value": detection.get("minHealthPercent", 0)
        }
    if keepalive := pool.get("tcp", {}).get("tcpKeepalive"):
        made["upstream_connection_options"] = {"tcp_keepalive": _keepalive(keepalive)}
    if transport := _transport(upstream, source, secrets):
        made["transport_socket"] = transport
    return made


def statistics_name(upstream: Upstream) -> str:
    """The name in statistics, which take one up to its first dot for the cluster's."""
    return upstream.name.replace(".", "_")


def static_cluster(name: str, address: str, port: int) -> JsonObject:
    """A cluster of one address."""
    endpoints = [{"lb_endpoints": [_endpoint(Endpoint(address, port))]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _discovery(upstream: Upstream) -> JsonObject:
    if upstream.discovery == "STATIC":
        return {"type": "STATIC"}
    # A headless Service resolves to all of its pods, any other to its one address.
    return dns_discovery(family="V4_PREFERRED", one_address=upstream.discovery == "LOGICAL_DNS")


def _endpoint(endpoint: Endpoint) -> JsonObject:
    made: JsonObject = {"endpoint": {"address": socket(endpoint.address, endpoint.port)}}
    return {**made, "load_balancing_weight": endpoint.weight} if endpoint.weight else made


def _limits(policy: JsonObject) -> JsonObject:
    """As with Istio there is no limit but those that the policy sets."""
    pool = policy.get("connectionPool") or {}
    tcp, http = pool.get("tcp") or {}, pool.get("http") or {}
    given = (
        tcp.get("maxConnections"),
        http.get("http1MaxPendingRequests"),
        http.get("http2MaxRequests"),
        http.get("maxRetries"),
    )
    limits: JsonObject = {name: value or _NO_LIMIT for name, value in zip(_LIMITS, given, strict=True)}
    if budget := policy.get("retryBudget"):
        limits["retry_budget"] = {
            "budget_percent": budget.get("percent") or {"value": 20},
            "min_retry_concurrency": budget.get("minRetryConcurrency", 3),
        }
    return limits


def _balancing(balancer: JsonObject) -> JsonObject:
    if consistent := balancer.get("consistentHash"):
        if "maglev" in consistent:
            size = consistent["maglev"].get("tableSize")
            return {"lb_policy": "MAGLEV", **({"maglev_lb_config": {"table_size": size}} if size else {})}
        ring = consistent.get("ringHash", consistent).get("minimumRingSize") or _DEFAULT_RING
        return {"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": ring}}
    policy = _BALANCERS.get(balancer.get("simple", ""), _DEFAULT_BALANCER)
    warmup = balancer.get("warmup") or (
        {"duration": balancer["warmupDurationSecs"]} if "warmupDurationSecs" in balancer else None
    )
    if warmup is None or policy == "RANDOM":
        return {"lb_policy": policy}
    slow_start: JsonObject = {"slow_start_window": _length(warmup["duration"])}
    if "minimumPercent" in warmup:
        slow_start["min_weight_percent"] = {"value": warmup["minimumPercent"]}
    if "aggression" in warmup:
        slow_start["aggression"] = {"default_value": warmup["aggression"], "runtime_key": "aggression"}
    return {"lb_policy": policy, f"{policy.lower()}_lb_config": {"slow_start_config": slow_start}}


def _http_options(upstream: Upstream) -> JsonObject | None:
    """HTTP/1.1, unless HTTP/2 is known to be spoken there, or asked for; None where Envoy's defaults say the same."""
    http = (upstream.policy.get("connectionPool") or {}).get("http") or {}
    upgrade = http.get("h2UpgradePolicy", "DEFAULT")
    http2 = upgrade == "UPGRADE" or (upstream.http2 and upgrade != "DO_NOT_UPGRADE")
    streams = {"max_concurrent_streams": http["maxConcurrentStreams"]} if http.get("maxConcurrentStreams") else {}
    common: JsonObject = {}
    if http.get("maxRequestsPerConnection"):
        common["max_requests_per_connection"] = http["maxRequestsPerConnection"]
    if "idleTimeout" in http:
        common["idle_timeout"] = _length(http["idleTimeout"])
    tls = upstream.policy.get("tls") or {}
    fields: JsonObject = {"common_http_protocol_options": common} if common else {}
    if tls.get("mode", "DISABLE") != "DISABLE" and "sni" not in tls:
        # Without a name of its own, the server is asked for by the host of the request, and has to show that name.
        named = tls.get("subjectAltNames") or upstream.subject_names or tls.get("insecureSkipVerify")
        fields["upstream_http_protocol_options"] = {
            "auto_sni": True,
            **({} if named else {"auto_san_validation": True}),
        }
    if not (fields or http2 or http.get("useClientProtocol")):
        return None
    if http.get("useClientProtocol"):
        protocol = {"use_downstream_protocol_config": {"http2_protocol_options": streams}}
    else:
        protocol = {
            "explicit_http_config": {"http2_protocol_options": streams} if http2 else {"http_protocol_options": {}}
        }
    return typed("upstreams.http.v3.HttpProtocolOptions", **fields, **protocol)


def _outlier_detection(detection: JsonObject) -> JsonObject:
    """What is not said is not looked at, but for five server errors in a row."""
    gateway = detection.get("consecutiveGatewayErrors", detection.get("consecutiveErrors"))
    split = detection.get("splitExternalLocalOriginErrors")
    made: JsonObject = {
        "consecutive_5xx": detection.get("consecutive5xxErrors", 5),
        "enforcing_success_rate": 0,
        "split_external_local_origin_errors": bool(split),
    }
    if not made["consecutive_5xx"]:
        made |= {"consecutive_5xx": 1, "enforcing_consecutive_5xx": 0}
    if gateway:
        made |= {"consecutive_gateway_failure": gateway, "enforcing_consecutive_gateway_failure": 100}
    if split:
        made["enforcing_local_origin_success_rate"] = 0
        failures = detection.get("consecutiveLocalOriginFailures")
        if failures:
            made |= {"consecutive_local_origin_failure": failures, "enforcing_consecutive_local_origin_failure": 100}
    for field, name in (("interval", "interval"), ("baseEjectionTime", "base_ejection_time")):
        if field in detection:
            made[name] = _length(detection[field])
    if "maxEjectionPercent" in detection:
        made["max_ejection_percent"] = round(detection["maxEjectionPercent"])
    return made


def _keepalive(keepalive: JsonObject) -> JsonObject:
    fields = {
        "keepalive_probes": keepalive.get("probes"),
        "keepalive_time": _seconds(keepalive.get("time")),
        "keepalive_interval": _seconds(keepalive.get("interval")),
    }
    return {name: value for name, value in fields.items() if value}


def _transport(upstream: Upstream, source: CertificateSource, secrets: str) -> JsonObject | None:
    """TLS where the policy says so, behind a line of the PROXY protocol where it says that."""
    tls = upstream_socket(upstream, source, secrets)
    version = (upstream.policy.get("proxyProtocol") or {}).get("version")
    if version is None:
        return tls
    raw = extension("transport_sockets.raw_buffer", "transport_sockets.raw_buffer.v3.RawBuffer")
    kind = "transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
    return extension(
        "transport_sockets.upstream_proxy_protocol", kind, config={"version": version}, transport_socket=tls or raw
    )


def _length(text: str) -> str:
    return duration_text(nanoseconds(text))


def _seconds(text: str | None) -> int | None:
    return None if text is None else max(1, round(nanoseconds(text) / SECOND))
