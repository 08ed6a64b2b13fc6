"""The whole configuration of a gateway's Envoy: listeners, clusters, and what the gateway has for itself."""

from collections.abc import Iterable, Mapping, Sequence

from injector.core.model import JsonObject
from injector.envoy.messages import extension
from injector.envoy.metrics import buckets, metrics_page_filter
from injector.envoy.sidecar import collector, connection_limit
from injector.gateway.authentication import key_servers
from injector.gateway.envoy_clusters import cluster, static_cluster, statistics_name
from injector.gateway.envoy_filters import router
from injector.gateway.envoy_listeners import Edge, envoy_listener, listening_socket
from injector.gateway.envoy_tls import CertificateSource
from injector.gateway.model import Listener, Upstream

ADMIN_PORT, READINESS_PORT, STATISTICS_PORT = 15000, 15021, 15090
READINESS_PATH, STATISTICS_PATH = "/healthz/ready", "/stats/prometheus"
_ADMIN_CLUSTER = "prometheus_stats"
_LOOPBACK = "127.0.0.1"
_NAME = "gateway"
# More clients than this are turned away, before they take the memory of those that are served. Source:
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
_MOST_CONNECTIONS = 50_000
_LARGEST_PAGE_BYTES = 64 * 1024 * 1024


def bootstrap(
    listeners: Iterable[Listener], upstreams: Iterable[Upstream], edge: Edge, source: CertificateSource, secrets: str
) -> JsonObject:
    """A configuration that `envoy -c` takes; Envoy's command line may give it another name."""
    destinations: Sequence[Upstream] = [*upstreams, *key_servers(edge.jwt_rules)]
    clusters = [cluster(each, source, secrets) for each in destinations]
    clusters.append(static_cluster(_ADMIN_CLUSTER, _LOOPBACK, ADMIN_PORT))
    if edge.tracing is not None:
        clusters.append(collector(edge.tracing))
    listeners = list(listeners)
    own = [_readiness_listener(edge.address), _statistics_listener(edge, _tcp_clusters(listeners))]
    return {
        "node": {"id": _NAME, "cluster": _NAME},
        "admin": {"address": listening_socket(_LOOPBACK, ADMIN_PORT)},
        "overload_manager": connection_limit(_MOST_CONNECTIONS),
        "stats_config": buckets(),
        "static_resources": {
            "listeners": [*(envoy_listener(each, edge, source) for each in listeners), *own],
            "clusters": clusters,
        },
    }


def _readiness_listener(address: str) -> JsonObject:
    """Answers by itself, and 503 once `POST /healthcheck/fail` has begun the drain."""
    kind = "filters.http.health_check"
    health_check = extension(
        kind,
        f"{kind}.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"exact": READINESS_PATH}}],
    )
    return _own_listener("readiness", address, READINESS_PORT, [health_check], [])


def _tcp_clusters(listeners: Iterable[Listener]) -> dict[str, str]:
    """The clusters that connections are forwarded to, as statistics name them, and their hosts."""
    targets = (target.upstream for each in listeners for chain in each.chains for target in chain.targets)
    return {statistics_name(upstream): upstream.host for upstream in targets}


def _statistics_listener(edge: Edge, tcp_clusters: Mapping[str, str]) -> JsonObject:
    """Prometheus reads this one page of the admin interface, and no other."""
    route = {"match": {"path": STATISTICS_PATH}, "route": {"cluster": _ADMIN_CLUSTER}}
    page = metrics_page_filter(edge.peer, edge.known_peers.domain, tcp_clusters)
    listener = _own_listener("statistics", edge.address, STATISTICS_PORT, [page], [route])
    # The page is written anew as a whole.
    return {**listener, "per_connection_buffer_limit_bytes": _LARGEST_PAGE_BYTES}


def _own_listener(
    name: str, address: str, port: int, filters: list[JsonObject], routes: list[JsonObject]
) -> JsonObject:
    kind = "filters.network.http_connection_manager"
    manager = extension(
        kind,
        f"{kind}.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        http_filters=[*filters, router()],
    )
    return {
        "name": name,
        "address": listening_socket(address, port),
        "filter_chains": [{"filters": [manager]}],
        "ignore_global_conn_limit": True,
    }
