"""The strategic merge of `core.merge` and the user's overrides, as JSON Patch operations made in CEL.

An overlay is made first, as a value; what is here merges it into what the pod has, and is the same for every template.
So the lists and maps of an overlay may depend on the pod in any way. What the pod has is never written again: its parts
are moved by their places, so that nothing of them can be lost on the way through CEL.
"""

from collections.abc import Callable, Collection, Mapping

from injector.core.merge import MERGE_KEYS
from injector.core.reinjection.overrides import AUTO_IMAGE
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_TEXT,
    Call,
    Comprehension,
    Entry,
    Expression,
    Index,
    ListOf,
    Literal,
    MapOf,
    Name,
    Operation,
    bound,
    choice,
    conjunction,
    contains,
    disjunction,
    equal,
    field,
    macro,
    method,
    negation,
    or_value,
    plus,
    size,
)

# Of the place of an item and the item of the overlay the operations that merge it into the pod's.
Merge = Callable[[Expression, Expression, Expression], Expression]
CONTAINER_KEYS: Mapping[str, str] = {
    path.removeprefix("spec.containers."): key
    for path, key in MERGE_KEYS.items()
    if path.startswith("spec.containers.")
}


def united(maps: Expression) -> Expression:
    """One map of a list of maps: a later entry takes the place of an earlier one."""
    keys = method(method(macro(Name("maps"), "map", "map", _keys), "flatten"), "distinct")
    last = method(
        method(macro(Name("maps"), "filter", "map", lambda found: contains(found, Name("key"))), "last"), "value"
    )
    entry = MapOf((Entry(Name("key"), Index(last, Name("key"))),))
    return bound(maps, "maps", lambda _: Comprehension(keys, "transformMapEntry", ("place", "key"), (entry,)))


def _keys(mapping: Expression) -> Expression:
    return macro(mapping, "map", "key", lambda key: key)


def operation(
    name: str, path: Expression, value: Expression | None = None, *, origin: Expression | None = None
) -> MapOf:
    """One operation of a JSON Patch."""
    entries = [Entry(Literal("op"), Literal(name)), Entry(Literal("path"), path)]
    if origin is not None:
        entries.append(Entry(Literal("from"), origin))
    if value is not None:
        entries.append(Entry(Literal("value"), value))
    return MapOf(tuple(entries), "JSONPatch")


def _add(path: Expression, value: Expression) -> ListOf:
    return ListOf((operation("add", path, value),))


def _below(path: Expression, key: Expression) -> Expression:
    """The path of a key of a mapping."""
    escaped = key if isinstance(key, Literal) else Call("escapeKey", (key,), Name("jsonpatch"))
    return plus(_followed(path), escaped)


def _item(path: Expression, place: Expression) -> Expression:
    """The path of the item at a place of a list."""
    return plus(_followed(path), Call("string", (place,)))


def _followed(path: Expression) -> Expression:
    return Literal(f"{path.value}/") if isinstance(path, Literal) else plus(path, Literal("/"))


def merge_map(
    path: Expression, base: Expression, overlay: Expression, *, depth: int, base_wins: bool = False
) -> Expression:
    """The operations that merge the overlay into the mapping at a path, mappings in both into each other.

    At most `depth` mappings are inside each other. Of what is no mapping the overlay's counts, or the base's where
    `base_wins`.
    """

    def merged_at(place: Expression) -> Expression:
        def merge(mine: Expression, key: Expression, value: Expression) -> Expression:
            below = _below(place, key)
            replaced = EMPTY_LIST if base_wins else _add(below, value)
            if depth == 1:
                return replaced
            inner = merge_map(below, Index(mine, key), value, depth=depth - 1, base_wins=base_wins)
            return choice(equal(Call("type", (value,)), Name("map")), inner, replaced)

        return _merged(place, base, overlay, f"{depth}", merge)

    return bound(path, f"path{depth}", merged_at)


