"""What operators see of the cluster: whether it is followed, and what became of the CA bundle (reference 17.1)."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from injector.cluster.watch import Connection

WRONG_REVISION = "wrong_revision"
BAD_BUNDLE = "load_ca_bundle_failure"
NOT_FOUND = "webhook_config_not_found"
NO_ENTRY = "webhook_entry_not_found"
UPDATE_FAILED = "webhook_update_failure"
# The others stay as they are until somebody changes the cluster.
TRIED_AGAIN = (BAD_BUNDLE, UPDATE_FAILED)
_ENTRY_NAME = "sidecar-injector.istio.io"


class ClusterMetrics:
    """Metrics about the cluster, in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Add them to `registry`."""
        self._registry = registry
        self._attempts = Counter("webhook_patch_attempts", "CA bundle updates tried", ("name",), registry=registry)
        self._retries = Counter(
            "webhook_patch_retries", "CA bundle updates to be retried", ("name",), registry=registry
        )
        self._failures = Counter("webhook_patch_failures", "CA bundle faults", ("name", "reason"), registry=registry)
        self.lease_held = Gauge(
            "sidecar_injector_lease_held", "1: this replica writes certificates and CA bundles", registry=registry
        )
        self.secret_writes = Counter(
            "sidecar_injector_secret_writes", "times certificates were written to the Secret", registry=registry
        )
        self.events = Counter("sidecar_injector_events", "Events for authors of pods", ("result",), registry=registry)

    def watch(self, connection: Callable[[], Connection]) -> None:
        """Show what `connection` says whenever metrics are read."""
        connected = Gauge(
            "sidecar_injector_cluster_connected",
            "1: changes of the cluster arrive; 0: the last snapshot is served",
            registry=self._registry,
        )
        connected.set_function(lambda: float(connection().connected))
        age = Gauge(
            "sidecar_injector_cluster_snapshot_age_seconds",
            "seconds since changes of the cluster last arrived; 0 while they do",
            registry=self._registry,
        )
        age.set_function(lambda: connection().age_seconds)

    def patch_attempted(self) -> None:
        """An update of a CA bundle is tried."""
        self._attempts.labels(_ENTRY_NAME).inc()

    def patch_failed(self, name: str, reason: str) -> None:
        """The webhook configuration `name` cannot be given its CA bundle, because of `reason`."""
        self._failures.labels(name, reason).inc()
        if reason in TRIED_AGAIN:
            self._retries.labels(name).inc()
