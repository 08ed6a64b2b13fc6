"""What operators see of the cluster: whether it is followed, and what became of the CA bundle (reference 17.1)."""

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from injector.cluster.watch import Status

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

    def watch(self, statuses: Callable[[], Mapping[str, Status]]) -> None:
        """Show what `statuses` says of each resource whenever metrics are read."""
        shown: Mapping[str, tuple[str, Callable[[Status], float]]] = {
            "sidecar_injector_cluster_connected": (
                "1: changes of the resource arrive; 0: what was known of it last is served",
                lambda status: status.connected,
            ),
            "sidecar_injector_cluster_snapshot_age_seconds": (
                "seconds since changes of the resource last arrived; 0 while they do",
                lambda status: status.age_seconds,
            ),
            "sidecar_injector_cluster_known": (
                "1: the resource was read since the start; 0: nothing is known of it yet",
                lambda status: status.known,
            ),
            "sidecar_injector_cluster_objects": ("objects of the resource", lambda status: status.objects),
        }
        for name, (what, value) in shown.items():
            gauge = Gauge(name, what, ("resource",), registry=self._registry)
            for resource in statuses():
                gauge.labels(resource).set_function(partial(_value, statuses, resource, value))

    def patch_attempted(self) -> None:
        """An update of a CA bundle is tried."""
        self._attempts.labels(_ENTRY_NAME).inc()

    def patch_failed(self, name: str, reason: str) -> None:
        """The webhook configuration `name` cannot be given its CA bundle, because of `reason`."""
        self._failures.labels(name, reason).inc()
        if reason in TRIED_AGAIN:
            self._retries.labels(name).inc()


def _value(statuses: Callable[[], Mapping[str, Status]], resource: str, value: Callable[[Status], float]) -> float:
    return float(value(statuses()[resource]))
