"""The metrics of Istio, by their names and labels, from an Envoy that knows nothing of Istio.

Source: https://istio.io/latest/docs/reference/config/metrics/. Envoy counts requests with few labels, through its
access logger `stats`; the page that Prometheus reads is written anew on its way out, where each line gets the labels
that follow from them. So a pod's configuration stays short, and counting stays cheap.
"""

from collections.abc import Mapping

from injector.envoy.messages import JsonObject, extension
from injector.envoy.peers import CLAIM_FIELDS, METADATA, Peer, lua_filter, lua_literal

# Numbers of statistics, past which new ones are dropped. Peers are bounded before (see `peers`); this bounds what a
# server can answer: codes by flags.
_MOST_COUNTERS, _MOST_HISTOGRAMS = 1000, 300
_SCOPE = "istio"
_DURATIONS = (1, 5, 10, 25, 50, 100, 250, 1000, 5000)
_SIZES = (1000, 100000, 10000000)

REPORTERS = {"inbound": "destination", "outbound": "source", "gateway": "source"}
"""Which end of a connection a proxy speaks for."""


def request_metrics(direction: str) -> JsonObject:
    """The access logger that counts requests. Histograms have no code: each would be twenty lines for each code."""
    tags = {
        "reporter": REPORTERS[direction],
        "request_protocol": f"%DYNAMIC_METADATA({METADATA}:peer:protocol)%",
        **({"cluster": "%UPSTREAM_CLUSTER_RAW%"} if direction == "gateway" else {}),
    }
    timed = {**tags, "peer": f"%DYNAMIC_METADATA({METADATA}:peer:timed)%"}
    counted = {
        **tags,
        "peer": f"%DYNAMIC_METADATA({METADATA}:peer:key)%",
        "response_code": "%RESPONSE_CODE%",
        "grpc_response_status": "%GRPC_STATUS_NUMBER%",
        "response_flags": "%RESPONSE_FLAGS%",
    }
    histograms = (
        ("request_duration_milliseconds", "Milliseconds", "%DURATION%"),
        ("request_bytes", "Bytes", "%BYTES_RECEIVED%"),
        ("response_bytes", "Bytes", "%BYTES_SENT%"),
    )
    return _logger(
        counters=[{"stat": _stat("requests_total", counted), "value_fixed": 1}],
        histograms=[
            {"stat": _stat(name, timed), "unit": unit, "value_format": value} for name, unit, value in histograms
        ],
    )


def connection_metrics(direction: str) -> JsonObject:
    """The access logger that counts the ends of connections; their begins and bytes Envoy counts by itself."""
    tags = {"reporter": REPORTERS[direction]}
    return _logger(counters=[{"stat": _stat("tcp_connections_closed_total", tags), "value_fixed": 1}])


def _logger(**stats: list[JsonObject]) -> JsonObject:
    scope = {"prefix": _SCOPE, "max_counters": _MOST_COUNTERS, "max_histograms": _MOST_HISTOGRAMS}
    return extension("access_loggers.stats", "access_loggers.stats.v3.Config", stats_scope=scope, **stats)


def _stat(name: str, tags: Mapping[str, str]) -> JsonObject:
    return {"name": name, "tags": [{"name": tag, "value_format": value} for tag, value in tags.items()]}


def buckets() -> JsonObject:
    """The bootstrap's `stats_config`: fewer buckets than Envoy has, since each is a line for each peer."""
    settings = [
        {"match": {"prefix": f"{_SCOPE}.{name}"}, "buckets": list(bounds)}
        for name, bounds in (
            ("request_duration_milliseconds", _DURATIONS),
            ("request_bytes", _SIZES),
            ("response_bytes", _SIZES),
        )
    ]
    return {"histogram_bucket_settings": settings}


# The page.


def metrics_page_filter(peer: Peer, domain: str, tcp_clusters: Mapping[str, str] | None = None) -> JsonObject:
    """The HTTP filter that gives the lines of Envoy's page the labels of Istio.

    `tcp_clusters`, of a gateway, are the clusters that connections are forwarded to, and their services.
    """
    names = (f"[{lua_literal(name)}] = {lua_literal(service)}" for name, service in (tcp_clusters or {}).items())
    tables = f"local TCP_CLUSTERS = {{{', '.join(names)}}}\n"
    return lua_filter({"CLAIM": peer.claim, "DOMAIN": domain}, CLAIM_FIELDS, tables + _PAGE)


