"""`python -m tests.bench.scaling`: from the cost of a review to replicas, as `docs/scaling.md` shows it.

Reviews come at random, as from many API servers; a replica is one worker that does one at a time. A simulation, not a
formula, so that shedding is part of it; its seed is fixed, so that the page can be compared with it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from math import ceil
from random import Random

from injector.server.limits import ConnectionLimits, Limits

NEVER_SEEN_MS, IDENTICAL_MS = 0.55, 0.10
_SEED, _REVIEWS = 8, 100_000
_PODS, _TARGET, _HEADROOM = 1_000, 0.5, 1
_UTILISATIONS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.1, 1.5)
_SHARES = (1.0, 0.5, 0.1)


def cost(never_seen_ms: float, share: float) -> float:
    """Milliseconds of a review where `share` of the pods, 0 to 1, were never seen before and the others were."""
    return share * never_seen_ms + (1 - share) * IDENTICAL_MS


def replicas(pods: float, cost_ms: float, utilisation: float) -> int:
    """One-worker replicas that keep `utilisation`, 0 to 1, at `pods` a second, and one more that may fail."""
    return ceil(pods * cost_ms / 1000 / utilisation) + _HEADROOM


def simulated(cost_ms: float, utilisation: float) -> tuple[float, float]:
    """The p99 in milliseconds of answered reviews, and the share that is shed after waiting too long for its turn."""
    random, now, free, shed = Random(_SEED), 0.0, 0.0, 0  # noqa: S311 -- a simulation, to be repeated exactly
    latencies = []
    for _ in range(_REVIEWS):
        now += random.expovariate(utilisation / cost_ms)
        if free - now > Limits().waiting * 1000:
            shed += 1
            continue
        free = max(now, free) + cost_ms
        latencies.append(free - now)
    return sorted(latencies)[len(latencies) * 99 // 100], shed / _REVIEWS


def page(never_seen_ms: float) -> str:
    """All tables, as Markdown."""
    return "\n\n".join("\n".join(part(never_seen_ms)) for part in (_replicas, _queue, _autoscaler, _breaks)) + "\n"


def _replicas(never_seen_ms: float) -> Iterator[str]:
    yield f"| never seen before | ms a review | reviews a second | replicas for {_PODS:,} pods a second |"
    yield "| --- | --- | --- | --- |"
    for share in _SHARES:
        each = cost(never_seen_ms, share)
        yield f"| {share:.0%} | {each:.3f} | {1000 / each:,.0f} | {replicas(_PODS, each, _TARGET)} |"


def _queue(never_seen_ms: float) -> Iterator[str]:
    yield "| utilisation of a worker | p99, ms | shed |"
    yield "| --- | --- | --- |"
    for utilisation in _UTILISATIONS:
        p99, shed = simulated(never_seen_ms, utilisation)
        yield f"| {utilisation:.0%} | {p99:,.1f} | {shed:.1%} |"


def _autoscaler(never_seen_ms: float) -> Iterator[str]:
    most = replicas(_PODS, never_seen_ms, _TARGET)
    yield "| HorizontalPodAutoscaler | value |"
    yield "| --- | --- |"
    yield f"| target CPU utilisation, with a request of one CPU a replica | {_TARGET:.0%} |"
    yield "| `minReplicas` | 2 |"
    yield f"| `maxReplicas`, for twice as many | {replicas(2 * _PODS, never_seen_ms, _TARGET)} |"
    yield f"| `minReplicas` where {_PODS:,} pods a second come without notice | {most} |"


def _breaks(never_seen_ms: float) -> Iterator[str]:
    most = 1000 / never_seen_ms
    waiting, connections = Limits().waiting, ConnectionLimits().connections
    yield "| one worker | where it ends |"
    yield "| --- | --- |"
    yield f"| reviews a second | {most:,.0f} |"
    yield f"| reviews in the queue when it begins to shed, after {waiting:g} s | {most * waiting:,.0f} |"
    yield f"| connections, beyond which one without a request gives way to a new one | {connections:,} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    parser.add_argument("--cost", type=float, default=NEVER_SEEN_MS, help="ms of a review never seen before (0.55)")
    sys.stdout.write(page(parser.parse_args(arguments).cost))
    return 0


if __name__ == "__main__":
    sys.exit(main())
