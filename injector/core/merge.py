"""Strategic merge of an overlay into a pod, over plain dicts and copy on write (reference section 8).

Neither argument is ever changed. What stays the same is the same object in the result, down to the whole target where
an overlay changes nothing, so the patch costs what the change costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import orjson

from injector.core.model import InjectionError, JsonObject
from injector.core.shared import UNCLEAN, UncleanList, UncleanMapping

# Which lists of a Pod are merged, and by which key: the rest of the lists are replaced whole. Source: the
# patchMergeKey of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (reference section
# 8.1).

PRIMITIVE = ""
"""In place of a key: the list holds plain values and is merged as a set."""

CONTAINER_MERGE_KEYS = {
    "ports": "containerPort",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}

# path of the list in a Pod → the key that identifies its items
MERGE_KEYS: Mapping[str, str] = {
    "metadata.ownerReferences": "uid",
    "metadata.finalizers": PRIMITIVE,
    "spec.containers": "name",
    "spec.initContainers": "name",
    "spec.ephemeralContainers": "name",
    **{
        f"spec.{which}.{name}": key
        for which in ("containers", "initContainers", "ephemeralContainers")
        for name, key in CONTAINER_MERGE_KEYS.items()
    },
    "spec.volumes": "name",
    "spec.resourceClaims": "name",
    "spec.imagePullSecrets": "name",
    "spec.schedulingGates": "name",
    "spec.hostAliases": "ip",
    "spec.topologySpreadConstraints": "topologyKey",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """How one mapping of a Pod is merged: the keys of its merge lists, and the schemas of what is below it."""

    lists: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    below: Mapping[str, "Schema"] = field(default_factory=lambda: MappingProxyType({}))


def _schema(keys: Mapping[str, str]) -> Schema:
    lists = {path: key for path, key in keys.items() if "." not in path}
    heads = dict.fromkeys(path.partition(".")[0] for path in keys if "." in path)
    below = {
        head: _schema({path.removeprefix(f"{head}."): key for path, key in keys.items() if path.startswith(f"{head}.")})
        for head in heads
    }
    return Schema(MappingProxyType(lists), MappingProxyType(below))


NOTHING_KEYED = Schema()
POD_SCHEMA = _schema(MERGE_KEYS)


# The order of a merged list (reference 8.2, step 3, and the directive `$setElementOrder`).


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


PATCH, RETAIN_KEYS = "$patch", "$retainKeys"
_UNCERTAIN = UNCLEAN | {dict, list}
ELEMENT_ORDER, DELETE_FROM_LIST = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(target: JsonObject, overlay: JsonObject, schema: Schema = POD_SCHEMA) -> JsonObject:
    """`overlay` merged into `target`, a Pod or, with its own `schema`, a part of one.

    Null removes a key; the lists named in `merge_keys` are merged by key, other lists are replaced. The directives
    `$patch`, `$retainKeys`, `$setElementOrder/…` and `$deleteFromPrimitiveList/…` have their usual meaning. Raises
    InjectionError for an unknown directive or a list item without its key.
    """
    if PATCH in overlay:
        return _directed(overlay)
    result, is_directed = target, False
    for key, value in overlay.items():
        if key[:1] == "$":
            is_directed = True
            continue
        merged = _merged_value(target, key, value, schema)
        if merged is _ABSENT:
            if key in result:
                result = result.copy() if result is target else result
                del result[key]
        elif key not in target or merged is not target[key]:
            result = result.copy() if result is target else result
            result[key] = merged
    return _with_list_directives(target, result, overlay, schema) if is_directed else result


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
    return before if value.__class__ is before.__class__ and value == before else value


def _merged_list(target: list[Any], overlay: list[Any], key: str, schema: Schema) -> list[Any]:
    if not overlay:
        return target
    if key == PRIMITIVE:
        added = [item for item in dict.fromkeys(overlay) if item not in target]
        return [*target, *added] if added else target
    if begins_with(target, overlay):
        return target
    target, overlay = _without_deleted(target, overlay, key)
    places = _places(target, key)
    merged: dict[Any, Any] = {}
    again: dict[Any, int] = {}
    for item in overlay:
        identity = _identity(item, key)
        if identity in merged:
            numbered = _numbered(identity, again)
            identity = numbered if numbered in places else identity
        place = places.get(identity)
        merged[identity] = _cleaned(item) if place is None else strategic_merge(target[place], item, schema)
    result = in_merged_order(target, places, merged)
    return target if _same_items(target, result) else result


def begins_with(target: list[Any], overlay: list[Any]) -> bool:
    """Whether merging `overlay` changes nothing, as `target` begins with it: so do lists that were injected before.

    The JSON of both is there at once, and tells 1 from true, which Python takes for equal.
    """
    begin = target[: len(overlay)]
    if begin != overlay or not overlay:
        return False
    try:
        text = orjson.dumps(overlay)
        return text == orjson.dumps(begin) and b"null" not in text and b'"$' not in text
    except TypeError:
        return False


def _without_deleted(target: list[Any], overlay: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the items that are directives: `$patch: delete` and `$patch: replace` (8.2, step 1)."""
    directed = [item for item in overlay if isinstance(item, dict) and PATCH in item]
    if not directed:
        return target, overlay
    kept = [item for item in overlay if not (isinstance(item, dict) and PATCH in item)]
    if "replace" in map(_directive, directed):
        return [], kept
    deleted = {_identity(item, key) for item in directed}
    return [item for item in target if identity_of(item, key) not in deleted], kept


