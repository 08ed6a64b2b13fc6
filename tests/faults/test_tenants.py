"""Tenants who send the dearest reviews they can beside others, over TLS, to one worker.

`python -m tests.faults.test_tenants` prints the figures of both drills.
"""

import asyncio
import json
import ssl
import sys
import time
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.bench.process import resident
from tests.bench.subjects import review, small_pod
from tests.cli.serving import Server, Start
from tests.faults.attackers import Outcome, at_rate, sent

pytestmark = pytest.mark.slow

SECONDS, HONEST = 10, 200
MOST_MEGABYTES = 160


async def attackers(server: Server, rate: int) -> Counter[str]:
    """What becomes of so many dear reviews a second, sent by a process that leaves the processor to others."""
    command = ("nice", "-n", "10", sys.executable, "-m", "tests.faults.attackers")
    arguments = (server.url, str(server.store.bundle), str(rate), str(SECONDS))
    process = await asyncio.create_subprocess_exec(*command, *arguments, stdout=PIPE)
    written, _ = await process.communicate()
    return Counter(json.loads(written))


async def handshakes(server: Server) -> Outcome:
    """A new connection every tenth of a second."""
    outcome, until = Outcome(), time.monotonic() + SECONDS
    trust = ssl.create_default_context(cafile=server.store.bundle)
    while time.monotonic() < until:
        async with httpx.AsyncClient(base_url=server.url, verify=trust, timeout=10) as fresh:
            await sent(fresh, review(small_pod(7), 7), outcome)
        await asyncio.sleep(0.1)
    return outcome


async def together(server: Server, rate: int) -> tuple[Outcome, Counter[str], Outcome]:
    """What became of honest requests, of those of attackers, and of new connections."""
    trust = ssl.create_default_context(cafile=server.store.bundle)
    async with httpx.AsyncClient(base_url=server.url, verify=trust, timeout=30) as honest:
        return await asyncio.gather(
            at_rate(HONEST, SECONDS, honest, lambda number: review(small_pod(number), number)),
            attackers(server, rate),
            handshakes(server),
        )


def held(server: Server) -> int:
    return resident(server.process.pid) >> 20


def test_twenty_attackers_a_second_slow_nobody_down(start: Start) -> None:
    server = start("--drain-seconds", "1")
    asyncio.run(together(server, 2))
    before = held(server)
    honest, dear, fresh = asyncio.run(together(server, 20))
    assert honest.counts == {"200": HONEST * SECONDS}
    assert dear == {"200": 20 * SECONDS}
    assert fresh.counts.keys() == {"200"}
    assert held(server) < min(MOST_MEGABYTES, before + 30)


def test_of_two_hundred_attackers_a_second_the_excess_is_shed(start: Start) -> None:
    server = start("--drain-seconds", "1")
    honest, dear, fresh = asyncio.run(together(server, 200))
    assert (honest.counts + dear).keys() <= {"200", "503"}, "nobody waits in vain"
    assert fresh.counts.keys() <= {"200", "503"}, "a handshake is always finished"
    assert honest.counts["200"] > 0
    assert held(server) < MOST_MEGABYTES


def main() -> None:
    """Print the outcomes of both drills."""
    import tempfile  # noqa: PLC0415 -- of no use to the tests

    for rate in (20, 200):
        with tempfile.TemporaryDirectory() as directory:
            server = Server(Path(directory), "--drain-seconds", "1")
            asyncio.run(together(server, 2))
            before, spent = held(server), processor_seconds(server)
            honest, dear, fresh = asyncio.run(together(server, rate))
            slowest, used = sorted(honest.seconds), processor_seconds(server) - spent
            sys.stdout.write(
                f"{rate}/s: honest {dict(honest.counts)}, median {slowest[len(slowest) // 2] * 1000:.1f} ms, 99 in 100 "
                f"within {slowest[len(slowest) * 99 // 100] * 1000:.0f} ms, slowest {slowest[-1] * 1000:.0f} ms; "
                f"attackers {dict(dear)}; new connections {dict(fresh.counts)}, slowest "
                f"{max(fresh.seconds) * 1000:.0f} ms; {before} MB before, {held(server)} MB after; the worker used "
                f"{used / SECONDS:.0%} of a core\n"
            )
            server.process.terminate()
            server.process.wait()


def processor_seconds(server: Server) -> float:
    """The processor time that the server has taken so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
