"""Injecting the injected, and undoing an injection: what was there before (reference section 10).

The key `original` of the status annotation holds, each only where there is something to hold:

- `annotations`, `labels`: name → the value before, null where there was none;
- `containers`, `initContainers`: container name → field → the value before, null where there was none;
- `spec`: field of the pod's spec → the value before;
- `volumes`: the volumes of the user that carry an injected name;
- `imagePullSecrets`: the names of the user's own that are also injected;
- `order`: list → the container names in the user's order, where the user defined containers under injected names;
- `automatic`: the names of those whose image was `auto`;
- `definitions`, where another injector had injected the pod before: list → container name → what was merged over the
  template's container; that injector's overrides annotation stays as it is, and no longer counts;
- `earlier`, in the same case: list → the names of the containers that the other injector had put there.
"""

from typing import Any

from injector.core.model import OVERRIDES_ANNOTATION, STATUS_ANNOTATION, Container, JsonObject, Pod
from injector.core.overrides import AUTO_IMAGE, Override, definitions_to_keep, saved_overrides
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers, labels, with_metadata
from injector.core.status import Status, read_status, without_listed_containers

_OWN_ANNOTATIONS = (STATUS_ANNOTATION, OVERRIDES_ANNOTATION)
_MAPPINGS = ("annotations", "labels", "containers", "initContainers", "spec")
_LISTS_OF_SPEC = ("containers", "initContainers", "volumes", "imagePullSecrets")


def template_view(pod: Pod, status: Status | None) -> Pod:
    """The pod as its author wrote it, as far as it can be told: without an injection, with the saved overrides.

    Raises InjectionError where the overrides annotation cannot be read.
    """
    saved = saved_overrides(pod)
    view, record = pod, (status.original or {}) if status else {}
    if status:
        rest = {name: value for name, value in annotations(pod).items() if name != STATUS_ANNOTATION}
        view = with_metadata(without_listed_containers(pod, status), "annotations", rest)
        saved = {which: {**_kept_definitions(record, which), **saved[which]} for which in CONTAINER_LISTS}
    if not any(saved.values()):
        return view
    return {**view, "spec": {**(view.get("spec") or {}), **_put_back(view, saved, record.get("order") or {})}}


def original_record(original: Pod, result: Pod, template_pod: Pod, overrides: list[Override]) -> JsonObject:
    """What `result`, made of `original`, needs to remember of it. `overrides` are the definitions that were applied."""
    injected = template_pod.get("spec") or {}
    of_templates = {each["name"] for which in CONTAINER_LISTS for each in containers(template_pod, which)}
    record: JsonObject = {
        "annotations": _changed(annotations(original), annotations(result), _OWN_ANNOTATIONS),
        "labels": _changed(labels(original), labels(result), ()),
        **{which: _changed_containers(original, result, which, of_templates) for which in CONTAINER_LISTS},
        "spec": _changed(original.get("spec") or {}, result.get("spec") or {}, _LISTS_OF_SPEC),
        "volumes": _of_same_name(original, injected, "volumes"),
        "imagePullSecrets": [item["name"] for item in _of_same_name(original, injected, "imagePullSecrets")],
        "automatic": [override.name for override in overrides if override.has_automatic_image],
    }
    if overrides:
        record["order"] = {which: [each["name"] for each in containers(original, which)] for which in CONTAINER_LISTS}
    return {key: value for key, value in record.items() if value}


def kept_record(status: Status | None, record: JsonObject, overrides: list[Override]) -> JsonObject:
    """The record to write: what an earlier injection kept is older and stays, what this one changed is added."""
    if status is None:
        return record
    if status.original is None:
        earlier = {which: list(status.names[which]) for which in CONTAINER_LISTS}
        return {**record, "definitions": definitions_to_keep(overrides), "earlier": earlier}
    kept = status.original
    added = {field: {**record[field], **kept.get(field, {})} for field in _MAPPINGS if field in record}
    return {**kept, **added}


