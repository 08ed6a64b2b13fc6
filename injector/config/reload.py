"""Replacing what is in force by what was loaded anew, and only by something that can be used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from injector.config.faults import ConfigFaults

Current = TypeVar("Current")


@dataclass(frozen=True, slots=True)
class Reloaded(Generic[Current]):
    """What is in force after a reload, and why it is still the previous one if it is: the fault's text, else empty."""

    current: Current
    fault: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the new one is in force."""
        return not self.fault


def reload(
    previous: Current, load: Callable[[], Current], expected: tuple[type[Exception], ...] = (ConfigFaults,)
) -> Reloaded[Current]:
    """Call `load`; where it raises one of `expected` the last good one stays in force (reference 17.3)."""
    try:
        return Reloaded(load())
    except expected as error:
        return Reloaded(previous, str(error) or type(error).__name__)