def _directed(overlay: JsonObject) -> JsonObject:
    return {} if _directive(overlay) == "delete" else cast("JsonObject", _cleaned(overlay))


def _directive(overlay: JsonObject) -> str:
    if overlay[PATCH] not in ("replace", "delete"):
        raise InjectionError(f"{PATCH}: {overlay[PATCH]!r} is not a directive; valid: replace, delete")
    return str(overlay[PATCH])


def _with_list_directives(target: JsonObject, result: JsonObject, overlay: JsonObject, schema: Schema) -> JsonObject:
    result = dict(result)
    for key, value in overlay.items():
        name = key.partition("/")[2]
        if key[:1] == "$" and not isinstance(value, list):
            raise InjectionError(f"{key}: expected a list, not {value!r}")
        if key == RETAIN_KEYS:
            result = {field: item for field, item in result.items() if field in value}
        elif key.startswith(DELETE_FROM_LIST) and isinstance(result.get(name), list):
            result[name] = [item for item in result[name] if item not in value]
        elif key.startswith(ELEMENT_ORDER) and isinstance(result.get(name), list):
            before = target.get(name) if isinstance(target.get(name), list) else []
            result[name] = in_wanted_order(result[name], before or [], value, schema.lists.get(name, PRIMITIVE))
    return result


def _places(target: list[Any], key: str) -> dict[Any, int]:
    """Identity to place. Of items with one name (an environment may have it twice) the further ones are numbered."""
    places: dict[Any, int] = {}
    again: dict[Any, int] = {}
    for index, item in enumerate(target):
        identity = identity_of(item, key)
        if identity is not None:
            places[_numbered(identity, again) if identity in places else identity] = index
    return places


def _numbered(identity: Any, again: dict[Any, int]) -> tuple[Any, int]:
    again[identity] = again.get(identity, 0) + 1
    return identity, again[identity]


def _identity(item: Any, key: str) -> Any:
    identity = identity_of(item, key)
    if identity is None:
        raise InjectionError(f"an item of a list that is merged by {key!r} has none: {item!r}")
    return identity


def identity_of(item: Any, key: str) -> str | int | float | None:
    """What tells an item of a list that is merged by `key` from others; None where it has nothing that does."""
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
    kind = type(value)
    if kind in UNCLEAN:
        return _cleaned_once(value)
    if kind not in _UNCERTAIN or _is_clean(value):
        return value
    return _without_nulls(value)


def _cleaned_once(shared: UncleanMapping | UncleanList) -> Any:
    """What is left of a part that stands in many pods: found for the first of them."""
    try:
        return shared.cleaned
    except AttributeError:
        shared.cleaned = _without_nulls(shared)
        return shared.cleaned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items() if item is not None and key[:1] != "$"}
    return [_cleaned(item) for item in value if not (isinstance(item, dict) and PATCH in item)]


def _is_clean(value: Any) -> bool:
    # Most of an overlay is clean, and all of it is looked at for every pod: this loop is worth its length.
    kind = type(value)
    if kind is dict:
        for key, item in value.items():
            if item is None or key[:1] == "$" or (type(item) in _UNCERTAIN and not _is_clean(item)):
                return False
        return True
    if kind is list:
        for item in value:  # noqa: SIM110 -- as above
            if type(item) in _UNCERTAIN and not _is_clean(item):
                return False
        return True
    return kind not in UNCLEAN
