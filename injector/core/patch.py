"""The JSON Patch between two documents (RFC 6902), at the cost of what differs.

The two documents share whatever did not change, so identity answers most comparisons.
"""

from itertools import repeat
from operator import attrgetter
from typing import Any

from injector.core.model import JsonObject

# What identifies an item in a list of a pod: the first of these that every item has, each with a value of its own.
_IDENTITY_KEYS = ("name", "mountPath", "containerPort", "key", "uid")

_IDENTITY_TYPES = {str, int}
# As `isinstance` has it: `type` tells a text with holes from any other (see `opaque`).
_class_of = attrgetter("__class__")

_ABSENT = object()


def diff(before: JsonObject, after: JsonObject) -> list[JsonObject]:
    """The operations that turn `before` into `after`: `apply(diff(before, after), before) == after`.

    Only `add`, `remove` and `replace` are used; a new part is added whole.
    """
    operations: list[JsonObject] = []
    _mapping(before, after, "", operations)
    return operations


def _value(before: Any, after: Any, path: str, operations: list[JsonObject]) -> None:
    if before is after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _mapping(before, after, path, operations)
    elif isinstance(before, list) and isinstance(after, list):
        _list(before, after, path, operations)
    elif before.__class__ is not after.__class__ or before != after:
        operations.append({"op": "replace", "path": path, "value": after})


def _mapping(before: JsonObject, after: JsonObject, path: str, operations: list[JsonObject]) -> None:
    if not before.keys() <= after.keys():
        operations += [{"op": "remove", "path": f"{path}/{_escaped(key)}"} for key in before if key not in after]
    for key, value in after.items():
        own = before.get(key, _ABSENT)
        if own is value:
            continue
        if own is _ABSENT:
            operations.append({"op": "add", "path": f"{path}/{_escaped(key)}", "value": value})
        else:
            _value(own, value, f"{path}/{_escaped(key)}", operations)


def _list(before: list[Any], after: list[Any], path: str, operations: list[JsonObject]) -> None:
    """Walk both lists: an item that is no longer there is removed, a new one added, one that stays is compared."""
    old, new = identities(before), identities(after)
    if old is None or new is None:
        _list_by_place(before, after, path, operations)
        return
    staying = _in_both(old, new)
    position = looked_at = 0
    for identity, item in zip(new, after, strict=True):
        if identity not in staying:
            operations.append({"op": "add", "path": f"{path}/{position}", "value": item})
            position += 1
            continue
        while old[looked_at] != identity:
            looked_at += 1
            operations.append({"op": "remove", "path": f"{path}/{position}"})
        if before[looked_at] is not item:
            _value(before[looked_at], item, f"{path}/{position}", operations)
        looked_at += 1
        position += 1
    operations.extend({"op": "remove", "path": f"{path}/{position}"} for _ in before[looked_at:])


def _list_by_place(before: list[Any], after: list[Any], path: str, operations: list[JsonObject]) -> None:
    shared = min(len(before), len(after))
    for index in range(shared):
        _value(before[index], after[index], f"{path}/{index}", operations)
    operations.extend({"op": "remove", "path": f"{path}/{shared}"} for _ in before[shared:])
    for index, item in enumerate(after[shared:], shared):
        operations.append({"op": "add", "path": f"{path}/{index}", "value": item})


def identities(items: list[Any]) -> list[Any] | None:
    """What tells the items apart, or None where nothing does."""
    if not items:
        return []
    if not all(map(_is_mapping, items)):
        return None
    for key in _IDENTITY_KEYS:
        found = [item.get(key) for item in items]
        if {*map(_class_of, found)} <= _IDENTITY_TYPES and len({*found}) == len(found):
            return list(zip(repeat(key), found, strict=False))
    return None


def _is_mapping(item: Any) -> bool:
    return isinstance(item, dict)


def _in_both(old: list[Any], new: list[Any]) -> set[Any]:
    """The identities in both lists that keep their order: those of `new` taken in turn, each further on in `old`."""
    places = {identity: place for place, identity in enumerate(old)}
    staying, last = set(), -1
    for identity in new:
        place = places.get(identity, -1)
        if place > last:
            staying.add(identity)
            last = place
    return staying


def _escaped(key: str) -> str:
    """A key as a reference token of a JSON Pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key
