"""The whole configuration of a gateway's Envoy: listeners, clusters, and what the gateway has for itself."""

from collections.abc import Iterable, Sequence

from injector.core.model import JsonObject
from injector.envoy.http import extension
from injector.envoy.sidecar import collector
from injector.gateway.authentication import key_servers
from injector.gateway.envoy_clusters import cluster, static_cluster
from injector.gateway.envoy_filters import router
from injector.gateway.envoy_listeners import Edge, envoy_listener, listening_socket
from injector.gateway.envoy_tls import CertificateSource
from injector.gateway.model import Listener, Upstream

ADMIN_PORT, READINESS_PORT, STATISTICS_PORT = 15000, 15021, 15090
READINESS_PATH, STATISTICS_PATH = "/healthz/ready", "/stats/prometheus"
_ADMIN_CLUSTER = "prometheus_stats"
_LOOPBACK = "127.0.0.1"
_NAME = "gateway"
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
_MOST_CONNECTIONS = 50_000


def bootstrap(
    listeners: Iterable[Listener], upstreams: Iterable[Upstream], edge: Edge, source: CertificateSource, secrets: str
) -> JsonObject:
    """A configuration that `envoy -c` takes; Envoy's command line may give it another name."""
    destinations: Sequence[Upstream] = [*upstreams, *key_servers(edge.jwt_rules)]
    clusters = [cluster(each, source, secrets) for each in destinations]
    clusters.append(static_cluster(_ADMIN_CLUSTER, _LOOPBACK, ADMIN_PORT))
    if edge.tracing is not None:
        clusters.append(collector(edge.tracing))
    own = [_readiness_listener(edge.address), _statistics_listener(edge.address)]
    return {
        "node": {"id": _NAME, "cluster": _NAME},
        "admin": {"address": listening_socket(_LOOPBACK, ADMIN_PORT)},
        "overload_manager": {"resource_monitors": [_connection_limit()]},
        "static_resources": {
            "listeners": [*(envoy_listener(each, edge, source) for each in listeners), *own],
            "clusters": clusters,
        },
    }


def _connection_limit() -> JsonObject:
    """More clients than this are turned away, before they take the memory of those that are served."""
    return extension(
        "resource_monitors.global_downstream_max_connections",
        "resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=_MOST_CONNECTIONS,
    )


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


def _statistics_listener(address: str) -> JsonObject:
    """Prometheus reads this one page of the admin interface, and no other."""
    route = {"match": {"path": STATISTICS_PATH}, "route": {"cluster": _ADMIN_CLUSTER}}
    return _own_listener("statistics", address, STATISTICS_PORT, [], [route])


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
