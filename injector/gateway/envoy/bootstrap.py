"""The whole configuration: listeners and clusters, and the ports that the gateway has for itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.envoy.sidecar import collector
from injector.gateway.envoy.clusters import destination_cluster, socket_address, static_cluster
from injector.gateway.envoy.filters import router
from injector.gateway.envoy.listeners import envoy_listener
from injector.gateway.model import Destination, Listener

ADMIN_PORT, READINESS_PORT, STATISTICS_PORT = 15000, 15021, 15090
READINESS_PATH, STATISTICS_PATH = "/healthz/ready", "/stats/prometheus"

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
_ADMIN_CLUSTER = "prometheus_stats"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Observation:
    """The address that the gateway listens on, and where its spans go; None: nowhere."""

    address: str
    tracing: Tracing | None


def bootstrap(listeners: Iterable[Listener], destinations: Iterable[Destination], seen: Observation) -> JsonObject:
    """A static configuration that `envoy -c` takes; who the gateway is, Envoy's command line tells."""
    clusters = [destination_cluster(destination) for destination in destinations]
    clusters.append({**static_cluster(_ADMIN_CLUSTER, _LOOPBACK, ADMIN_PORT), "type": "STATIC"})
    if seen.tracing is not None:
        clusters.append(collector(seen.tracing))
    own = [_readiness_listener(seen.address), _statistics_listener(seen.address)]
    return {
        "admin": {"address": socket_address(_LOOPBACK, ADMIN_PORT)},
        "static_resources": {
            "listeners": [*(envoy_listener(each, seen.address, seen.tracing) for each in listeners), *own],
            "clusters": clusters,
        },
    }


def _readiness_listener(address: str) -> JsonObject:
    """Answers by itself, and 503 once `POST /healthcheck/fail` has begun the drain."""
    health_check = {
        "name": "envoy.filters.http.health_check",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.http.health_check.v3.HealthCheck",
            "pass_through_mode": False,
            "headers": [{"name": ":path", "string_match": {"exact": READINESS_PATH}}],
        },
    }
    return _own_listener("readiness", address, READINESS_PORT, [health_check], [])


def _statistics_listener(address: str) -> JsonObject:
    """Prometheus reads this one page of the admin interface, and no other."""
    route = {"match": {"path": STATISTICS_PATH}, "route": {"cluster": _ADMIN_CLUSTER}}
    return _own_listener("statistics", address, STATISTICS_PORT, [], [route])


def _own_listener(
    name: str, address: str, port: int, filters: list[JsonObject], routes: list[JsonObject]
) -> JsonObject:
    manager = {
        "@type": f"{_EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        "http_filters": [*filters, router()],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": name, "address": socket_address(address, port), "filter_chains": [chain]}
