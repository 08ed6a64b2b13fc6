"""Bringing a store to what it should hold now."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from certs.authority import describe
from certs.model import Holding, Settings
from certs.rotation import next_holding

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
