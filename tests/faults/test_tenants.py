"""Tenants who send the dearest reviews they can beside others, over TLS, to one worker."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from tests.bench.process import resident
from tests.bench.subjects import review, small_pod
from tests.cli.serving import Server, Start
from tests.faults.load import JSON
from tests.fuzz.dear import KINDS

pytestmark = pytest.mark.slow

SECONDS, HONEST = 10, 200
MOST_MEGABYTES = 160
# The dearest of `docs/performance.md`, and the largest that are refused.
DEAREST = (
    ("user volumes", 20), ("proxyMetadata", 60), ("all templates", 1), ("containers in a template", 20), ("probes", 60),
    ("mounts of an own proxy", 200), ("containers in a small template", 60), ("values of a user volume", 5_000),
    ("misspelt annotations", 1_000), ("characters of one annotation", 250_000), ("templates that are none", 40_000),
)  # fmt: skip
BODIES = [review(KINDS[kind](number), 3) for kind, number in DEAREST]


@dataclass
class Outcome:
    """What became of requests: by status or error, and how long those took that were answered with 200."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


async def sent(client: httpx.AsyncClient, body: bytes, outcome: Outcome) -> None:
    started = time.monotonic()
    try:
        answer = await client.post("/inject?timeout=10s", content=body, headers=JSON)
    except httpx.HTTPError as error:
        outcome.counts[type(error).__name__] += 1
        return
    outcome.counts[str(answer.status_code)] += 1
    if answer.status_code == 200:
        outcome.seconds.append(time.monotonic() - started)


async def at_rate(rate: int, client: httpx.AsyncClient, body: Callable[[int], bytes]) -> Outcome:
    """`rate` requests a second for a while, whatever becomes of those before."""
    outcome, began = Outcome(), time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for number in range(rate * SECONDS):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            requests.create_task(sent(client, body(number), outcome))
    return outcome


async def handshakes(server: Server) -> Outcome:
    """A new connection every tenth of a second."""
    outcome, until = Outcome(), time.monotonic() + SECONDS
    trust = ssl.create_default_context(cafile=server.store.bundle)
    while time.monotonic() < until:
        async with httpx.AsyncClient(base_url=server.url, verify=trust, timeout=10) as fresh:
            await sent(fresh, review(small_pod(7), 7), outcome)
        await asyncio.sleep(0.1)
    return outcome


async def together(server: Server, attackers: int) -> tuple[Outcome, Outcome, Outcome]:
    """What became of honest requests, of those of attackers, and of new connections."""
    trust = ssl.create_default_context(cafile=server.store.bundle)
    dear = cycle(BODIES)
    async with (
        httpx.AsyncClient(base_url=server.url, verify=trust, timeout=30) as honest,
        httpx.AsyncClient(base_url=server.url, verify=trust, timeout=30) as other,
    ):
        return await asyncio.gather(
            at_rate(HONEST, honest, lambda number: review(small_pod(number), number)),
            at_rate(attackers, other, lambda _: next(dear)),
            handshakes(server),
        )


def held(server: Server) -> int:
    return resident(server.process.pid) >> 20


def test_twenty_attackers_a_second_slow_nobody_down(start: Start) -> None:
    server = start("--drain-seconds", "1")
    asyncio.run(together(server, 1))
    before = held(server)
    honest, attackers, fresh = asyncio.run(together(server, 20))
    assert honest.counts == {"200": HONEST * SECONDS}
    assert attackers.counts == {"200": 20 * SECONDS}
    assert fresh.counts.keys() == {"200"}
    assert held(server) < min(MOST_MEGABYTES, before + 30)


def test_of_two_hundred_attackers_a_second_the_excess_is_shed(start: Start) -> None:
    server = start("--drain-seconds", "1")
    honest, attackers, fresh = asyncio.run(together(server, 200))
    answered = honest.counts + attackers.counts
    assert answered.keys() <= {"200", "503"}, "nobody waits in vain"
    assert fresh.counts.keys() <= {"200", "503"}, "a handshake is always finished"
    assert honest.counts["200"] > 0
    assert held(server) < MOST_MEGABYTES


def main() -> None:
    """Print the outcomes of both drills."""
    import sys  # noqa: PLC0415 -- of no use to the tests
    import tempfile  # noqa: PLC0415

    for attackers in (20, 200):
        with tempfile.TemporaryDirectory() as directory:
            server = Server(Path(directory), "--drain-seconds", "1")
            honest, dear, fresh = asyncio.run(together(server, attackers))
            slowest = sorted(honest.seconds)
            sys.stdout.write(
                f"{attackers}/s: honest {dict(honest.counts)}, median {slowest[len(slowest) // 2] * 1000:.1f} ms, "
                f"slowest {slowest[-1] * 1000:.0f} ms; attackers {dict(dear.counts)}; new connections "
                f"{dict(fresh.counts)}; {held(server)} MB\n"
            )
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
