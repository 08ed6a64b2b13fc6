"""The wall clock is set by hours and years while the server runs: nothing waits for it, and certificates follow it."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from certs.authority import describe
from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure, next_check
from injector.server.request_body import ARRIVED, waited_too_long
from injector.server.shared_metrics import SharedMetrics

SETTINGS = Settings(names=("localhost",))
NOW = datetime.now(UTC)


@pytest.fixture(params=[-400, 400], ids=["back", "forward"])
def days(request: pytest.FixtureRequest) -> Iterator[int]:
    """By how many days the wall clock is off, as programs that ask for it see it."""
    set_to = time.time() + request.param * 86_400
    with mock.patch("time.time", return_value=set_to):
        yield request.param


def test_deadlines_take_no_notice(days: int) -> None:
    assert days
    scope = {"query_string": b"timeout=10s", "state": {ARRIVED: time.perf_counter()}}
    assert waited_too_long(scope, 1.0) == ""
    metrics = SharedMetrics(1)
    metrics.beat(0)
    assert 0 <= metrics.silent_for(0) < 60

    async def given_up() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(given_up())


def test_a_clock_set_forward_is_noticed_within_a_minute_and_certificates_are_renewed(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    held = ensure(store, SETTINGS, NOW)
    later = NOW + timedelta(days=6)
    assert next_check(held, SETTINGS, NOW) <= timedelta(minutes=1)
    renewed = ensure(store, SETTINGS, later)
    assert describe(renewed.serving.certificate).not_after > later + timedelta(days=6)


def test_a_clock_set_back_leaves_certificates_that_are_valid(tmp_path: Path) -> None:
    """A certificate of the future is one that no client takes: it is made anew for the time that it is."""
    store = DirectoryStore(tmp_path)
    ensure(store, SETTINGS, NOW)
    earlier = NOW - timedelta(days=400)
    again = describe(ensure(store, SETTINGS, earlier).serving.certificate)
    assert again.not_before <= earlier <= again.not_after
