"""HTTPRetry → RetryPolicy.

Source of the defaults: https://istio.io/latest/docs/concepts/traffic-management/#retries and
.../reference/config/networking/virtual-service/#HTTPRetry: two retries where nothing is said, none with `attempts: 0`.
"""

from injector.core.model import JsonObject
from injector.core.proxy_config.parse import duration_text, nanoseconds

_DEFAULT_ATTEMPTS = 2
_DEFAULT_CONDITIONS = "connect-failure,refused-stream,unavailable,cancelled"
_STATUSES = "retriable-status-codes"
# How often another host is looked for before the same one is tried again.
_HOST_ATTEMPTS = 5
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}


def retry_policy(retries: JsonObject | None) -> JsonObject | None:
    """The policy of a route; None where nothing is to be tried again."""
    given = retries or {}
    attempts = given.get("attempts", _DEFAULT_ATTEMPTS)
    if not attempts:
        return None
    policy = {**_conditions(given.get("retryOn", _DEFAULT_CONDITIONS)), "num_retries": attempts}
    if given.get("retryIgnorePreviousHosts", True):
        policy |= {
            "retry_host_predicate": [_PREVIOUS_HOSTS],
            "host_selection_retry_max_attempts": _HOST_ATTEMPTS,
        }
    if "perTryTimeout" in given:
        policy["per_try_timeout"] = duration_text(nanoseconds(given["perTryTimeout"]))
    if "backoff" in given:
        policy["retry_back_off"] = {"base_interval": duration_text(nanoseconds(given["backoff"]))}
    return policy


def _conditions(text: str) -> JsonObject:
    """Statuses among the conditions are a list of their own."""
    conditions = [condition.strip() for condition in text.split(",")]
    statuses = [int(condition) for condition in conditions if condition.isdigit()]
    named = [condition for condition in conditions if not condition.isdigit()]
    if not statuses:
        return {"retry_on": ",".join(named)}
    return {"retry_on": ",".join(dict.fromkeys((*named, _STATUSES))), "retriable_status_codes": statuses}
