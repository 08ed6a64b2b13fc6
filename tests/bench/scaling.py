"""`python -m tests.bench.scaling`: from the cost of a review to replicas, as `docs/scaling.md` shows it.

The costs are those of the last `make bench`, which writes the page too. Reviews come at random, as from many API
servers; a replica is one worker that does one at a time. A simulation, not a formula, so that shedding is part of it;
its seed is fixed, so that the page can be compared with it.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from injector.server.limits import ConnectionLimits, Limits
from tests.bench import in_process
from tests.bench.report import Report, saved, write_between
from tests.support import REPOSITORY

PAGE = REPOSITORY / "docs" / "scaling.md"
START, END = "<!-- scaling -->", "<!-- end of scaling -->"
_SEED, _REVIEWS = 8, 100_000
_PODS, _TARGET, _BUSY, _HEADROOM = 1_000, 0.5, 0.9, 1
_UTILISATIONS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.1, 1.5)
_SHARES = (1.0, 0.5, 0.1)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a review costs one worker, over TLS and all, in milliseconds; and where that was measured."""

    never_seen: float
    identical: float
    source: str = "given"

    def of(self, share: float) -> float:
        """Of a review where `share` of the pods, 0 to 1, were never seen before and the others were."""
        return share * self.never_seen + (1 - share) * self.identical


def measured(report: Report) -> Costs:
    """The costs of the smallest pod in a report of the benchmark, from its requests a second of one worker."""
    rows = [row for row in report["end_to_end"] if row["server"] == "injector" and row["workers"] == 1]
    smallest = min(row["body_bytes"] for row in rows)
    speeds = {row["reviews"]: row["requests_per_second"] for row in rows if row["body_bytes"] == smallest}
    on = report["machine"]
    source = f"measured {on['date']} on {on['cores']} cores of {on['processor']}, Python {on['python']}"
    return Costs(1000 / speeds[in_process.NEVER_SEEN], 1000 / speeds[in_process.IDENTICAL], source)


def write_page(report: Report) -> None:
    """Put the tables for the costs in `report` into the page."""
    write_between(PAGE, (START, END), page(measured(report)))


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


def page(costs: Costs) -> str:
    """All tables, as Markdown."""
    parts = (_costs(costs), _replicas(costs), _queue(costs), _autoscaler(costs), _breaks(costs))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _costs(costs: Costs) -> Iterator[str]:
    yield f"A review of a pod never seen before takes a worker {costs.never_seen:.3f} ms, of an identical one"
    yield f"{costs.identical:.3f} ms: {costs.source}."


def _replicas(costs: Costs) -> Iterator[str]:
    yield f"| never seen before | ms a review | reviews a second | replicas for {_PODS:,} pods a second |"
    yield "| --- | --- | --- | --- |"
    for share in _SHARES:
        each = costs.of(share)
        yield f"| {share:.0%} | {each:.3f} | {1000 / each:,.0f} | {replicas(_PODS, each, _TARGET)} |"


def _queue(costs: Costs) -> Iterator[str]:
    yield "| utilisation of a worker | p99, ms | shed |"
    yield "| --- | --- | --- |"
    for utilisation in _UTILISATIONS:
        p99, shed = simulated(costs.never_seen, utilisation)
        yield f"| {utilisation:.0%} | {p99:,.1f} | {shed:.1%} |"


def _autoscaler(costs: Costs) -> Iterator[str]:
    most = replicas(_PODS, costs.never_seen, _TARGET)
    yield "| HorizontalPodAutoscaler | value |"
    yield "| --- | --- |"
    yield f"| target CPU utilisation, with a request of one CPU a replica | {_TARGET:.0%} |"
    yield "| `minReplicas` | 2 |"
    yield f"| `maxReplicas`, for twice as many | {replicas(2 * _PODS, costs.never_seen, _TARGET)} |"
    yield f"| `minReplicas` where {_PODS:,} pods a second come without notice | {most} |"


def _breaks(costs: Costs) -> Iterator[str]:
    """What happens to one worker first, second and third, as more is asked of it."""
    most = 1000 / costs.never_seen
    waiting, connections = Limits().waiting, ConnectionLimits().connections
    calm, busy = (simulated(costs.never_seen, utilisation)[0] for utilisation in (_TARGET, _BUSY))
    yield "| what breaks, in order | where, one worker | what a client sees |"
    yield "| --- | --- | --- |"
    yield f"| latency | from {_BUSY * most:,.0f} reviews a second on | p99 {busy:,.0f} ms in place of {calm:,.0f} ms |"
    yield f"| shedding, under a steady load | from {most:,.0f} reviews a second on | 503 after {waiting:g} s at most |"
    yield f"| shedding, by a burst | {most * waiting:,.0f} reviews at once | the same, for those behind them |"
    yield f"| connections | {connections:,} | those without a request are closed for new ones |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    parser.add_argument("--cost", type=float, help="ms of a review never seen before, in place of the measured ones")
    parser.add_argument("--identical", type=float, help="ms of a review of an identical pod, with --cost")
    options = parser.parse_args(arguments)
    found = measured(saved())
    if options.cost is not None:
        found = Costs(options.cost, found.identical if options.identical is None else options.identical)
    sys.stdout.write(page(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