def _merged(
    path: Expression,
    base: Expression,
    overlay: Expression,
    mark: str,
    merge: Callable[[Expression, Expression, Expression], Expression],
) -> Expression:
    """The operations for each key of the overlay: what is new is added; `merge` says what becomes of what is there."""

    def body(mine: Expression) -> Expression:
        key, value = Name(f"key{mark}"), Name(f"value{mark}")
        new, known = _add(_below(path, key), value), merge(mine, key, value)
        operations = new if new == known else choice(negation(contains(mine, key)), new, known)
        return method(Comprehension(overlay, "transformList", (key.name, value.name), (operations,)), "flatten")

    return bound(base, f"base{mark}", body)


def merge_containers(fields: Collection[str], depth: int) -> Merge:
    """How a container that the pod has is merged with one of the overlay that has these fields: the user's wins.

    The image `auto` is none: the overlay's counts, and with it the pull policy that the API server derives from `auto`.
    Source: `core.reinjection.overrides`.
    """

    def merge(path: Expression, base: Expression, overlay: Expression) -> Expression:
        return bound(path, "pathC", lambda place: _merged(place, base, overlay, "C", merge_field_at(place)))

    def merge_field_at(place: Expression) -> Callable[[Expression, Expression, Expression], Expression]:
        def merge_field(mine: Expression, key: Expression, value: Expression) -> Expression:
            below, own = _below(place, key), Index(mine, key)
            operations: Expression = EMPTY_LIST
            if depth:
                maps = merge_map(below, own, value, depth=depth, base_wins=True)
                operations = choice(equal(Call("type", (value,)), Name("map")), maps, operations)
            for name, list_key in CONTAINER_KEYS.items():
                if name in fields:
                    lists = merge_list(below, own, value, list_key, _user_item(depth), mark="L", user_order=True)
                    operations = choice(equal(key, Literal(name)), lists, operations)
            return choice(_is_derived(mine, key), _add(below, value), operations)

        return merge_field

    return merge


def _user_item(depth: int) -> Merge:
    return lambda path, base, over: merge_map(path, base, over, depth=max(depth, 1), base_wins=True)


def _is_derived(container: Expression, key: Expression) -> Expression:
    image = or_value(Index(container, Literal("image"), optional=True), EMPTY_TEXT)
    policy = conjunction(
        equal(key, Literal("imagePullPolicy")), equal(field(container, "imagePullPolicy"), Literal("Always"))
    )
    return conjunction(equal(image, Literal(AUTO_IMAGE)), disjunction(equal(key, Literal("image")), policy))


def merge_list(  # noqa: PLR0913, PLR0917 -- two lists, their key, and how items and order are merged
    path: Expression,
    target: Expression,
    overlay: Expression,
    key: str,
    merge: Merge,
    mark: str = "",
    *,
    user_order: bool = False,
) -> Expression:
    """The operations that merge the overlay's items into those of the list at a path that have the same `key`.

    Of several items of the overlay with one key the last counts, in the place of the first. The order is that of
    `core.merge`, but that the pod's own items keep theirs with `user_order`. Where the pod has none of the overlay's
    items, these come before its own. Else the list is written anew, unless it has its order already: behind what it
    was, with its items in their order; then what it was is taken away.
    """
    items, once, at = Name(f"items{mark}"), Name(f"once{mark}"), Name(f"at{mark}")

    def item_operations(place: Expression) -> Expression:
        number, found = Name(f"number{mark}"), Name(f"found{mark}")
        own = merge(_item(place, found), Index(items, found), Index(once, number))
        operations = choice(Operation("<", (found, Literal(0))), EMPTY_LIST, own)
        return method(Comprehension(at, "transformList", (number.name, found.name), (operations,)), "flatten")

    def written_anew(place: Expression, order: Expression) -> Expression:
        end = _below(place, Literal("-"))
        new = Index(once, Operation("-", (Literal(-1), Name("entry"))))
        own = operation("copy", end, origin=_item(place, Name("entry")))
        entry = choice(Operation("<", (Name("entry"), Literal(0))), operation("add", end, new), own)
        written = macro(order, "map", "entry", lambda _: entry)
        removed = macro(items, "map", "entry", lambda _: operation("remove", _below(place, Literal("0"))))
        return choice(equal(order, _range(items)), EMPTY_LIST, plus(written, removed))

    def put_first(place: Expression) -> Expression:
        number, item = Name(f"number{mark}"), Name("item")
        added = operation("add", _item(place, number), item)
        return Comprehension(once, "transformList", (number.name, item.name), (added,))

    def body(place: Expression) -> Expression:
        order = _order(items, at, mark)
        if user_order:
            order = bound(order, f"merged{mark}", lambda merged: _in_user_order(items, merged))
        written = bound(order, f"order{mark}", lambda found: written_anew(place, found))
        are_new = macro(at, "all", f"found{mark}", lambda found: Operation("<", (found, Literal(0))))
        return choice(are_new, put_first(place), plus(item_operations(place), written))

    keys = macro(items, "map", "item", lambda item: field(item, key))
    places = macro(once, "map", "item", lambda item: method(Name(f"keys{mark}"), "indexOf", field(item, key)))

    def merged_at(place: Expression) -> Expression:
        merged = bound(keys, f"keys{mark}", lambda _: bound(places, at.name, lambda _: body(place)))
        over = bound(overlay, f"more{mark}", lambda more: bound(_once(more, key), once.name, lambda _: merged))
        return Index(macro(ListOf((target,)), "map", items.name, lambda _: over), Literal(0))

    return bound(path, f"path{mark}_", merged_at)


