"""How long to wait before the API server is asked again.

Source: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/ for what answers 429, and why it says
how long to wait.
"""

from collections.abc import Callable
from random import uniform

from injector.cluster.api import ClusterError

_FIRST = 0.2
_LONGEST = 10.0
# A server that asks for more is not followed for hours: it may mean somebody else, or be a proxy in its place.
_LONGEST_ASKED = 120.0


class Backoff:
    """Pauses between tries: each twice as long as the one before, shortened at random, never shorter than asked for."""

    def __init__(self, longest: float = _LONGEST, random: Callable[[float, float], float] = uniform) -> None:
        """Pause `longest` seconds at most. `random` gives a number between two others."""
        self._longest, self._random = longest, random
        self.failures = 0

    def reset(self) -> None:
        """Begin anew: it went well."""
        self.failures = 0

    def after(self, error: ClusterError | None = None) -> float:
        """The seconds to wait after one more failure, which was `error` where the API server gave one."""
        pause = min(_FIRST * 2.0 ** min(self.failures, 20), self._longest)
        self.failures += 1
        # Replicas that lost the same API server do not all come back at the same moment, nor before it asks them to.
        asked = min(error.retry_after if error else 0.0, _LONGEST_ASKED) * self._random(1.0, 1.2)
        return max(pause * self._random(0.7, 1.0), asked)
