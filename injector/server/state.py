"""What the server answers from: one immutable state, swapped as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from injector.core.admission import Setup
from injector.core.model import Snapshot


@dataclass(frozen=True, slots=True)
class State:
    """Configuration and cluster at one moment. `fault` says why a newer configuration is not in force, if so."""

    setup: Setup
    snapshot: Snapshot
    fault: str = ""


class Service:
    """Holds the state in force; each request reads it once."""

    __slots__ = ("draining", "state")

    def __init__(self, state: State) -> None:
        """Serve from `state` until it is replaced."""
        self.state = state
        self.draining = False

    def reload(self, load: Callable[[], State], expected: tuple[type[Exception], ...]) -> str:
        """Put in force what `load` gives; where it raises one of `expected` the last good state stays.

        Returns the fault, empty where there is none.
        """
        try:
            self.state = replace(load(), fault="")
        except expected as error:
            self.state = replace(self.state, fault=str(error) or type(error).__name__)
        return self.state.fault
