"""Rotation without a gap: at every step, what is shown can be verified with what was published before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.authority import certificates_in, serving_faults
from certs.model import Holding, Lifetimes, Settings
from certs.rotation import forced_rotation, next_holding, renewed_serving, rotated, settings_of, summary
from tests.thoroughness import tried

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(names=("a.svc",))


def after(held: Holding | None, days: float, *, published: bool = True) -> Holding:
    return next_holding(held, SETTINGS, NOW + timedelta(days=days), published=published)


def verifies(serving_of: Holding, bundle: bytes, days: float) -> bool:
    now = NOW + timedelta(days=days)
    return any(
        not serving_faults(serving_of.serving, authority, SETTINGS.names, now) for authority in certificates_in(bundle)
    )


def test_nothing_is_due_at_first() -> None:
    held = after(None, 0)
    assert after(held, 4) is held


def test_the_serving_certificate_is_renewed_after_two_thirds_of_its_life() -> None:
    held = after(None, 0)
    renewed = after(held, 5)
    assert renewed.serving != held.serving
    assert renewed.authority == held.authority


def test_an_authority_is_replaced_in_three_steps() -> None:
    held = after(None, 0)
    first = after(held, 250)
    assert first.upcoming is not None
    assert first.authority == held.authority
    second = after(first, 250)
    assert second.authority == first.upcoming
    assert second.retiring == held.authority.certificate
    third = after(second, 250)
    assert third.retiring is None
    assert third.bundle == first.upcoming.certificate


def test_no_step_is_taken_before_the_last_one_is_published() -> None:
    first = after(after(None, 0), 250)
    assert after(first, 250, published=False) is first
    second = after(first, 250)
    assert after(second, 250, published=False) is second


def test_a_rotation_can_be_forced_once_at_a_time() -> None:
    started = forced_rotation(after(None, 0), SETTINGS, NOW)
    assert started.upcoming is not None
    assert forced_rotation(started, SETTINGS, NOW) is started


@pytest.mark.parametrize("published", [True, False])
def test_a_damaged_part_of_a_rotation_is_let_go_and_the_rotation_starts_again(published: bool) -> None:
    """Whatever comes of it, the bundle that is published is one that can be read."""
    started = after(after(None, 0), 250)
    assert started.upcoming is not None
    promoted = after(started, 250)
    for damaged in (
        replace(started, upcoming=replace(started.upcoming, key=b"no key")),
        replace(started, upcoming=replace(started.upcoming, certificate=b"no certificate")),
        replace(promoted, retiring=b"no certificate"),
    ):
        following = after(damaged, 250, published=published)
        assert following.authority == damaged.authority
        assert len(certificates_in(following.bundle)) == following.bundle.count(b"BEGIN CERTIFICATE")
        assert verifies(following, following.bundle, 250)
        assert damaged.upcoming != following.upcoming or following.upcoming is None
        assert following.retiring is None


def test_an_expired_authority_is_replaced_at_once() -> None:
    held = after(None, 0)
    assert after(held, 366).authority != held.authority


def test_new_names_lead_to_a_new_certificate() -> None:
    held = after(None, 0)
    wider = Settings(names=("a.svc", "b.svc"))
    assert next_holding(held, wider, NOW, published=True).serving != held.serving


@tried(60)
@given(st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.sampled_from(["", "rotate", "renew"])), max_size=30))
def test_at_no_time_is_a_certificate_shown_that_a_published_bundle_does_not_verify(
    steps: list[tuple[float, bool, str]],
) -> None:
    """Clients know the bundle that was last published; servers show the newest certificate."""
    held, known, day = after(None, 0), after(None, 0).bundle, 0.0
    known = held.bundle
    for passed, publishes, forced in steps:
        day += min(passed, 2.0)
        if publishes:
            known = held.bundle
        now = NOW + timedelta(days=day)
        if forced == "rotate":
            held = forced_rotation(held, SETTINGS, now)
        elif forced == "renew":
            held = renewed_serving(held, SETTINGS, now)
        held = next_holding(held, SETTINGS, now, published=known == held.bundle)
        assert verifies(held, known, day)


def test_what_a_holding_was_made_with_shows_in_it() -> None:
    made_with = Settings(("a.svc", "127.0.0.1"), Lifetimes(timedelta(days=40), timedelta(days=3)), "rsa")
    assert settings_of(next_holding(None, made_with, NOW, published=False)) == made_with


def test_a_rotation_on_demand_renews_the_serving_certificate_alone() -> None:
    held = after(None, 0)
    renewed = rotated(held, SETTINGS, NOW, authority=False, is_served=True)
    assert (renewed.authority, renewed.serving == held.serving) == (held.authority, False)


def test_the_authority_is_rotated_by_whoever_follows_the_store() -> None:
    held = after(None, 0)
    started = rotated(held, SETTINGS, NOW, authority=True, is_served=True)
    assert started.upcoming
    assert rotated(started, SETTINGS, NOW, authority=True, is_served=True) is started
    promoted = rotated(started, SETTINGS, NOW, authority=True, is_served=False)
    assert promoted.authority == started.upcoming


def test_a_summary_has_a_line_for_each_certificate() -> None:
    held = rotated(after(None, 0), SETTINGS, NOW, authority=True, is_served=True)
    assert [line.split()[0] for line in summary(held, SETTINGS)] == ["authority", "serving", "upcoming"]
    assert summary(held, SETTINGS)[1].endswith("for a.svc")
