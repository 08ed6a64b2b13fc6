"""Pauses between tries: longer each time, never all at once, never sooner than asked for."""

import pytest

from injector.cluster.api import ClusterError
from injector.cluster.backoff import Backoff


def asking(seconds: float) -> ClusterError:
    error = ClusterError("busy", 429)
    error.retry_after = seconds
    return error


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(random=lambda _, most: most)
    assert [backoff.after() for _ in range(8)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


def test_success_begins_anew() -> None:
    backoff = Backoff(random=lambda _, most: most)
    backoff.after()
    backoff.after()
    backoff.reset()
    assert backoff.after() == pytest.approx(0.2)


def test_a_thousand_failures_do_no_harm() -> None:
    backoff = Backoff()
    for _ in range(2_000):
        assert 0 < backoff.after() <= 10


def test_replicas_pause_differently() -> None:
    assert len({Backoff().after() for _ in range(20)}) > 10


def test_nobody_comes_sooner_than_asked() -> None:
    for _ in range(50):
        assert 5 <= Backoff().after(asking(5)) <= 6


def test_nobody_stays_away_for_hours() -> None:
    assert Backoff().after(asking(86_400)) <= 144
