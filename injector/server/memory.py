"""A memory with a bound: what was not asked for longest is forgotten first."""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")

ENTRIES, BYTES = 256, 16_777_216
_NOTED = 4096


class Memory(Generic[Value]):
    """Values by key, at most so many and of so many bytes together."""

    __slots__ = ("_bytes", "_entries", "_held", "_noted", "_noted_before", "_values")

    def __init__(self, entries: int = ENTRIES, size: int = BYTES) -> None:
        """Hold at most `entries` values of at most `size` bytes together."""
        self._entries, self._bytes = entries, size
        self._values: OrderedDict[bytes, tuple[Value, int]] = OrderedDict()
        self._held = 0
        self._noted: set[int] = set()
        self._noted_before: set[int] = set()

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._values)

    def find(self, key: bytes) -> Value | None:
        """The value of `key`; None where it is not known, or no longer."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def was_wanted(self, key: bytes) -> bool:
        """Whether `key` was asked for by this before, of the last few thousand; from now on it was.

        Most keys come once. To keep their values as well would push others out, and the processor's caches full.
        """
        noted = hash(key)
        if noted in self._noted or noted in self._noted_before:
            return True
        self._noted.add(noted)
        if len(self._noted) >= _NOTED:
            self._noted, self._noted_before = set(), self._noted
        return False

    def keep(self, key: bytes, value: Value, size: int) -> None:
        """Remember `value`, which with its key takes `size` bytes. What is larger than a tenth of all is not kept."""
        if size > self._bytes // 10 or key in self._values:
            return
        self._values[key] = (value, size)
        self._held += size
        while len(self._values) > self._entries or self._held > self._bytes:
            _, (_, freed) = self._values.popitem(last=False)
            self._held -= freed
