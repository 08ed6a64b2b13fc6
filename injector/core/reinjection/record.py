"""What an injected pod needs to remember of the pod that it was made of (reference section 10).

The key `original` of the status annotation holds, each only where there is something to hold:

- `annotations`, `labels`: name → the value before, null where there was none;
- `containers`, `initContainers`: container name → field → the value before, null where there was none; of a container
  that the overrides annotation keeps, only what is written otherwise there;
- `spec`: field of the pod's spec → the value before;
- `volumes`: the volumes of the user that carry an injected name;
- `imagePullSecrets`: the names of the user's own that are also injected;
- `order`: list → the names in the user's order, where injection had to change it or to take the user's own out of it;
- `automatic`: the names of those whose image was `auto`;
- `definitions`, where another injector had injected the pod before: list → container name → what was merged over the
  template's container; that injector's overrides annotation stays as it is, and no longer counts;
- `covered`: list → container name → the user's definition of a container that only a later injection wrote into;
- `earlier`: list → the names that an earlier injection had put there, where that was another injector's, or where the
  last one did not put them there again;
- `text`, of manual injection only: how lines of the file were written (see `manual.handwriting`).
"""

from collections.abc import Sequence
from typing import Any

from injector.core.model import OVERRIDES_ANNOTATION, STATUS_ANNOTATION, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers, labels
from injector.core.reinjection.overrides import Override, definitions_to_keep, saved_form
from injector.core.reinjection.status import Status, read_status

OWN_ANNOTATIONS = (STATUS_ANNOTATION, OVERRIDES_ANNOTATION)
LISTS_OF_SPEC = ("containers", "initContainers", "volumes", "imagePullSecrets")
_BY_NAME = ("annotations", "labels", "spec", "order")


def original_record(original: Pod, result: Pod, template_pod: Pod, overrides: list[Override]) -> JsonObject:
    """What `result`, made of `original`, needs to remember of it. `overrides` are the definitions that were applied."""
    injected = template_pod.get("spec") or {}
    of_templates = {item["name"] for which in CONTAINER_LISTS for item in injected.get(which) or ()}
    record: JsonObject = {
        "annotations": _changed(annotations(original), annotations(result), OWN_ANNOTATIONS),
        "labels": _changed(labels(original), labels(result), ()),
        **{which: _changed_containers(original, result, which, of_templates) for which in CONTAINER_LISTS},
        "spec": _changed(original.get("spec") or {}, result.get("spec") or {}, LISTS_OF_SPEC),
        "volumes": _of_same_name(original, injected, "volumes"),
        "imagePullSecrets": [item["name"] for item in _of_same_name(original, injected, "imagePullSecrets")],
        "automatic": [override.name for override in overrides if override.has_automatic_image],
    }
    if overrides and read_status(original) is None:
        for override in overrides:
            record.update(_rewritten_definition(original, override, record))
    record["order"] = _lost_order(original, result, CONTAINER_LISTS if overrides else ())
    return {key: value for key, value in record.items() if value}


def kept_record(status: Status | None, record: JsonObject, template_pod: Pod, overrides: list[Override]) -> JsonObject:
    """The record to write: what an earlier injection kept is older and stays, what this one changed is added."""
    if status is None:
        return record
    own = {which: _of_same_name_later(status, record, which) for which in ("volumes", "imagePullSecrets")}
    if status.original is None:
        earlier = {which: list(status.names[which]) for which in LISTS_OF_SPEC}
        rest = {key: value for key, value in {**record, **own}.items() if value}
        return {**rest, "definitions": definitions_to_keep(overrides), "earlier": earlier}
    kept = status.original
    added = {field: _added(kept.get(field, {}), record[field]) for field in _BY_NAME if field in record}
    for which in CONTAINER_LISTS:
        older = kept.get(which, {})
        newer = {name: _added(older.get(name, {}), fields) for name, fields in record.get(which, {}).items()}
        added[which] = {**older, **newer}
    later = {
        "covered": _covered(status, overrides),
        "earlier": _no_longer_injected(status, template_pod),
        **own,
    }
    return {**kept, **{key: value for key, value in {**added, **later}.items() if value}}


