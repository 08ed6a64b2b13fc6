"""Every metric: name, kind, help, labels, and how the values of worker processes become one (reference 17.1).

`docs/metrics.md` is made from this table. What counts is in `injector.server.telemetry` and `injector.cluster.metrics`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, its name without what its kind adds (`_total` of counters).

    Of several worker processes the values are added up, or the lowest or highest one counts: that to worry about.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    merged: Literal["sum", "lowest", "highest"] = "sum"

    @property
    def arguments(self) -> tuple[str, str, tuple[str, ...]]:
        """What the metrics of prometheus_client are made with: name, help and labels."""
        return self.name, self.help, self.labels


REQUESTS = Metric("sidecar_injection_requests", "counter", "HTTP requests to the webhook")
SUCCESS = Metric("sidecar_injection_success", "counter", "pods injected", ("reason",))
SKIP = Metric("sidecar_injection_skip", "counter", "pods that are not to be injected", ("reason",))
FAILURE = Metric(
    "sidecar_injection_failure", "counter", "requests refused, pods that could not be injected", ("reason",)
)
REFUSALS = Metric(
    "sidecar_injector_refusals",
    "counter",
    "pods refused, by namespace; those of all but the first hundred namespaces as `others`",
    ("pod_namespace",),
)
TIME = Metric("sidecar_injection_time_seconds", "histogram", "time to answer")
CONNECTIONS_DROPPED = Metric(
    "sidecar_injector_connections_dropped", "counter", "connections given up before or between requests", ("reason",)
)
LOG_LINES_LOST = Metric("sidecar_injector_log_lines_lost", "counter", "log lines that could not be written")
CONFIGURATION_CURRENT = Metric(
    "sidecar_injector_configuration_current",
    "gauge",
    "1: the configuration on disk is in force; 0: the last good one is",
    merged="lowest",
)
CERTIFICATE_EXPIRY = Metric(
    "sidecar_injector_certificate_expiry_timestamp_seconds",
    "gauge",
    "when the serving certificate expires",
    merged="lowest",
)

CACHE_BYTES = Metric("sidecar_injector_cache_bytes", "gauge", "bytes that a cache holds", ("cache",))
CACHE_HITS = Metric("sidecar_injector_cache_hits", "counter", "values that a cache had", ("cache",))
CACHE_MISSES = Metric("sidecar_injector_cache_misses", "counter", "values that a cache did not have", ("cache",))

PATCH_ATTEMPTS = Metric("webhook_patch_attempts", "counter", "CA bundle updates tried", ("name",))
PATCH_RETRIES = Metric("webhook_patch_retries", "counter", "CA bundle updates to be retried", ("name",))
PATCH_FAILURES = Metric("webhook_patch_failures", "counter", "CA bundle faults", ("name", "reason"))
LEASE_HELD = Metric(
    "sidecar_injector_lease_held", "gauge", "1: this replica writes certificates and CA bundles", merged="highest"
)
SECRET_WRITES = Metric("sidecar_injector_secret_writes", "counter", "times certificates were written to the Secret")
EVENTS = Metric("sidecar_injector_events", "counter", "Events for authors of pods", ("result",))
CLUSTER_CONNECTED = Metric(
    "sidecar_injector_cluster_connected",
    "gauge",
    "1: changes of the resource arrive; 0: what was known of it last is served",
    ("resource",),
    "lowest",
)
CLUSTER_AGE = Metric(
    "sidecar_injector_cluster_snapshot_age_seconds",
    "gauge",
    "seconds since changes of the resource last arrived; 0 while they do",
    ("resource",),
    "highest",
)
CLUSTER_KNOWN = Metric(
    "sidecar_injector_cluster_known",
    "gauge",
    "1: the resource was read since the start; 0: nothing is known of it yet",
    ("resource",),
    "lowest",
)
CLUSTER_OBJECTS = Metric(
    "sidecar_injector_cluster_objects", "gauge", "objects of the resource", ("resource",), "lowest"
)

# Every constant above is a row.
METRICS: Mapping[str, Metric] = {each.name: each for each in list(globals().values()) if isinstance(each, Metric)}
