"""What operators see of the cluster: whether it is followed, and what became of the CA bundle (reference 17.1)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from injector.cluster.watch import Status
from injector.core import metrics

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
        self._attempts = Counter(*metrics.PATCH_ATTEMPTS.arguments, registry=registry)
        self._retries = Counter(*metrics.PATCH_RETRIES.arguments, registry=registry)
        self._failures = Counter(*metrics.PATCH_FAILURES.arguments, registry=registry)
        self.lease_held = Gauge(*metrics.LEASE_HELD.arguments, registry=registry)
        self.secret_writes = Counter(*metrics.SECRET_WRITES.arguments, registry=registry)
        self.events = Counter(*metrics.EVENTS.arguments, registry=registry)

    def watch(self, statuses: Callable[[], Mapping[str, Status]]) -> None:
        """Show what `statuses` says of each resource whenever metrics are read."""
        shown: Sequence[tuple[metrics.Metric, Callable[[Status], float]]] = (
            (metrics.CLUSTER_CONNECTED, lambda status: status.connected),
            (metrics.CLUSTER_AGE, lambda status: status.age_seconds),
            (metrics.CLUSTER_KNOWN, lambda status: status.known),
            (metrics.CLUSTER_OBJECTS, lambda status: status.objects),
        )
        for metric, value in shown:
            gauge = Gauge(*metric.arguments, registry=self._registry)
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