def _added(kept: JsonObject, new: JsonObject) -> JsonObject:
    """What was kept, in its order, and behind it what is new: a record of the same things stays the same text."""
    return {**kept, **{key: value for key, value in new.items() if key not in kept}}


def name_of(item: Any) -> str:
    """The name of a volume, or of a pull secret, of which nothing but the name is kept."""
    name: str = item["name"] if isinstance(item, dict) else item
    return name


def _covered(status: Status, overrides: list[Override]) -> JsonObject:
    """`covered` of the record in `status`, with the definitions that this injection was the first to write into."""
    found = dict((status.original or {}).get("covered") or {})
    new = definitions_to_keep([each for each in overrides if not status.lists(each.which, each.name)])
    for which, definitions in new.items():
        found[which] = _added(found.get(which, {}), definitions)
    return found


def _of_same_name_later(status: Status, record: JsonObject, which: str) -> list[Any]:
    """The volumes or pull secrets of the record in `status`, and those that only this injection found to be its own."""
    kept = (status.original or {}).get(which) or []
    injected = {*status.names[which], *((status.original or {}).get("earlier") or {}).get(which, ())}
    return [*kept, *(item for item in record.get(which) or () if name_of(item) not in injected and item not in kept)]


def _no_longer_injected(status: Status, template_pod: Pod) -> dict[str, list[str]]:
    """`earlier` of the record in `status`, with what it lists itself and this injection did not put there again."""
    known = (status.original or {}).get("earlier") or {}
    spec = template_pod.get("spec") or {}
    found = dict(known)
    for which, names in status.names.items():
        present = {*known.get(which, ()), *(item["name"] for item in spec.get(which) or ())}
        left = [name for name in names if name not in present]
        if left:
            found[which] = [*known.get(which, ()), *left]
    return found


def _rewritten_definition(original: Pod, override: Override, record: JsonObject) -> JsonObject:
    """The part of `record` about the list where the user defined a container, with what the annotation does not say."""
    homes = CONTAINER_LISTS if override.which == "initContainers" else ("containers",)
    for which in homes:
        for own in containers(original, which):
            if own["name"] == override.name:
                changed = _changed(own, saved_form(override), ())
                return {which: {**record[which], **({override.name: changed} if changed else {})}}
    return {}


def _lost_order(original: Pod, result: Pod, always: tuple[str, ...]) -> dict[str, list[str]]:
    before, after = original.get("spec") or {}, result.get("spec") or {}
    return {
        which: [item["name"] for item in before.get(which) or ()]
        for which in LISTS_OF_SPEC
        if which in always or not _is_in_order(before.get(which) or (), after.get(which) or ())
    }


def _is_in_order(before: Sequence[JsonObject], after: Sequence[JsonObject]) -> bool:
    if not before or before is after:
        return True
    names = [item["name"] for item in before]
    return names == [name for item in after if (name := item["name"]) in names]


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


def _changed_containers(original: Pod, result: Pod, which: ContainerList, of_templates: set[str]) -> JsonObject:
    own = containers(original, which)
    before = {each["name"]: each for each in own}
    found: JsonObject = {}
    for each in containers(result, which) if own else ():
        was = before.get(each["name"])
        if was is not None and was is not each and each["name"] not in of_templates:
            changed = _changed(was, each, ())
            if changed:
                found[each["name"]] = changed
    return found


def _of_same_name(original: Pod, injected: JsonObject, which: str) -> list[JsonObject]:
    own = (original.get("spec") or {}).get(which)
    names = {item["name"] for item in injected.get(which) or ()} if own else ()
    return [item for item in own or () if item.get("name") in names]