# Labels are written in the order of Istio's documentation. A missing value of Envoy is `-`, as is no flag at all.
_PAGE = """\
local function or_unknown(value) return value and value ~= "" and value ~= "-" and value or "unknown" end
local function end_labels(side, claim)
    local workload, namespace, app, version, service, revision, cluster = fields_of(claim)
    local format = ('%s_workload="%s",%s_workload_namespace="%s",%s_principal="unknown",%s_app="%s",%s_version="%s",'
        .. '%s_canonical_service="%s",%s_canonical_revision="%s",%s_cluster="%s"')
    return format:gsub("%%s_", side .. "_"):format(or_unknown(workload), or_unknown(namespace), or_unknown(app),
        or_unknown(version), or_unknown(service), or_unknown(revision), or_unknown(cluster))
end
local function service_labels(service)
    local name, namespace = service:match("^([^.]+)%.([^.]+)%.svc%f[.%z]")
    return ('destination_service="%s",destination_service_name="%s",destination_service_namespace="%s"'):format(
        or_unknown(service), name or or_unknown(service), namespace or "unknown")
end
local function service_of(claim)
    local _, namespace, _, _, service = fields_of(claim)
    return namespace and service .. "." .. namespace .. ".svc." .. DOMAIN or ""
end
local known = {}
local function ends(reporter, peer, service)
    local key = reporter .. "|" .. peer .. "|" .. service
    if not known[key] then
        local inbound = reporter == "destination"
        local source, destination = inbound and peer or CLAIM, inbound and CLAIM or peer
        if inbound then service = service_of(CLAIM) elseif service == "" then service = service_of(peer) end
        known[key] = ('reporter="%s",%s,%s,%s'):format(reporter, end_labels("source", source),
            end_labels("destination", destination), service_labels(service))
    end
    return known[key]
end
local function policy(reporter)
    return ('connection_security_policy="%s"'):format(reporter == "destination" and "none" or "unknown")
end
local function service_of_cluster(cluster)
    return cluster and cluster:match("^outbound|%d+|[^|]*|(.*)$") or ""
end
local function line(name, text)
    local labels, rest = {}, ""
    for label, value in text:gmatch('([%w_]+)="([^"]*)"') do
        labels[label] = value
        if label == "le" then rest = ',le="' .. value .. '"' end
    end
    if name:sub(1, 4) == "tcp_" then
        rest = 'request_protocol="tcp",response_flags="-"'
    else
        local protocol = labels.request_protocol == "grpc" and "grpc" or "http"
        local fields = {'request_protocol="' .. protocol .. '"'}
        if labels.response_code then
            local status = protocol == "grpc" and labels.grpc_response_status or ""
            fields[2] = ('response_code="%s",grpc_response_status="%s",response_flags="%s"'):format(
                labels.response_code, status, labels.response_flags)
        end
        rest = table.concat(fields, ",") .. rest
    end
    local claim, service = (labels.peer or ""):match("^([^|]*)|?(.*)$")
    if claim == "-" then claim = "" end
    if labels.cluster then service = service_of_cluster(labels.cluster) end
    return ("istio_%s{%s,%s,%s}"):format(name, ends(labels.reporter, claim, service), policy(labels.reporter), rest)
end
local function connections(page)
    local found = {}
    local function add(name, reporter, service, value)
        found[name] = found[name] or {"# TYPE istio_" .. name .. " counter\\n"}
        table.insert(found[name], ('istio_%s{%s,%s,request_protocol="tcp",response_flags="-"} %s\\n'):format(
            name, ends(reporter, "", service), policy(reporter), value))
    end
    local direct = {cx_tx_bytes = "tcp_sent_bytes_total", cx_rx_bytes = "tcp_received_bytes_total",
        cx = "tcp_connections_opened_total"}
    for what, name in pairs(direct) do
        local metric = "\\nenvoy_tcp_downstream_" .. what .. "_total{envoy_tcp_prefix=\\"%s\\"} (%%d+)"
        for direction, reporter in pairs({inbound = "destination", outbound = "source"}) do
            local value = page:match(metric:format(direction))
            if value then add(name, reporter, "", value) end
        end
    end
    local forwarded = {cx_tx_bytes_total = "tcp_received_bytes_total", cx_rx_bytes_total = "tcp_sent_bytes_total",
        cx_total = "tcp_connections_opened_total", cx_destroy = "tcp_connections_closed_total"}
    for what, name in pairs(next(TCP_CLUSTERS) and forwarded or {}) do
        local metric = "\\nenvoy_cluster_upstream_" .. what .. "{envoy_cluster_name=\\"([^\\"]*)\\"} (%d+)"
        for cluster, value in page:gmatch(metric) do
            if TCP_CLUSTERS[cluster] then add(name, "source", TCP_CLUSTERS[cluster], value) end
        end
    end
    local texts = {}
    for _, lines in pairs(found) do texts[#texts + 1] = table.concat(lines) end
    return table.concat(texts)
end
function envoy_on_response(handle)
    local body = handle:body()
    local page = body:getBytes(0, body:length())
    local more = connections("\\n" .. page)
    page = page:gsub("# TYPE envoy_istio_", "# TYPE istio_"):gsub("envoy_istio_([%w_]+){([^}]*)}", line)
    local length = body:setBytes(page .. more)
    if handle:headers():get("content-length") then handle:headers():replace("content-length", tostring(length)) end
end"""
