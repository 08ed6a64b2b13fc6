"""What the readers of foreign documents share: what of them cannot be honoured, by path, so that nothing is silent."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from injector.config.faults import Fault, Path, format_path
from injector.config.keys import Key, parents
from injector.config.mesh import canonical_mesh
from injector.config.mesh_keys import MESH_KEYS
from injector.config.text import Place
from injector.config.trees import deep_merge, find, nested, without
from injector.config.values_keys import VALUES_KEYS
from injector.core.model import JsonObject

_TEMPLATES = ("sidecarInjectorWebhook", "templates")
_TEMPLATE_MARKS = ("{{", "{%", "{#")
# Keys of older installations that have another name now.
_RENAMED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("istio_cni", "enabled"), ("pilot", "cni", "enabled")),
    (("istio_cni", "provider"), ("pilot", "cni", "provider")),
)
_BOUND_FOR_THE_MESH = ("meshConfig",)


def unread(document: JsonObject, place: Place, known: Collection[str]) -> list[Fault]:
    """A warning for each key of the document that is not among the known ones."""
    return [place.below(name).fault("is not read") for name in document if name not in known]


def portable_values(values: JsonObject, place: Place) -> tuple[JsonObject, list[Fault]]:
    """The values of a foreign document as they can be used here, and warnings for what cannot be.

    Its templates are Go templates; one without any placeholder is plain YAML and means the same here. Keys that no
    shipped template reads stay, for the user's own templates, and are named in one warning.
    """
    warnings: list[Fault] = []
    templates = find(values, _TEMPLATES)
    for name, text in (templates if isinstance(templates, dict) else {}).items():
        if isinstance(text, str) and any(mark in text for mark in _TEMPLATE_MARKS):
            values = without(values, (*_TEMPLATES, name))
            message = "a Go template cannot be used here; write it as a Jinja template below 'templates'"
            warnings.append(place.below(*_TEMPLATES, name).fault(message))
    for old, new in _RENAMED:
        if find(values, old) is not None and find(values, new) is None:
            values = deep_merge(without(values, old), nested(new, find(values, old)))
    ignored = [path for path in _beyond(values, VALUES_KEYS) if path != _BOUND_FOR_THE_MESH]
    return values, warnings + _ignored(ignored, place, "values")


def unread_mesh(mesh: Any, place: Place) -> list[Fault]:
    """One warning that names the fields of a mesh configuration that injection does not read."""
    canonical = canonical_mesh(mesh) if isinstance(mesh, dict) else {}
    return _ignored(list(_beyond(canonical, MESH_KEYS)), place, "fields")


def _ignored(paths: Sequence[Path], place: Place, noun: str) -> list[Fault]:
    names = ", ".join(sorted(map(format_path, paths)))
    return [place.fault(f"{noun} that no shipped template reads: {names}")] if paths else []


def _beyond(document: JsonObject, table: Sequence[Key]) -> Iterator[Path]:
    """The topmost paths of the document that no key of the table reads."""
    above, keys = parents(table), {key.path for key in table}
    pending: list[Path] = [(name,) for name in document]
    for path in pending:
        value = find(document, path)
        if path in above and isinstance(value, dict) and path not in keys:
            pending += [(*path, name) for name in value]
        elif path not in keys and path not in above and value not in (None, {}, []):
            yield path
