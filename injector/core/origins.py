"""From a field of an injected pod to the line of the template that wrote it: the templates are rendered once more.

Fields are known by their keys; items of lists that a strategic merge tells apart by the value of their merge key, and
others by their place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.admission import Subject, prepare
from injector.core.effort import Effort
from injector.core.errors import Path
from injector.core.merge import NOTHING_KEYED, POD_SCHEMA, PRIMITIVE, Schema
from injector.core.model import JsonObject, Pod, Snapshot
from injector.core.pod_fields import SIDECARS
from injector.core.reinjection.status import read_status
from injector.core.render import Origin, Traced
from injector.core.render.context import scope_of
from injector.core.setup import Setup

Origins: TypeAlias = Mapping[Path, Traced]


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """A field that an injection added or changed: its value, and where that comes from.

    `origin` is None for what no template wrote: records of the injection, and what it adds by rules of its own.
    """

    path: Path
    value: Any
    origin: Origin | None


def field_origins(subject: Subject, injected: Pod, setup: Setup, snapshot: Snapshot) -> list[FieldOrigin]:
    """The fields in which `injected` differs from the pod of `subject`, each with its origin, in order.

    Raises InjectionError where the templates cannot be rendered for it.
    """
    injection = prepare(subject, setup, snapshot, read_status(subject.pod), Effort())
    scope = scope_of(injection.given)
    traced: dict[Path, Traced] = {}
    for name in injection.names:
        traced |= _traced_leaves(setup.templates.trace(name, scope))
    before = dict(_leaves(subject.pod, POD_SCHEMA, ()))
    return [
        FieldOrigin(path, value, _origin_at(path, value, traced))
        for path, value in _leaves(injected, POD_SCHEMA, ())
        if path not in before or before[path] != value
    ]


def _origin_at(path: Path, value: Any, traced: Origins) -> Origin | None:
    """The origin, unless something after the templates has changed the value again."""
    found = traced.get(path)
    return found.origin if found is not None and found.value == value else None


def _traced_leaves(overlay: JsonObject) -> Origins:
    """The leaves of an overlay that has the origins of its values; a sidecar may come to be in either list."""
    spec: JsonObject = overlay.get("spec") or {}
    if isinstance(spec, dict) and SIDECARS in spec:
        native = [{**each, "restartPolicy": _restarts(each)} for each in spec[SIDECARS]]
        lists = {"initContainers": native, "containers": spec[SIDECARS]}
        placed = {name: [*(spec.get(name) or ()), *added] for name, added in lists.items()}
        overlay = {**overlay, "spec": {**spec, **placed}}
    return {path: leaf for path, leaf in _leaves(overlay, POD_SCHEMA, ()) if isinstance(leaf, Traced)}


def _restarts(sidecar: JsonObject) -> Any:
    """What makes it native comes from the word `sidecars`, which is near its name."""
    named = sidecar.get("name")
    return Traced("Always", named.origin) if isinstance(named, Traced) else "Always"


def _leaves(value: Any, schema: Schema, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Traced) and isinstance(value.value, (dict, list)) and value.value:
        yield from ((below, Traced(leaf, value.origin)) for below, leaf in _leaves(value.value, schema, path))
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            below = schema.below.get(key, NOTHING_KEYED)
            merge_key = schema.lists.get(key, PRIMITIVE)
            if isinstance(_plain(item), list):
                yield from _items(item, merge_key, below, (*path, key))
            else:
                yield from _leaves(item, below, (*path, key))
    elif isinstance(value, list) and value:
        yield from _items(value, PRIMITIVE, NOTHING_KEYED, path)
    else:
        yield path, value


def _items(value: Any, merge_key: str, schema: Schema, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Traced):
        items = _items(value.value, merge_key, schema, path)
        yield from ((below, Traced(leaf, value.origin)) for below, leaf in items)
        return
    if not value:
        yield path, value
    for index, item in enumerate(value):
        identity = _plain(_plain(item).get(merge_key)) if merge_key and isinstance(_plain(item), dict) else None
        # The number of a port is no place in a list.
        step = index if identity is None else f"{identity}"
        yield from _leaves(item, schema, (*path, step))


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Traced) else value
