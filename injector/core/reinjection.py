"""Injecting the injected, and undoing an injection: what was there before (reference section 10)."""

from typing import Any

from injector.core.model import STATUS_ANNOTATION, Container, JsonObject, Pod
from injector.core.overrides import AUTO_IMAGE, saved_overrides
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers, labels, with_metadata
from injector.core.record import LISTS_OF_SPEC, OWN_ANNOTATIONS, name_of
from injector.core.status import Status, read_status, without_listed_containers


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
