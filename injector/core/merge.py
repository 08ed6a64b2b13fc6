"""Strategic merge of an overlay into a pod, over plain dicts and copy on write (reference section 8).

Neither argument is ever changed. What stays the same is the same object in the result, down to the whole target where
an overlay changes nothing, so the patch costs what the change costs.
"""

from typing import Any

from injector.core.merge_keys import NOTHING_KEYED, POD_SCHEMA, PRIMITIVE, Schema
from injector.core.merge_lists import in_merged_order, in_wanted_order
from injector.core.model import InjectionError, JsonObject

PATCH, RETAIN_KEYS = "$patch", "$retainKeys"
_COLLECTIONS = frozenset((dict, list))
ELEMENT_ORDER, DELETE_FROM_LIST = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(target: JsonObject, overlay: JsonObject, schema: Schema = POD_SCHEMA) -> JsonObject:
    """`overlay` merged into `target`, a Pod or, with its own `schema`, a part of one.

    Null removes a key; the lists named in `merge_keys` are merged by key, other lists are replaced. The directives
    `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` have their usual meaning. Raises
    InjectionError for an unknown directive or a list item without its key.
    """
    if PATCH in overlay:
        return _directed(target, overlay, schema)
    result = target
    for key, value in overlay.items():
        if key[:1] == "$":
            continue
        merged = _merged_value(target, key, value, schema)
        if merged is _ABSENT:
            if key in result:
                result = result.copy() if result is target else result
                del result[key]
        elif key not in target or merged is not target[key]:
            result = result.copy() if result is target else result
            result[key] = merged
    return _with_list_directives(result, overlay, schema) if _has_directives(overlay) else result


class _Absent:
    """Stands for a key that is not there."""


_ABSENT: Any = _Absent()


def _merged_value(target: JsonObject, key: str, value: Any, schema: Schema) -> Any:
    if value is None:
        return _ABSENT
    before = target.get(key, _ABSENT)
    if isinstance(value, dict):
        if isinstance(before, dict):
            return strategic_merge(before, value, schema.below.get(key, NOTHING_KEYED))
        return _cleaned(value)
    if isinstance(value, list):
        merge_key = schema.lists.get(key)
        if isinstance(before, list) and merge_key is not None:
            return _merged_list(before, value, merge_key, schema.below.get(key, NOTHING_KEYED))
        return before if value == before and _same_types(value, before) else _cleaned(value)
    return before if type(value) is type(before) and value == before else value


def _merged_list(target: list[Any], overlay: list[Any], key: str, schema: Schema) -> list[Any]:
    if not overlay:
        return target
    if key == PRIMITIVE:
        added = [item for item in dict.fromkeys(overlay) if item not in target]
        return [*target, *added] if added else target
    target, overlay = _without_deleted(target, overlay, key)
    places = _places(target, key)
    merged, identities = [], []
    for item in overlay:
        identity = _identity(item, key)
        place = places.get(identity)
        merged.append(_cleaned(item) if place is None else strategic_merge(target[place], item, schema))
        identities.append(identity)
    result = in_merged_order(target, places, dict(zip(identities, merged, strict=True)))
    return target if _same_items(target, result) else result


def _without_deleted(target: list[Any], overlay: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the items that are directives: `$patch: delete` and `$patch: replace` (8.2, step 1)."""
    if not any(isinstance(item, dict) and PATCH in item for item in overlay):
        return target, overlay
    kept = [item for item in overlay if not (isinstance(item, dict) and item.get(PATCH) in ("delete", "replace"))]
    if any(item.get(PATCH) == "replace" for item in overlay):
        return [], kept
    deleted = {_identity(item, key) for item in overlay if item.get(PATCH) == "delete"}
    return [item for item in target if _identity_or_none(item, key) not in deleted], kept


def _directed(target: JsonObject, overlay: JsonObject, schema: Schema) -> JsonObject:
    rest = {key: value for key, value in overlay.items() if key != PATCH}
    match overlay[PATCH]:
        case "replace":
            return rest
        case "delete":
            return {}
        case "merge":
            return strategic_merge(target, rest, schema)
        case directive:
            raise InjectionError(f"{PATCH}: {directive!r} is not a directive; valid: replace, delete, merge")


def _has_directives(overlay: JsonObject) -> bool:
    return any(key[:1] == "$" for key in overlay)


def _with_list_directives(result: JsonObject, overlay: JsonObject, schema: Schema) -> JsonObject:
    result = dict(result)
    for key, value in overlay.items():
        name = key.partition("/")[2]
        if key == RETAIN_KEYS:
            result = {field: item for field, item in result.items() if field in value}
        elif key.startswith(DELETE_FROM_LIST) and isinstance(result.get(name), list):
            result[name] = [item for item in result[name] if item not in value]
        elif key.startswith(ELEMENT_ORDER) and isinstance(result.get(name), list):
            result[name] = in_wanted_order(result[name], value, schema.lists.get(name, PRIMITIVE))
    return result


def _places(target: list[Any], key: str) -> dict[Any, int]:
    places: dict[Any, int] = {}
    for index, item in enumerate(target):
        places.setdefault(_identity_or_none(item, key), index)
    places.pop(None, None)
    return places


def _identity(item: Any, key: str) -> Any:
    identity = _identity_or_none(item, key)
    if identity is None:
        raise InjectionError(f"an item of a list that is merged by {key!r} has none: {item!r}")
    return identity


def _identity_or_none(item: Any, key: str) -> Any:
    identity = item.get(key) if isinstance(item, dict) else None
    return identity if isinstance(identity, (str, int, float)) else None


def _same_items(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(one is other for one, other in zip(left, right, strict=True))


def _same_types(left: Any, right: Any) -> bool:
    """Whether equal values are also of equal type all the way down: Python takes 1, 1.0 and True for equal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return all(map(_same_types, left, right))
    return not isinstance(left, dict) or all(_same_types(left[key], right[key]) for key in left)


def _cleaned(value: Any) -> Any:
    """A value that is new to the target, without nulls and directives; the very same object where it has none."""
    if _is_clean(value):
        return value
    if type(value) is dict:
        return {key: _cleaned(item) for key, item in value.items() if item is not None and key[:1] != "$"}
    return [_cleaned(item) for item in value if not (isinstance(item, dict) and PATCH in item)]


def _is_clean(value: Any) -> bool:
    # Most of an overlay is clean, and all of it is looked at for every pod: this loop is worth its length.
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if item is None or key[:1] == "$" or (type(item) in _COLLECTIONS and not _is_clean(item)):
                return False
    elif kind is list:
        for item in value:
            if type(item) in _COLLECTIONS and not _is_clean(item):
                return False
    return True
