"""Values of which only a part is known when a template is compiled."""

from collections.abc import Mapping
from typing import Any


class PartlyKnown:
    """A mapping of which some keys are known, and nothing else: not whether there are others."""

    __slots__ = ("known",)

    def __init__(self, known: Mapping[str, Any]) -> None:
        """`known` are the keys that are certain to be there, with their values."""
        self.known = known


class WithoutAsked(Mapping[str, str]):
    """A mapping that has nothing of what it is asked for, and remembers what that was.

    What was worked out from it is right for every mapping that has none of `asked`.
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        """Nothing was asked for so far."""
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        """Nothing: raises KeyError."""
        self.asked.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        """It is not there."""
        self.asked.add(str(key))
        return False

    def __iter__(self) -> "Any":
        """Raises TypeError: what else there is cannot be told."""
        raise TypeError("only single keys can be asked for")

    def __len__(self) -> int:
        """Raises TypeError: how many there are cannot be told."""
        raise TypeError("only single keys can be asked for")

    def __bool__(self) -> bool:
        """It counts as there."""
        return True
