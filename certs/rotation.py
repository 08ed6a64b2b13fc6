"""What a store should hold next: a pure step from one holding to the following one.

An authority changes without a gap in three steps, each taken only when the one before is seen to be in force: the new
one is published beside the old one; the new one signs; the old one is taken out of the bundle.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from certs.authority import (
    CLOCK_SKEW,
    CertificateError,
    create_authority,
    describe,
    issue,
    key_type_of,
    pair_faults,
    serving_faults,
)
from certs.model import Description, Holding, KeyPair, Lifetimes, Settings


def next_holding(held: Holding | None, settings: Settings, now: datetime, *, published: bool) -> Holding:
    """The holding to keep from `now` on; the very object `held` where nothing is due.

    `published` says that every client is known to trust all of `held.bundle`, and that every server shows the serving
    certificate of `held`.
    """
    if held is None or not _is_usable(held.authority, now):
        return _created(settings, now)
    held = _without_damage(held)
    if held.upcoming and published:
        return _promoted(held, held.upcoming, settings, now)
    if held.retiring and published:
        held = replace(held, retiring=None)
    if held.upcoming is None and held.retiring is None and _is_due(held.authority, settings, now):
        held = replace(held, upcoming=create_authority(settings, now))
    return _with_valid_serving(held, settings, now)


def forced_rotation(held: Holding, settings: Settings, now: datetime) -> Holding:
    """The first step of a rotation of the authority, due or not; `held` itself while one is under way."""
    if held.upcoming or held.retiring:
        return held
    return replace(held, upcoming=create_authority(settings, now))


def settings_of(held: Holding) -> Settings:
    """What `held` was made with, as far as it shows: names, lifetimes, kind of key."""
    authority, serving = describe(held.authority.certificate), describe(held.serving.certificate)
    lifetimes = Lifetimes(
        authority=authority.not_after - authority.not_before - CLOCK_SKEW,
        serving=serving.not_after - serving.not_before - CLOCK_SKEW,
    )
    return Settings(serving.names, lifetimes, key_type_of(held.serving))


def rotated(held: Holding, settings: Settings, now: datetime, *, authority: bool, is_served: bool) -> Holding:
    """`held` with a new serving certificate, or with the next step of a rotation of the `authority`.

    `is_served` says that servers follow the store: they take the further steps when everybody is known to trust the new
    authority. The very object `held` where they are about to.
    """
    if not authority:
        return renewed_serving(held, settings, now)
    started = forced_rotation(held, settings, now)
    if started is not held or is_served:
        return started
    return next_holding(held, settings, now, published=True)


def summary(held: Holding, settings: Settings) -> list[str]:
    """One line for each certificate: until when it is valid, and when it is renewed."""
    rows = [("authority", held.authority.certificate), ("serving", held.serving.certificate)]
    rows += [("upcoming", held.upcoming.certificate)] if held.upcoming else []
    rows += [("retiring", held.retiring)] if held.retiring else []
    return [_row(role, describe(certificate), settings) for role, certificate in rows]


def _row(role: str, found: Description, settings: Settings) -> str:
    due = found.renewal_time(settings.lifetimes.renewal)
    names = f"  for {', '.join(found.names)}" if found.names else ""
    return f"{role:9}  until {found.not_after:%Y-%m-%d %H:%M}Z  renewal {due:%Y-%m-%d %H:%M}Z{names}"


def renewed_serving(held: Holding, settings: Settings, now: datetime) -> Holding:
    """The holding with a new serving certificate."""
    return replace(held, serving=issue(held.authority, settings, now))


def _created(settings: Settings, now: datetime) -> Holding:
    authority = create_authority(settings, now)
    return Holding(authority=authority, serving=issue(authority, settings, now))


def _without_damage(held: Holding) -> Holding:
    """The holding without parts of a rotation that cannot be used; `held` itself where there are none."""
    if held.upcoming and pair_faults(held.upcoming):
        held = replace(held, upcoming=None)
    if held.retiring and not _is_certificate(held.retiring):
        held = replace(held, retiring=None)
    return held


def _promoted(held: Holding, upcoming: KeyPair, settings: Settings, now: datetime) -> Holding:
    return Holding(authority=upcoming, serving=issue(upcoming, settings, now), retiring=held.authority.certificate)


def _with_valid_serving(held: Holding, settings: Settings, now: datetime) -> Holding:
    faults = serving_faults(held.serving, held.authority.certificate, settings.names, now)
    if faults or _is_due(held.serving, settings, now):
        return renewed_serving(held, settings, now)
    return held


def _is_due(pair: KeyPair, settings: Settings, now: datetime) -> bool:
    return now >= describe(pair.certificate).renewal_time(settings.lifetimes.renewal)


def _is_certificate(pem: bytes) -> bool:
    try:
        describe(pem)
    except CertificateError:
        return False
    return True


def _is_usable(pair: KeyPair, now: datetime) -> bool:
    try:
        return not pair_faults(pair) and now < describe(pair.certificate).not_after
    except CertificateError:
        return False


# Bringing a store to what it should hold now.

_LONGEST = timedelta(minutes=1)


class Store(Protocol):
    """Where a holding is kept, by several writers if need be."""

    def update(self, step: Callable[[Holding | None], Holding]) -> Holding:
        """Keep what `step` makes of what is kept, and return what is kept then. `step` may be called several times."""


def ensure(store: Store, settings: Settings, now: datetime, *, published: bool = True) -> Holding:
    """Create, renew or rotate what is due in `store`; `published` as in `next_holding`."""
    return store.update(lambda held: next_holding(held, settings, now, published=published))


def next_check(held: Holding, settings: Settings, now: datetime) -> timedelta:
    """How long nothing is due: until the serving certificate or the authority wants renewal, at least a second.

    At most a minute: the clock may be set while a sleep goes on, which takes no notice of it.
    """
    part = settings.lifetimes.renewal
    due = min(describe(pair.certificate).renewal_time(part) for pair in (held.serving, held.authority))
    return min(max(due - now, timedelta(seconds=1)), _LONGEST)
