"""Caches hold no more bytes than they may, and know how many they hold."""

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from injector.core.cache import BUDGETS, DOCUMENTS, MOST_BYTES, NOTES_BYTES, Budget, Cache, held_bytes
from injector.core.render.document import compile_document
from injector.core.validation import Listed, Mapped, Message, Scalar


def cache_of(size: int = 100_000, entries: int = 10_000) -> Cache[Any, Any]:
    return Cache(Budget("test", "values", "number", size, entries))


def test_all_caches_together_have_room_twice_in_a_worker() -> None:
    assert sum(budget.bytes + NOTES_BYTES for budget in BUDGETS.values()) <= MOST_BYTES
    assert 2 * MOST_BYTES <= 48 * 1024 * 1024


def test_what_was_wanted_is_noted_for_a_while() -> None:
    cache = cache_of()
    assert not cache.was_wanted(b"once")
    assert cache.was_wanted(b"once")
    for number in range(10_000):
        cache.was_wanted(b"%d" % number)
    assert held_bytes(cache) < NOTES_BYTES
    assert cache.was_wanted(b"9999")
    assert not cache.was_wanted(b"once")


def test_the_bytes_held_never_exceed_the_budget() -> None:
    cache = cache_of()
    for number in range(200):
        cache.keep(number, "a" * 50 * number)
        assert cache.held <= 100_000
    assert len(cache) > 5
    assert cache.find(199) is None, "larger than a tenth of the budget"


def test_the_number_of_values_is_bounded_where_the_budget_says_so() -> None:
    cache = cache_of(entries=3)
    for number in range(5):
        cache.keep(number, str(number))
    assert [cache.find(number) for number in range(5)] == [None, None, "2", "3", "4"]


def test_what_was_asked_for_lately_stays() -> None:
    cache = cache_of(entries=2)
    cache.keep("a", "1")
    cache.keep("b", "2")
    cache.find("a")
    cache.keep("c", "3")
    assert (cache.find("a"), cache.find("b")) == ("1", None)


def test_a_replaced_value_is_counted_once() -> None:
    cache = cache_of()
    cache.keep("a", "a" * 1_000)
    held = cache.held
    for _ in range(100):
        cache.keep("a", "b" * 1_000)
    assert (cache.held, cache.find("a")) == (held, "b" * 1_000)


def test_a_value_is_worth_its_room_at_once_while_there_is_much() -> None:
    assert cache_of().is_worth_it("a")


def test_a_value_that_would_push_out_others_is_worth_it_when_it_is_asked_for_again() -> None:
    cache = cache_of(size=10_000)
    for number in range(9):
        cache.keep(number, "a" * 500)
    assert [cache.is_worth_it("a") for _ in range(3)] == [False, True, True]


def test_a_cache_that_follows_another_goes_on_counting() -> None:
    cache = cache_of()
    cache.keep("a", "1")
    assert (cache.find("a"), cache.find("b")) == ("1", None)
    assert (cache.emptied().hits, cache.emptied().misses, len(cache.emptied())) == (1, 1, 0)


ENTRY = '    - name: "\ue0001\ue001"\n      value: "a\ue0002\ue001b"\n'
TEXTS: dict[str, str] = {
    "placeholders": "spec:\n  containers:\n  - name: app\n    env:\n" + ENTRY * 200,
    "scalars": "metadata:\n  annotations:\n" + "".join(f"    k{number}: v{number}\n" for number in range(2_000)),
    "items": "spec:\n  containers:\n  - name: app\n    args: [" + ",".join("ab" for _ in range(5_000)) + "]\n",
    "mappings": "spec:\n  volumes:\n" + "".join(f"  - {{name: v{number}, emptyDir: {{}}}}\n" for number in range(500)),
    "nothing": "spec:\n  containers:\n  - name: app\n    args:\n" + "    - \n" * 2_000,
}  # fmt: skip


def measured(make: Callable[[], object]) -> tuple[int, object]:
    """The bytes that what `make` gives holds as the allocator sees it, and the thing itself."""
    make()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = make()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before, made
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", TEXTS)
def test_the_bytes_of_a_document_are_counted_as_the_allocator_counts_them(kind: str) -> None:
    held, fill = measured(lambda: compile_document(TEXTS[kind]))
    counted = held_bytes(fill, (Listed, Mapped, Message, Scalar))
    assert 0.8 * held <= counted <= 1.5 * held + 2_000


def test_counting_ends_where_it_is_enough() -> None:
    deep: list[Any] = []
    for _ in range(1_000):
        deep = [deep, "a" * 1_000 + str(len(deep))]
    assert held_bytes(deep, enough=10_000) < 20_000


def test_the_row_of_documents_has_room_for_what_a_cluster_uses() -> None:
    assert held_bytes(compile_document(TEXTS["placeholders"])) < DOCUMENTS.bytes // 10
