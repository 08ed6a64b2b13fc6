"""Checking one layer against the tables of keys, and bringing it into its one canonical form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from injector.config.checks import Findings
from injector.config.faults import Fault, Path
from injector.config.keys import Key, parents
from injector.config.layers import Layer
from injector.config.mesh_keys import MESH_KEYS
from injector.config.misspelt import misspelt
from injector.config.names import unknown_key
from injector.config.native_keys import NATIVE_KEYS
from injector.config.trees import deep_merge, find, nested, without
from injector.config.values_keys import VALUES_KEYS
from injector.core import proxy_config
from injector.core.model import JsonObject

_TABLES: tuple[tuple[Path, Sequence[Key]], ...] = (
    ((), NATIVE_KEYS),
    (("values",), VALUES_KEYS),
    (("meshConfig",), MESH_KEYS),
)
_PROXY_CONFIG = ("meshConfig", "defaultConfig")


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
    yield from _proxy_config_findings(find(native, _PROXY_CONFIG))


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
            yield _PROXY_CONFIG + ((field,) if field else ()), message


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
