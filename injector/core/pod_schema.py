"""The shape of a pod that the rest of the core relies on, checked once, when a pod comes in.

Only what the core reads is checked; everything else is for the API server to judge. Null means absent everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, repeat
from operator import itemgetter
from typing import Any

from injector.core.validation import wrong

MAXIMUM_FAULTS = 10
# What is further behind is not read: a pod of more containers is refused (see `effort`), or left alone.
MOST_CONTAINERS = 250

TEXT, MAPPING, TEXT_MAP, ITEMS, NAMED_ITEMS, TEXTS = (
    "a string",
    "a mapping",
    "a mapping of strings to strings",
    "a list of mappings",
    "a list of mappings that have a name",
    "a list of strings",
)

PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
# `lifecycle` has more members than these two, which alone are handlers: `stopSignal` is text.
HOOKS = ("postStart", "preStop")

POD_FIELDS = {"metadata": MAPPING, "spec": MAPPING}
METADATA_FIELDS = {
    "name": TEXT,
    "generateName": TEXT,
    "namespace": TEXT,
    "labels": TEXT_MAP,
    "annotations": TEXT_MAP,
    "ownerReferences": ITEMS,
}
SPEC_FIELDS = {
    "containers": NAMED_ITEMS,
    "initContainers": NAMED_ITEMS,
    "volumes": NAMED_ITEMS,
    "imagePullSecrets": NAMED_ITEMS,
    "securityContext": MAPPING,
    "os": MAPPING,
    "nodeName": TEXT,
    "serviceAccountName": TEXT,
}
CONTAINER_FIELDS = {
    "image": TEXT,
    "args": TEXTS,
    "command": TEXTS,
    "env": NAMED_ITEMS,
    "ports": ITEMS,
    "volumeMounts": ITEMS,
    "resources": MAPPING,
    "securityContext": MAPPING,
    "lifecycle": MAPPING,
    **dict.fromkeys(PROBES, MAPPING),
}
HANDLER_FIELDS = {"httpGet": MAPPING, "tcpSocket": MAPPING, "grpc": MAPPING, "exec": MAPPING}


def pod_faults(pod: Any) -> list[str]:
    """What keeps `pod` from being read as a Pod; each fault names the path, what is valid, and the value."""
    if not isinstance(pod, dict):
        return [_fault("object", pod, "a Pod")]
    kind = pod.get("kind")
    if kind not in (None, "", "Pod"):
        return [_fault("object.kind", kind, "Pod")]
    return list(islice(_pod(pod), MAXIMUM_FAULTS))


def container_faults(container: Any, path: str) -> list[str]:
    """What keeps `container` from being read as a container with a name; `path` is where it is."""
    if not isinstance(container, dict) or not isinstance(container.get("name"), str):
        return [_fault(path, container, "a mapping that has a name")]
    return list(islice(_container(container, f"{path}."), MAXIMUM_FAULTS))


def _pod(pod: dict[str, Any]) -> Iterator[str]:
    broken = _broken(pod, POD_FIELDS)
    yield from _faults(broken, "")
    if broken:
        return
    spec = pod.get("spec") or {}
    yield from _faults(_broken(pod.get("metadata") or {}, METADATA_FIELDS), "metadata.")
    broken = _broken(spec, SPEC_FIELDS)
    yield from _faults(broken, "spec.")
    if broken:
        return
    for which in ("containers", "initContainers"):
        for index, container in enumerate((spec.get(which) or ())[:MOST_CONTAINERS]):
            broken = _broken(container, CONTAINER_FIELDS)
            if broken:
                yield from _faults(broken, f"spec.{which}[{index}].")
            elif not _HANDLED.isdisjoint(container):
                yield from _handlers(container, f"spec.{which}[{index}].")


def _container(container: dict[str, Any], path: str) -> Iterator[str]:
    broken = _broken(container, CONTAINER_FIELDS)
    yield from _faults(broken, path) if broken else _handlers(container, path)


def _handlers(container: dict[str, Any], path: str) -> Iterator[str]:
    for probe in PROBES:
        if container.get(probe):
            yield from _faults(_broken(container[probe], HANDLER_FIELDS), f"{path}{probe}.")
    lifecycle = container.get("lifecycle") or {}
    for hook, handler in ((hook, lifecycle.get(hook)) for hook in HOOKS):
        if handler is not None and not isinstance(handler, dict):
            yield _fault(f"{path}lifecycle.{hook}", handler, MAPPING)
        elif handler:
            yield from _faults(_broken(handler, HANDLER_FIELDS), f"{path}lifecycle.{hook}.")


_HANDLED = frozenset((*PROBES, "lifecycle"))


def _broken(mapping: dict[str, Any], expected: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    """The fields of a mapping that have something else than is expected: name, value, and what is valid."""
    return [
        (field, value, expected[field])
        for field, value in mapping.items()
        if field in expected and value is not None and not _CHECKS[expected[field]](value)
    ]


def _faults(broken: Iterable[tuple[str, Any, str]], path: str) -> Iterator[str]:
    return (_fault(path + field, value, kind) for field, value, kind in broken)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _are_all(kind: type, values: Iterable[Any]) -> bool:
    # By the types that there are, of which there are few, rather than value by value: environments are long.
    return all(map(issubclass, {*map(type, values)}, repeat(kind)))


def _are_items(value: Any) -> bool:
    return isinstance(value, list) and _are_all(dict, value)


def _are_named_items(value: Any) -> bool:
    try:
        return isinstance(value, list) and _are_all(str, map(_NAME, value))
    except (KeyError, TypeError):  # one without a name, or one that is no mapping
        return False


_NAME = itemgetter("name")
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    TEXT: _is_text,
    MAPPING: _is_mapping,
    TEXT_MAP: lambda value: isinstance(value, dict) and _are_all(str, value.values()),
    TEXTS: lambda value: isinstance(value, list) and _are_all(str, value),
    ITEMS: _are_items,
    NAMED_ITEMS: _are_named_items,
}


def _fault(path: str, value: Any, expected: str) -> str:
    return f"{path}: {wrong(expected, value)}"
