"""What an injected pod needs to remember of the pod that it was made of: `status.RECORD` has its keys."""

from collections.abc import Mapping, Sequence
from typing import Any

from injector.core.model import OVERRIDES_ANNOTATION, STATUS_ANNOTATION, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS, ContainerList, containers
from injector.core.reinjection.overrides import Override, definitions_to_keep, saved_form
from injector.core.reinjection.status import Status

OWN_ANNOTATIONS = (STATUS_ANNOTATION, OVERRIDES_ANNOTATION)
LISTS_OF_SPEC = ("containers", "initContainers", "volumes", "imagePullSecrets")
_BY_NAME = ("annotations", "labels", "spec", "order")


def original_record(
    original: Pod,
    result: Pod,
    injected: Mapping[str, Sequence[str]],
    overrides: list[Override],
    status: Status | None,
) -> JsonObject:
    """What `result`, made of `original`, needs to remember of it.

    `injected` are the names that templates gave, by list, `overrides` are the definitions that were applied, `status`
    is that of an earlier injection: what that one kept is older and stays, and what this one changed is added.
    """
    given = {*injected["containers"], *injected["initContainers"]}
    before, after = original.get("metadata") or {}, result.get("metadata") or {}
    record: JsonObject = {
        "annotations": _changed(before.get("annotations") or {}, after.get("annotations") or {}, OWN_ANNOTATIONS),
        "labels": _changed(before.get("labels") or {}, after.get("labels") or {}, ()),
        **{list_name: _changed_containers(original, result, list_name, given) for list_name in CONTAINER_LISTS},
        "spec": _changed(original.get("spec") or {}, result.get("spec") or {}, LISTS_OF_SPEC),
        "volumes": _named(original, "volumes", injected),
        "imagePullSecrets": [item["name"] for item in _named(original, "imagePullSecrets", injected)],
        "automatic": [override.name for override in overrides if override.has_automatic_image],
    }
    if status is None:
        for override in overrides:
            record.update(_rewritten_definition(original, override, record))
    record["order"] = _lost_order(original, result, CONTAINER_LISTS if overrides else ())
    record = {key: value for key, value in record.items() if value}
    if status is None:
        return record
    return _taken_over(status, record, overrides) if status.original is None else _grown(status.original, record)


def _taken_over(status: Status, record: JsonObject, overrides: list[Override]) -> JsonObject:
    """The record of a pod that another injector had injected: what that one had added is not the user's."""
    names = {list_name: set(status.names[list_name]) for list_name in LISTS_OF_SPEC}
    own = {
        "volumes": [item for item in record.get("volumes") or () if item["name"] not in names["volumes"]],
        "imagePullSecrets": [
            name for name in record.get("imagePullSecrets") or () if name not in names["imagePullSecrets"]
        ],
    }
    earlier = {list_name: list(status.names[list_name]) for list_name in LISTS_OF_SPEC}
    kept = {key: value for key, value in {**record, **own}.items() if value}
    return {**kept, "definitions": definitions_to_keep(overrides), "earlier": earlier}


def _grown(kept: JsonObject, record: JsonObject) -> JsonObject:
    """The record of an earlier injection, with what only this one changed."""
    grown = {field: _added(kept.get(field, {}), record[field]) for field in _BY_NAME if field in record}
    for list_name in CONTAINER_LISTS:
        older = kept.get(list_name, {})
        newer = {name: _added(older.get(name, {}), fields) for name, fields in record.get(list_name, {}).items()}
        grown[list_name] = {**older, **newer}
    return {**kept, **{key: value for key, value in grown.items() if value}}


def _added(kept: JsonObject, new: JsonObject) -> JsonObject:
    """What was kept, in its order, and behind it what is new: a record of the same things stays the same text."""
    return {**kept, **{key: value for key, value in new.items() if key not in kept}}


def _rewritten_definition(original: Pod, override: Override, record: JsonObject) -> JsonObject:
    """The part of `record` about the list where the user defined a container, with what the annotation does not say."""
    homes = CONTAINER_LISTS if override.list_name == "initContainers" else ("containers",)
    for list_name in homes:
        for own in containers(original, list_name):
            if own["name"] == override.name:
                changed = _changed(own, saved_form(override), ())
                return {list_name: {**record[list_name], **({override.name: changed} if changed else {})}}
    return {}


def _lost_order(original: Pod, result: Pod, always: tuple[str, ...]) -> dict[str, list[str]]:
    before, after = original.get("spec") or {}, result.get("spec") or {}
    return {
        list_name: [item["name"] for item in before.get(list_name) or ()]
        for list_name in LISTS_OF_SPEC
        if list_name in always or not _is_in_order(before.get(list_name) or (), after.get(list_name) or ())
    }


def _is_in_order(before: Sequence[JsonObject], after: Sequence[JsonObject]) -> bool:
    if not before or before is after:
        return True
    names = [item["name"] for item in before]
    present = set(names)
    return names == [name for item in after if (name := item["name"]) in present]


def _changed(before: Any, after: Any, ignored: tuple[str, ...]) -> JsonObject:
    if before is after:
        return {}
    changed = {
        key: value
        for key, value in before.items()
        if (now := after.get(key)) is not value and now != value and key not in ignored
    }
    for key, value in after.items():
        if key not in before and value is not None and key not in ignored:
            changed[key] = None
    return changed


def _changed_containers(original: Pod, result: Pod, list_name: ContainerList, given: set[str]) -> JsonObject:
    own = (original.get("spec") or {}).get(list_name)
    if not own:
        return {}
    before = {each["name"]: each for each in own}
    changes: JsonObject = {}
    for each in (result.get("spec") or {}).get(list_name) or ():
        was = before.get(each["name"])
        if was is not None and was is not each and each["name"] not in given:
            changed = _changed(was, each, ())
            if changed:
                changes[each["name"]] = changed
    return changes


def _named(original: Pod, list_name: str, injected: Mapping[str, Sequence[str]]) -> list[JsonObject]:
    """The items of the user's own that carry an injected name."""
    own = (original.get("spec") or {}).get(list_name)
    names = set(injected[list_name]) if own else ()
    return [item for item in own or () if item["name"] in names]
