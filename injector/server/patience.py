"""How long the client of a request is ready to wait, and whether it has waited too long for work on it to make sense.

An API server says how long it waits in the query: `?timeout=10s`, the webhook's `timeoutSeconds`.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#timeouts
"""

from collections.abc import Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs

from injector.core.proxy_config.parse import SECOND, nanoseconds

# Where the connection notes, in the state of an ASGI scope, when the whole request had been read (`perf_counter`).
ARRIVED = "arrived"


@lru_cache(maxsize=128)
def timeout_of(query: bytes) -> float:
    """The seconds that the `timeout` in a query string gives; infinite where there is none that is a duration."""
    try:
        seconds = nanoseconds(parse_qs(query.decode("ascii"))["timeout"][0]) / SECOND
    except (KeyError, ValueError):
        return float("inf")
    return seconds if seconds > 0 else float("inf")


def waited_too_long(scope: Mapping[str, Any], limit: float) -> str:
    """Why no work should begin on the request of `scope` now, as one line; empty where it should.

    A request waits as long as those are worked on that were read with it, and before that, unseen in its socket, as
    long as those read before: that is bounded by the same limit. So half of the client's timeout is the most.
    """
    arrived = scope.get("state", {}).get(ARRIVED)
    if arrived is None:
        return ""
    waited, limit = perf_counter() - arrived, min(limit, timeout_of(scope["query_string"]) / 2)
    if waited <= limit:
        return ""
    return f"overloaded: the request waited {waited:.3f} s for its turn, the limit is {limit:.3f} s; try again"
