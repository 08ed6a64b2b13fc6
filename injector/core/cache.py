"""What is kept because it may be asked for again: one class, with a budget of bytes that counts what values hold.

Whoever may create pods decides what the webhook is asked, so every cache has a row here and is counted.
`docs/caches.md` is made from the table.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Hashable, Mapping
from dataclasses import dataclass
from gc import get_referents
from itertools import chain, compress
from sys import getsizeof
from threading import Lock
from types import CodeType, FunctionType, ModuleType
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# All caches of a worker together may hold this much, twice: while a configuration is replaced, both are there.
MOST_BYTES = 24 * 1024 * 1024
# A value that would push out more than this share of the others is not kept.
_LARGEST_SHARE = 10
# An entry's place in the ordered mapping, and its size.
_ENTRY_BYTES = 250
_NOTED = 4096
# What the notes of a cache take, beside its budget: two sets of so many numbers.
NOTES_BYTES = 800_000
# Those of a function that is made inside another one, which Python makes anew with it.
_ANNOTATIONS = 250
# What the allocator rounds up to: half of it a part on average.
_ROUNDING = 16
# What exists once, whatever is kept: code and what it belongs to.
_SHARED = (type, ModuleType, CodeType)


@dataclass(frozen=True, slots=True)
class Budget:
    """The row of a cache: its name, what it holds, by what key, and how many bytes at most.

    `entries` bounds their number too, where many small objects would keep the garbage collector busy.
    """

    name: str
    holds: str
    by: str
    bytes: int
    entries: int = 10_000


_MEBIBYTE = 1024 * 1024
ANSWERS = Budget("answers", "answers to reviews", "the review without made-up names", 4 * _MEBIBYTE, entries=256)
DOCUMENTS = Budget("documents", "compiled structures of overlays", "the text that a template gave", 7 * _MEBIBYTE)
SHAPES = Budget("shapes", "answers to pods of one shape", "fields, and what of their values counts", 3 * _MEBIBYTE)
VERDICTS = Budget("verdicts", "who may ask for previews, for 30 s", "the digest of a token", 256 * 1024, entries=256)
PREVIEWED = Budget("previewed", "the workloads that were previewed last", "their text", 2 * _MEBIBYTE, entries=1)
BRIEFS = Budget("briefs", "brief previews of workloads", "the workload and what was asked", 3 * _MEBIBYTE)

BUDGETS: Mapping[str, Budget] = {each.name: each for each in (ANSWERS, SHAPES, DOCUMENTS, VERDICTS, PREVIEWED, BRIEFS)}


class Noted:
    """The keys that were noted last: some thousands, without their values."""

    __slots__ = ("_before", "_now")

    def __init__(self) -> None:
        """None yet."""
        self._now: set[int] = set()
        self._before: set[int] = set()

    def __contains__(self, key: Hashable) -> bool:
        """Whether `key` was noted."""
        noted = hash(key)
        return noted in self._now or noted in self._before

    def add(self, key: Hashable) -> None:
        """Note `key`."""
        self._now.add(hash(key))
        if len(self._now) >= _NOTED:
            self._now, self._before = set(), self._now


class Cache(Generic[Key, Value]):
    """Values by key within a budget. What was not asked for longest is forgotten first. Threads may share it."""

    __slots__ = ("_held", "_keeping", "_noted", "_shared", "_values", "budget", "hits", "misses")

    def __init__(self, budget: Budget, shared: tuple[type, ...] = ()) -> None:
        """Hold nothing yet; objects of the `shared` types are there anyway, and are not counted."""
        self.budget = budget
        self.hits = self.misses = 0
        self._shared = shared
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._held = 0
        self._keeping = Lock()
        self._noted = Noted()

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._values)

    @property
    def held(self) -> int:
        """The bytes that keys and values hold."""
        return self._held

    def emptied(self) -> "Cache[Key, Value]":
        """A cache that holds nothing and goes on counting from where this one is."""
        other = Cache[Key, Value](self.budget, self._shared)
        other.hits, other.misses = self.hits, self.misses
        return other

    def kept_where(self, holds: Callable[[Value], bool]) -> "Cache[Key, Value]":
        """A cache with those values for which `holds` is true, which goes on counting from where this one is."""
        other = self.emptied()
        other._noted = self._noted  # noqa: SLF001 -- of the same class
        # A list at once, as other threads go on using this cache.
        for key, (value, size) in list(self._values.items()):
            if holds(value):
                other._values[key] = (value, size)  # noqa: SLF001 -- as above
                other._held += size  # noqa: SLF001 -- as above
        return other

    def clear(self) -> None:
        """Forget every value."""
        with self._keeping:
            self._values.clear()
            self._held = 0

    def find(self, key: Key, *, is_counted: bool = True) -> Value | None:
        """The value of `key`; None where it is not known, or no longer. Another hit or miss, where it `is_counted`."""
        found = self._values.get(key)
        if found is None:
            self.misses += is_counted
            return None
        self.hits += is_counted
        try:  # noqa: SIM105 -- for every review: `suppress` takes as long as all the rest
            self._values.move_to_end(key)
        except KeyError:  # another thread may have needed its room
            pass
        return found[0]

    def was_wanted(self, key: Key) -> bool:
        """Whether `key` was asked for by this before, of the last few thousand; from now on it was.

        Most keys come once. To keep their values as well would push others out, and the processor's caches full.
        """
        if key in self._noted:
            return True
        self._noted.add(key)
        return False

    def keep(self, key: Key, value: Value) -> None:
        """Remember `value` for `key` from now on, unless it is larger than a tenth of the budget."""
        largest = self.budget.bytes // min(_LARGEST_SHARE, self.budget.entries)
        size = held_bytes((key, value), self._shared, largest) + _ENTRY_BYTES
        if size > largest:
            return
        with self._keeping:
            _, freed = self._values.pop(key, (None, 0))
            self._values[key] = (value, size)
            self._held += size - freed
            while len(self._values) > self.budget.entries or self.held > self.budget.bytes:
                _, (_, freed) = self._values.popitem(last=False)
                self._held -= freed

    def is_worth_it(self, key: Key) -> bool:
        """Whether to keep a value for `key`: at once while half of the budget is free.

        Later on it is when it is asked for again, so that what comes once does not push out what comes often.
        """
        return self.was_wanted(key) or self._held * 2 < self.budget.bytes


def held_bytes(root: Any, shared: tuple[type, ...] = (), enough: int = MOST_BYTES) -> int:
    """The bytes of `root` and all that it holds, each object once; a number over `enough` as soon as it is that much.

    Modules, classes, code, and objects of `shared` types are not its own. What a function closes over is.
    """
    outside = (*_SHARED, *shared)
    seen: dict[int, Any] = {}
    level, size = [root], 0
    # A level at a time, and by functions of C alone where there are many parts: every value that is kept is counted.
    while level and size <= enough:
        new = dict(zip(map(id, level), level, strict=True))
        for known in new.keys() & seen.keys():
            del new[known]
        seen |= new
        kinds = {*map(type, new.values())}
        own = {kind for kind in kinds if not issubclass(kind, outside)}
        parts = _of_kinds(new.values(), own)
        functions = _of_kinds(parts, {FunctionType}) if FunctionType in own else []
        size += sum(map(getsizeof, parts)) + len(parts) * _ROUNDING // 2 + len(functions) * _ANNOTATIONS
        others = _of_kinds(parts, own - {FunctionType}) if functions else parts
        level = [cell for function in functions for cell in function.__closure__ or ()]
        level += get_referents(*others)
        # The collector passes over keys that are text.
        level += chain.from_iterable(_of_kinds(others, {kind for kind in own if issubclass(kind, dict)}))
    return size


def _of_kinds(parts: Collection[Any], kinds: Container[type]) -> list[Any]:
    return list(compress(parts, map(kinds.__contains__, map(type, parts))))
