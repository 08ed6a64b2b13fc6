"""Injecting the injected, and undoing an injection: what was there before (reference section 10)."""

from collections.abc import Mapping
from typing import Any

from injector.core.model import STATUS_ANNOTATION, Container, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers, labels, with_metadata
from injector.core.quantity import canonical_quantity
from injector.core.reinjection.overrides import AUTO_IMAGE, saved_overrides
from injector.core.reinjection.record import LISTS_OF_SPEC, OWN_ANNOTATIONS, name_of
from injector.core.reinjection.status import Status, read_status, without_listed_containers


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
        injected = (*status.names[which], *(record.get("earlier") or {}).get(which, ()))
        spec[which] = _items_before(spec.get(which) or [], injected, record.get(which) or [])
    for which, names in (record.get("order") or {}).items():
        spec[which] = _in_order(spec.get(which) or [], names)
    emptied = {which for which in LISTS_OF_SPEC if not spec.get(which) and which != "containers"}
    metadata = dict(view.get("metadata") or {})
    for field, before in (("annotations", annotations(view)), ("labels", labels(view))):
        own = {name: value for name, value in before.items() if name not in OWN_ANNOTATIONS}
        metadata[field] = _restored(own, record.get(field) or {})
        if not metadata[field]:
            del metadata[field]
    return {**view, "metadata": metadata, "spec": {key: value for key, value in spec.items() if key not in emptied}}


def _kept_definitions(record: JsonObject, which: ContainerList) -> dict[str, Container]:
    """The definitions in the record that were the user's own, not what another injector had made."""
    earlier = record.get("earlier") or {}
    injected = {name for of_list in CONTAINER_LISTS for name in earlier.get(of_list, ())}
    definitions = {
        **((record.get("covered") or {}).get(which) or {}),
        **((record.get("definitions") or {}).get(which) or {}),
    }
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
    return {which: _in_order(list(found.values()), order.get(which, [])) for which, found in lists.items()}


def _in_order(items: list[JsonObject], names: list[str]) -> list[JsonObject]:
    """The items that have one of `names`, in that order, then the others in theirs."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(items, key=lambda item: places.get(item["name"], len(places)))


def _restored(mapping: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**mapping, **before}.items() if key not in before or value is not None}


def _container_before(container: Container, record: JsonObject, which: ContainerList) -> Container:
    if container["name"] in (record.get("automatic") or ()) and "image" not in container:
        container = {"name": container["name"], "image": AUTO_IMAGE, **container}
    before = (record.get(which) or {}).get(container["name"])
    return _restored(container, before) if before else container


def _items_before(items: list[Any], injected: tuple[str, ...], own: list[Any]) -> list[Any]:
    kept = {name_of(item): item for item in own}
    restored = []
    for item in items:
        name = item.get("name")
        if name in kept:
            restored.append(kept[name] if isinstance(kept[name], dict) else item)
        elif name not in injected:
            restored.append(item)
    return restored


# What the API server fills in or writes its own way between two injections is no change (reference, conventions).
# Templates name quantities and leave out defaults as their authors like; a pod that comes back from the API server
# has canonical quantities and all defaults. Where both mean the same, what came back stays. Source:
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (defaults of the fields below)

# Fields whose zero is the default: absent means the same.
_ZERO_FIELDS = frozenset(("initialDelaySeconds",))
_QUANTITY_MAPPINGS = frozenset(("limits", "requests"))


def with_defaults_kept(before: Any, after: Any) -> Any:
    """`after`, in which every part that means the same as in `before` is that part; `before` itself if all do."""
    if before is after:
        return before
    if isinstance(before, dict) and isinstance(after, dict):
        return _kept_mapping(before, after)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        kept = [with_defaults_kept(one, other) for one, other in zip(before, after, strict=True)]
        return before if all(one is other for one, other in zip(before, kept, strict=True)) else kept
    return before if type(before) is type(after) and before == after else after


def _kept_mapping(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    if before.get("name") != after.get("name"):
        return after
    kept = {key: _kept(key, before, value) for key, value in after.items() if not _is_default_zero(key, value, before)}
    for key, value in before.items():
        if key not in kept and _is_default(key, value, after):
            kept[key] = value
    same = len(kept) == len(before) and all(key in before and before[key] is value for key, value in kept.items())
    return before if same else kept


def _kept(key: str, before: Mapping[str, Any], value: Any) -> Any:
    if key not in before:
        return value
    if key in _QUANTITY_MAPPINGS and isinstance(before[key], dict) and isinstance(value, dict):
        return before[key] if _quantities(before[key]) == _quantities(value) else value
    return with_defaults_kept(before[key], value)


def _is_default_zero(key: str, value: Any, before: Mapping[str, Any]) -> bool:
    return key in _ZERO_FIELDS and value == 0 and key not in before


def _is_default(key: str, value: Any, after: Mapping[str, Any]) -> bool:
    """Whether the API server would fill in `key` of `after` with `value`."""
    if key == "emptyDir":
        return value == {} and after.keys() == {"name"}
    return key == "apiVersion" and value == "v1" and "fieldPath" in after


def _quantities(mapping: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {name: canonical_quantity(str(value)) for name, value in mapping.items()}
    except ValueError:
        return dict(mapping)
