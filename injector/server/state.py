"""What the server answers from: one immutable state, swapped as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from injector.core.admission import Setup
from injector.core.cache import ANSWERS, Cache, Noted
from injector.core.model import Snapshot


def _no_answers() -> Cache[bytes, Any]:
    return Cache(ANSWERS)


@dataclass(frozen=True, slots=True)
class State:
    """Configuration and cluster at one moment. `fault` says why a newer configuration is not in force, if so.

    `answers` remembers what was answered from this very state (see `answer`), and `unlike` the reviews that only seem
    to be alike: the next one begins without.
    """

    setup: Setup
    snapshot: Snapshot
    fault: str = ""
    answers: Cache[bytes, Any] = field(default_factory=_no_answers, repr=False, compare=False)
    unlike: Noted = field(default_factory=Noted, repr=False, compare=False)

    @property
    def caches(self) -> tuple[Cache[Any, Any], ...]:
        """All that a worker keeps of pods."""
        return self.answers, self.setup.templates.documents


class Service:
    """Holds the state in force; each request reads it once.

    `details` are what else an operator should read at /readyz: by name, a function that gives plain JSON. `waiting`
    says what has to be known before reviews are answered; empty where nothing is missing.
    """

    __slots__ = ("_replacing", "details", "draining", "more_caches", "state", "waiting")

    def __init__(self, state: State) -> None:
        """Serve from `state` until it is replaced."""
        self.state = state
        self.draining, self.waiting = False, ""
        self.details: dict[str, Callable[[], Any]] = {}
        # Those that are no part of the state.
        self.more_caches: list[Cache[Any, Any]] = []
        # Configuration and cluster change at the same time from different threads; requests never wait for this.
        self._replacing = Lock()

    @property
    def caches(self) -> tuple[Cache[Any, Any], ...]:
        """Every cache of this process."""
        return *self.state.caches, *self.more_caches

    def publish(self, snapshot: Snapshot) -> None:
        """Answer from `snapshot` from now on."""
        with self._replacing:
            self.state = self._followed_by(replace(self.state, snapshot=snapshot))

    def reload(self, load: Callable[[], State], expected: tuple[type[Exception], ...]) -> str:
        """Put in force what `load` gives; where it raises one of `expected` the last good state stays.

        Returns the fault, empty where there is none.
        """
        with self._replacing:
            try:
                self.state = self._followed_by(replace(load(), fault=""))
            except expected as error:
                self.state = self._followed_by(replace(self.state, fault=str(error) or type(error).__name__))
            return self.state.fault

    def _followed_by(self, state: State) -> State:
        """The next state, whose answers are counted on from those of this one."""
        return replace(state, answers=self.state.answers.emptied(), unlike=Noted())
