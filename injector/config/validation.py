"""Checking one layer against the tables of keys, and bringing it into its one canonical form."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from injector.config.effective import COMPATIBILITY_VERSIONS, PROFILES, Layer, chosen, named_platform
from injector.config.errors import Fault, Path, folded, unknown_key
from injector.config.keys import MESH_KEYS, NATIVE_KEYS, OTHER_MESH_FIELDS, VALUES_KEYS, Key, parents
from injector.config.types import Findings
from injector.config.yaml import Place, deep_merge, find, nested, without
from injector.core import proxy_config
from injector.core.model import JsonObject
from injector.core.proxy_config import FIELDS

# What can only be told from all layers together: names that have to exist, and values that have no effect here.

_WEBHOOK = ("values", "sidecarInjectorWebhook")
_KNOWN_PLATFORMS = ("", "openshift")
_MODES = ("true", "false", "auto")


def last_place(layers: Sequence[Layer], *paths: Path) -> Place | None:
    """Where the last layer that says something at the first of `paths` says it; then of the second, and so on."""
    for path in paths:
        for layer in reversed(layers):
            if find(layer.native, path) is not None:
                return layer.place(path)
    return None


def missing_names(layers: Sequence[Layer], native: JsonObject, templates: Collection[str]) -> Iterator[Fault]:
    """Default templates and aliases that name a template that does not exist; libraries (`_…`) cannot be named."""
    removed = {name for name, text in native["templates"].items() if text is None}
    offered = sorted(name for name in templates if not name.startswith("_") and name not in removed)
    aliases = {name: names for name, names in native["aliases"].items() if names is not None}
    place = last_place(layers, ("defaultTemplates",), (*_WEBHOOK, "defaultTemplates"))
    yield from _missing(native["defaultTemplates"], [*offered, *aliases], place)
    for alias, names in aliases.items():
        yield from _missing(names, offered, last_place(layers, ("aliases", alias)))


def _missing(names: Sequence[str], valid: Sequence[str], place: Place | None) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name not in valid:
            message = f"there is no template {name!r}; valid: {', '.join(valid)}"
            yield place.below(index).fault(message) if place else Fault("defaults", None, "defaultTemplates", message)


def without_effect(layers: Sequence[Layer], values: JsonObject) -> Iterator[Fault]:
    """Warnings for values that Istio knows, or seems to, and that change nothing here."""
    profile = str(chosen(values, "profile") or "default")
    if profile not in PROFILES:
        message = f"profile {profile!r} has no effect here; with one: {', '.join(PROFILES)}"
        yield from _warning(layers, message, ("profile",), ("global", "profile"))
    version = str(chosen(values, "compatibilityVersion") or "")
    if version and version not in COMPATIBILITY_VERSIONS:
        message = f"version {version!r} has no effect here; with one: {', '.join(COMPATIBILITY_VERSIONS)}"
        yield from _warning(layers, message, ("compatibilityVersion",), ("global", "compatibilityVersion"))
    platform = str(named_platform(values) or "")
    if platform not in _KNOWN_PLATFORMS:
        message = f"platform {platform!r} has no effect here; with one: openshift"
        yield from _warning(layers, message, ("pilot", "env", "PLATFORM"), ("platform",), ("global", "platform"))
    mode = find(values, ("pilot", "env", "ENABLE_NATIVE_SIDECARS"))
    if mode is not None and str(mode).lower() not in _MODES:
        message = f"mode {mode!r} is read as false; valid: {', '.join(_MODES)}"
        yield from _warning(layers, message, ("pilot", "env", "ENABLE_NATIVE_SIDECARS"))


def _warning(layers: Sequence[Layer], message: str, *paths: Path) -> Iterator[Fault]:
    place = last_place(layers, *(("values", *path) for path in paths))
    if place is not None:
        yield place.fault(message)


# Keys that nothing reads and that look like one that is read: allowed, as templates may read any, but hardly meant.
# A configuration with one is in force, with a warning: what its author asked for would else be missing in silence.

_VALUES, _MESH, _PROXY_CONFIG = ("values",), ("meshConfig",), ("meshConfig", "defaultConfig")
# Below this two names are alike by chance: readinessPeriodSeconds and readinessTimeoutSeconds, for instance.
_LIKENESS = 0.87


def misspelt(layer: Layer) -> Iterator[Fault]:
    """A warning for each such key of the layer, with the name that was meant."""
    for parent in sorted({(), *parents(VALUES_KEYS)}):
        yield from _unlike(layer, _VALUES + parent, _names_below(VALUES_KEYS, parent), "is read by no shipped template")
    mesh_fields = {*_names_below(MESH_KEYS, ()), *OTHER_MESH_FIELDS}
    yield from _unlike(layer, _MESH, mesh_fields, "is no field of MeshConfig")
    yield from _unlike(layer, _PROXY_CONFIG, FIELDS, "is no field of ProxyConfig")


def _names_below(table: Collection[Key], parent: Path) -> set[str]:
    depth = len(parent)
    return {key.path[depth] for key in table if key.path[:depth] == parent and len(key.path) > depth}


def _unlike(layer: Layer, path: Path, known: Collection[str], message: str) -> Iterator[Fault]:
    found = find(layer.native, path)
    for name in found if isinstance(found, dict) else ():
        meant = None if name in known else _meant(name, known)
        if meant is not None and meant not in found:
            yield layer.place((*path, name)).fault(f"{message}; did you mean {meant!r}?")


def _meant(name: str, known: Collection[str]) -> str | None:
    spelt_otherwise = (each for each in known if folded(each) == folded(name))
    return next(spelt_otherwise, None) or next(iter(get_close_matches(name, sorted(known), 1, _LIKENESS)), None)


_TABLES: tuple[tuple[Path, Sequence[Key]], ...] = (
    ((), NATIVE_KEYS),
    (("values",), VALUES_KEYS),
    (("meshConfig",), MESH_KEYS),
)
_DEFAULT_CONFIG = ("meshConfig", "defaultConfig")


@dataclass(frozen=True, slots=True)
class Checked:
    """A layer without what is wrong in it, and what was wrong in it."""

    layer: Layer
    faults: tuple[Fault, ...]


def check(layer: Layer) -> Checked:
    """Check every key of the layer; what is at fault is left out, so that the rest can still be checked together."""
    layer = _canonical(layer)
    faults: list[Fault] = []
    sound: Any = layer.native
    for path, message in _findings(layer.native):
        faults.append(layer.place(path).fault(message))
        sound = without(sound, _up_to_key(path))
    in_order = tuple(sorted(faults, key=lambda fault: fault.line or 0))
    return Checked(replace(layer, native=sound, warnings=(*layer.warnings, *misspelt(layer))), in_order)


def _findings(native: JsonObject) -> Findings:
    names = [key.name for key in NATIVE_KEYS]
    yield from (((key,), _unknown(key, names)) for key in native if key not in names)
    for prefix, table in _TABLES:
        if isinstance(find(native, prefix), dict):
            yield from _table_findings(native, prefix, table)
    yield from _proxy_config_findings(find(native, _DEFAULT_CONFIG))


def _unknown(key: str, names: list[str]) -> str:
    if any(key == other.path[0] for other in VALUES_KEYS):
        return f"unknown key {key!r}: installation values stand below 'values'; valid: {', '.join(names)}"
    return unknown_key(key, names)


def _table_findings(native: JsonObject, prefix: Path, table: Sequence[Key]) -> Findings:
    broken = set()
    for parent in sorted(parents(table)):
        value = find(native, prefix + parent)
        if value is not None and not isinstance(value, dict):
            broken.add(parent)
            yield prefix + parent, f"has to be a mapping, not {value!r}"
    for key in table:
        if key.path not in broken:
            found = key.findings(find(native, prefix + key.path))
            yield from ((prefix + key.path + path, message) for path, message in found)


def _proxy_config_findings(document: Any) -> Findings:
    if not isinstance(document, dict):
        return
    try:
        proxy_config.parse(without(document, ("proxyMetadata",)))
    except proxy_config.ProxyConfigError as error:
        for message in error.faults:
            field = next((name for name in document if name in message), None)
            yield _DEFAULT_CONFIG + ((field,) if field else ()), message


def _up_to_key(path: Path) -> Path:
    """The path without what comes after the first list index: a list is left out as a whole."""
    for depth, step in enumerate(path):
        if isinstance(step, int):
            return path[:depth]
    return path


def _canonical(layer: Layer) -> Layer:
    native = layer.native
    for prefix, table in _TABLES:
        for path in sorted({(), *parents(table)}):
            native = _without_empty(native, prefix + path) if prefix + path else native
        for key in table:
            native = _with_canonical_value(native, prefix, key, from_flag=layer.from_flag)
    return replace(layer, native=native)


def _without_empty(native: JsonObject, path: Path) -> JsonObject:
    """A parent that is there without anything below it (all of it commented out, say) says nothing."""
    above = find(native, path[:-1])
    emptied = isinstance(above, dict) and path[-1] in above and above[path[-1]] is None
    return without(native, path) if emptied else native


def _with_canonical_value(native: JsonObject, prefix: Path, key: Key, *, from_flag: bool) -> JsonObject:
    value = find(native, prefix + key.path)
    if value is None:
        return native
    canonical = key.type.canonical(key.type.from_flag(value) if from_flag else value)
    if canonical is value:
        return native
    return deep_merge(native, nested(prefix + key.path, canonical))
