"""The order of a merged list (reference 8.2, step 3, and the directive `$setElementOrder`)."""

from collections.abc import Mapping
from typing import Any


def in_merged_order(target: list[Any], places: Mapping[Any, int], merged: Mapping[Any, Any]) -> list[Any]:
    """The items of both lists: `merged` holds the overlay's, by identity and in its order.

    `places` maps the identities of `target` to their places. The overlay's items keep its order, the target's others
    keep theirs; another one comes first only where it stood before the overlay's next item in `target`. So new items
    of the overlay precede whatever follows.
    """
    taken = {places[identity] for identity in merged if identity in places}
    others = [index for index in range(len(target)) if index not in taken]
    result: list[Any] = []
    next_other = 0
    for identity, item in merged.items():
        place = places.get(identity)
        while place is not None and next_other < len(others) and others[next_other] < place:
            result.append(target[others[next_other]])
            next_other += 1
        result.append(item)
    result.extend(target[index] for index in others[next_other:])
    return result


def in_wanted_order(items: list[Any], before: list[Any], wanted: list[Any], key: str) -> list[Any]:
    """`items` with those in `wanted` in its order, the others where they stood among them in `before`.

    Items are told apart by `key`, or are their own identities where it is empty. This is what Kubernetes means by
    `$setElementOrder`: https://github.com/kubernetes/design-proposals-archive/blob/main/cli/preserve-order-in-strategic-merge-patch.md
    """

    def identity(item: Any) -> Any:
        found = item.get(key) if key and isinstance(item, dict) else item
        return found if isinstance(found, (str, int, float)) else repr(found)

    stood = {identity(item): place for place, item in enumerate(before)}
    found = {identity(item): item for item in items}
    ordered = {name: found[name] for name in map(identity, wanted) if name in found}
    rest = [item for item in items if identity(item) in stood or identity(item) not in ordered]
    as_before = sorted(rest, key=lambda item: stood.get(identity(item), len(before)))
    return in_merged_order(as_before, {identity(item): place for place, item in enumerate(as_before)}, ordered)
