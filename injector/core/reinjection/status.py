"""The status annotation: what an injection added, and what is needed to repeat or undo it (reference 10.1).

Istio's five keys come first and in its order. The key `original` is this project's own: with it a second injection can
give the same pod again, the user's overrides included, and `uninject` can restore what was rewritten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from injector.core.model import STATUS_ANNOTATION, InjectionError, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations
from injector.core.shared import SharedList, SharedMapping

NAME_LISTS = ("initContainers", "containers", "volumes", "imagePullSecrets")
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Status:
    """A status annotation that could be read. `names` maps each of NAME_LISTS to the names that were injected there.

    `original` is None where another injector wrote the annotation; see `record` for its keys.
    """

    names: dict[str, tuple[str, ...]]
    revision: str
    original: JsonObject | None = field(default=None)

    def lists(self, which: ContainerList, name: str) -> bool:
        """Whether the container `name` was injected under the list `which`."""
        return name in self.names[which]


def read_status(pod: Pod) -> Status | None:
    """The pod's status; None where it has none or it cannot be read, which counts as never injected."""
    text = annotations(pod).get(STATUS_ANNOTATION)
    if text is None:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    names = {which: document.get(which) or () for which in NAME_LISTS}
    if not all(isinstance(each, (list, tuple)) and all(isinstance(n, str) for n in each) for each in names.values()):
        return None
    original = document.get(ORIGINAL)
    return Status(
        names={which: tuple(each) for which, each in names.items()},
        revision=str(document.get("revision") or ""),
        original=original if isinstance(original, dict) and _is_readable(original) else None,
    )


def _is_readable(original: JsonObject) -> bool:
    """Whether every part of the record has its shape: the annotation is in the hands of whoever may write pods."""
    return all(_ORIGINAL_SHAPES.get(key, _is_mapping)(value) for key, value in original.items())


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_mapping_of_mappings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, dict) for each in value.values())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_lists_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_texts(each) for each in value.values())


def _are_named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in value
    )


# The shapes of what `record` keeps; a key that is not here holds a mapping.
_ORIGINAL_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "containers": _is_mapping_of_mappings,
    "initContainers": _is_mapping_of_mappings,
    "definitions": _is_mapping_of_mappings,
    "covered": _is_mapping_of_mappings,
    "volumes": _are_named,
    "imagePullSecrets": _are_texts,
    "automatic": _are_texts,
    "order": _are_lists_of_texts,
    "earlier": _are_lists_of_texts,
}


def injected_names(overlay: JsonObject) -> JsonObject:
    """`overlay` reduced to the names in the lists that a status records; directives stay, for merging.

    Raises InjectionError for an item without a name.
    """
    spec = overlay.get("spec") or {}
    lists = {which: SharedList(map(_named, spec[which])) for which in NAME_LISTS if spec.get(which)}
    kinds = {type(each) for names in lists.values() for each in names}
    if kinds <= {SharedMapping} and not _is_directed(overlay) and not _is_directed(spec):
        return {"spec": SharedMapping(lists)}
    directives = {key: value for key, value in spec.items() if key[:1] == "$"}
    rest = {key: value for key, value in overlay.items() if key[:1] == "$"}
    return {**rest, "spec": {**directives, **{which: [*names] for which, names in lists.items()}}}


def _named(item: JsonObject) -> JsonObject:
    if _is_directed(item):
        return {key: value for key, value in item.items() if key == "name" or key[:1] == "$"}
    if not isinstance(item.get("name"), str):
        raise InjectionError(f"an item of a list that is merged by 'name' has none: {item!r}")
    return SharedMapping(name=item["name"])


def _is_directed(mapping: JsonObject) -> bool:
    return type(mapping) is not SharedMapping and any(key[:1] == "$" for key in mapping)


def status_text(template_pod: Pod, revision: str, original: JsonObject) -> str:
    """The annotation's text for a pod into which `template_pod`, all templates merged, was merged."""
    spec: dict[str, Any] = template_pod.get("spec") or {}
    names = {which: [item["name"] for item in spec.get(which) or ()] or None for which in NAME_LISTS}
    return orjson.dumps({**names, "revision": revision or "default", ORIGINAL: original}).decode()


def without_listed_containers(pod: Pod, status: Status) -> Pod:
    """The pod without the containers that its status lists, or that of the injector before."""
    spec = dict(pod.get("spec") or {})
    earlier = (status.original or {}).get("earlier") or {}
    for which in CONTAINER_LISTS:
        if which in spec:
            injected = {*status.names[which], *earlier.get(which, ())}
            spec[which] = [each for each in spec[which] or () if each["name"] not in injected]
    return {**pod, "spec": spec}