def _once(overlay: Expression, key: str) -> Expression:
    """The overlay's items, each key once."""
    own = field(Name("item"), key)
    same = macro(overlay, "filter", "other", lambda other: equal(field(other, key), own))
    earlier = method(overlay, "slice", Literal(0), Name("place"))
    before = macro(earlier, "exists", "other", lambda other: equal(field(other, key), own))
    last = method(method(same, "last"), "value")
    return Comprehension(overlay, "transformList", ("place", "item"), (negation(before), last))


def _range(items: Expression) -> Expression:
    return Call("range", (size(items),), Name("lists"))


def _order(items: Expression, at: Expression, mark: str) -> Expression:
    """The places of the target's items in their new order, and of new items of the overlay -1 less their number.

    `at` are the places of the overlay's items in the target, -1 where they are new. Another item of the target comes
    first only where it is before the overlay's next item there.
    """
    number, found = Name(f"number{mark}"), Name(f"found{mark}")

    def others(test: Callable[[Expression], Expression]) -> Expression:
        return macro(
            _range(items), "filter", "other", lambda other: conjunction(negation(contains(at, other)), test(other))
        )

    def is_behind(places: Expression, other: Expression) -> Expression:
        return macro(places, "exists", "place", lambda place: Operation(">", (place, other)))

    earlier = method(at, "slice", Literal(0), number)
    before = others(lambda other: conjunction(Operation(">", (found, other)), negation(is_behind(earlier, other))))
    own = choice(Operation("<", (found, Literal(0))), Operation("-", (Literal(-1), number)), found)
    merged = Comprehension(at, "transformList", (number.name, found.name), (plus(before, ListOf((own,))),))
    return plus(method(merged, "flatten"), others(lambda other: negation(is_behind(at, other))))


def _in_user_order(items: Expression, merged: Expression) -> Expression:
    """The order of `merged`, but that the target's own items keep theirs, and new ones are before what they were."""

    def new(test: Callable[[Expression], Expression]) -> Expression:
        return macro(
            merged, "filter", "new", lambda entry: conjunction(Operation("<", (entry, Literal(0))), test(entry))
        )

    def at(entry: Expression) -> Expression:
        return method(merged, "indexOf", entry)

    def is_behind(places: Expression, entry: Expression) -> Expression:
        return macro(places, "exists", "place", lambda place: Operation(">", (at(place), at(entry))))

    own = Name("own")
    earlier = Call("range", (own,), Name("lists"))
    before = new(lambda entry: conjunction(Operation(">", (at(own), at(entry))), negation(is_behind(earlier, entry))))
    ordered = method(macro(_range(items), "map", "own", lambda _: plus(before, ListOf((own,)))), "flatten")
    return plus(ordered, new(lambda entry: negation(is_behind(_range(items), entry))))
