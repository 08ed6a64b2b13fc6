"""Tenants in a process of their own who send the dearest reviews they can, so that they slow down no other client.

`python -m tests.faults.attackers URL BUNDLE RATE SECONDS` prints, as JSON, what became of so many a second.
"""

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle

import httpx

from tests.bench.subjects import review
from tests.faults.load import JSON
from tests.fuzz.dear import KINDS

# The dearest of `docs/performance.md`, and the largest that are refused.
DEAREST = (
    ("user volumes", 20), ("proxyMetadata", 300), ("two templates", 1), ("all templates", 1), ("probes", 60),
    ("containers in a template", 20), ("mounts of an own proxy", 150), ("containers in a small template", 60),
    ("values of a user volume", 5_000), ("misspelt annotations", 1_000), ("characters of one annotation", 250_000),
    ("templates that are none", 40_000), ("saved containers", 400),
)  # fmt: skip


@dataclass
class Outcome:
    """What became of requests: by status or error, and how long those took that were answered with 200."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


async def sent(client: httpx.AsyncClient, body: bytes, outcome: Outcome) -> None:
    """Send a review and note what becomes of it."""
    started = time.monotonic()
    try:
        answer = await client.post("/inject?timeout=10s", content=body, headers=JSON)
    except httpx.HTTPError as error:
        outcome.counts[type(error).__name__] += 1
        return
    outcome.counts[str(answer.status_code)] += 1
    if answer.status_code == 200:
        outcome.seconds.append(time.monotonic() - started)


async def at_rate(rate: int, seconds: int, client: httpx.AsyncClient, body: Callable[[int], bytes]) -> Outcome:
    """`rate` requests a second for a while, whatever becomes of those before."""
    outcome, began = Outcome(), time.monotonic()
    async with asyncio.TaskGroup() as requests:
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            requests.create_task(sent(client, body(number), outcome))
    return outcome


async def attack(url: str, bundle: str, rate: int, seconds: int) -> Outcome:
    """Send one dear review after the other, each kind in turn."""
    bodies = cycle([review(KINDS[kind](number), 3) for kind, number in DEAREST])
    trust = ssl.create_default_context(cafile=bundle)
    async with httpx.AsyncClient(base_url=url, verify=trust, timeout=30) as client:
        return await at_rate(rate, seconds, client, lambda _: next(bodies))


def main(url: str, bundle: str, rate: str, seconds: str) -> None:
    """Attack, and print the counts."""
    outcome = asyncio.run(attack(url, bundle, int(rate), int(seconds)))
    sys.stdout.write(json.dumps(outcome.counts))


if __name__ == "__main__":
    main(*sys.argv[1:5])
