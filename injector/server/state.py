"""What the server answers from: one immutable state, swapped as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Protocol

from injector.core.cache import ANSWERS, SHAPES, Cache, Noted
from injector.core.model import Snapshot
from injector.core.setup import Setup


def _no_answers() -> Cache[bytes, Any]:
    return Cache(ANSWERS)


def _no_shapes() -> Cache[Any, Any]:
    return Cache(SHAPES)


class Placed(Protocol):
    """An answer that is remembered for pods of one namespace, and on one node where they name it."""

    @property
    def namespace(self) -> str:
        """The namespace of the pods."""

    @property
    def node(self) -> str:
        """The node that the pods name; empty where they name none."""


def _is_alike(before: Snapshot, after: Snapshot, placed: Placed) -> bool:
    """Whether an answer is the same in both: it depends on its namespace, ProxyConfigs, and the versions of nodes."""
    return (
        before.namespaces.get(placed.namespace) == after.namespaces.get(placed.namespace)
        and before.proxy_configs == after.proxy_configs
        and before.runs_native_sidecars == after.runs_native_sidecars
        and (not placed.node or before.native_sidecars_on(placed.node) == after.native_sidecars_on(placed.node))
    )


@dataclass(frozen=True, slots=True)
class State:
    """Configuration and cluster at one moment. `fault` says why a newer configuration is not in force, if so.

    `answers` remembers what was answered from this state, or would have been (see `answer`), `shapes` the answers to
    pods of one shape (see `same_shape`), and `unlike` what only seems to be alike.
    """

    setup: Setup
    snapshot: Snapshot
    fault: str = ""
    answers: Cache[bytes, Any] = field(default_factory=_no_answers, repr=False, compare=False)
    shapes: Cache[Any, Any] = field(default_factory=_no_shapes, repr=False, compare=False)
    unlike: Noted = field(default_factory=Noted, repr=False, compare=False)

    @property
    def caches(self) -> tuple[Cache[Any, Any], ...]:
        """All that a worker keeps of pods."""
        return self.answers, self.shapes, self.setup.templates.documents


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
            now = self.state
            # In a cache of its own: a review that has read this state may still add an answer from it.
            answers, shapes = (
                cache.kept_where(lambda placed: _is_alike(now.snapshot, snapshot, placed))
                for cache in (now.answers, now.shapes)
            )
            self.state = replace(now, snapshot=snapshot, answers=answers, shapes=shapes, unlike=Noted())

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
        answers, shapes = self.state.answers.emptied(), self.state.shapes.emptied()
        return replace(state, answers=answers, shapes=shapes, unlike=Noted())