def uninject(pod: Pod) -> Pod:
    """The pod without its injection; the very same object where it was not injected.

    What another injector left no record of is restored as far as its traces allow: containers, volumes and pull secrets
    are taken out, overrides put back. Raises InjectionError where the overrides annotation cannot be read.
    """
    status = read_status(pod)
    if status is None:
        return pod
    record = status.original or {}
    view = template_view(pod, status)
    spec = _restored(view.get("spec") or {}, record.get("spec") or {})
    for containers_list in CONTAINER_LISTS:
        before = spec.get(containers_list) or []
        spec[containers_list] = [_container_before(each, record, containers_list) for each in before]
    for which in ("volumes", "imagePullSecrets"):
        spec[which] = _items_before(spec.get(which) or [], status.names[which], record.get(which) or [])
    emptied = {which for which in _LISTS_OF_SPEC if not spec.get(which) and which != "containers"}
    metadata = dict(view.get("metadata") or {})
    for field, before in (("annotations", annotations(view)), ("labels", labels(view))):
        own = {name: value for name, value in before.items() if name not in _OWN_ANNOTATIONS}
        metadata[field] = _restored(own, record.get(field) or {})
        if not metadata[field]:
            del metadata[field]
    return {**view, "metadata": metadata, "spec": {key: value for key, value in spec.items() if key not in emptied}}


def _kept_definitions(record: JsonObject, which: ContainerList) -> dict[str, Container]:
    """The definitions in the record that were the user's own, not what another injector had made."""
    injected = {name for names in (record.get("earlier") or {}).values() for name in names}
    definitions = (record.get("definitions") or {}).get(which) or {}
    return {name: definition for name, definition in definitions.items() if name not in injected}


def _put_back(
    view: Pod, saved: dict[ContainerList, dict[str, Container]], order: dict[str, list[str]]
) -> dict[ContainerList, list[Container]]:
    """The container lists of `view` with the saved definitions in them: where `order` has them, else at the end."""
    lists = {which: {each["name"]: each for each in containers(view, which)} for which in CONTAINER_LISTS}
    for which in CONTAINER_LISTS:
        for name, definition in saved[which].items():
            home = next((each for each in CONTAINER_LISTS if name in order.get(each, ())), which)
            lists[home].setdefault(name, definition)
    return {which: _in_order(found, order.get(which, [])) for which, found in lists.items()}


def _in_order(found: dict[str, Container], names: list[str]) -> list[Container]:
    return [found[name] for name in dict.fromkeys((*(name for name in names if name in found), *found))]


def _changed(before: Any, after: Any, ignored: tuple[str, ...]) -> JsonObject:
    if before is after:
        return {}
    keys = dict.fromkeys((*before, *after))
    return {
        key: before.get(key)
        for key in keys
        if key not in ignored and before.get(key) is not after.get(key) and before.get(key) != after.get(key)
    }


def _changed_containers(original: Pod, result: Pod, which: ContainerList, of_templates: set[str]) -> JsonObject:
    before = {each["name"]: each for each in containers(original, which)}
    changed = {
        each["name"]: _changed(before[each["name"]], each, ())
        for each in containers(result, which)
        if each["name"] in before and each["name"] not in of_templates
    }
    return {name: fields for name, fields in changed.items() if fields}


def _of_same_name(original: Pod, injected: JsonObject, which: str) -> list[JsonObject]:
    names = {item["name"] for item in injected.get(which) or ()}
    return [item for item in (original.get("spec") or {}).get(which) or () if item.get("name") in names]


def _restored(mapping: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**mapping, **before}.items() if key not in before or value is not None}


def _container_before(container: Container, record: JsonObject, which: ContainerList) -> Container:
    if container["name"] in (record.get("automatic") or ()) and "image" not in container:
        container = {"name": container["name"], "image": AUTO_IMAGE, **container}
    before = (record.get(which) or {}).get(container["name"])
    return _restored(container, before) if before else container


def _items_before(items: list[Any], injected: tuple[str, ...], own: list[Any]) -> list[Any]:
    kept = {own_item["name"] if isinstance(own_item, dict) else own_item: own_item for own_item in own}
    restored = []
    for item in items:
        name = item.get("name")
        if name in kept:
            restored.append(kept[name] if isinstance(kept[name], dict) else item)
        elif name not in injected:
            restored.append(item)
    return restored
