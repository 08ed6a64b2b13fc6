"""Keys that nothing reads and that look like one that is read: allowed, as templates may read any, but hardly meant.

A configuration with one is in force, with a warning: what its author asked for would else be missing in silence.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from injector.config.faults import Fault, Path
from injector.config.keys import Key, parents
from injector.config.layers import Layer
from injector.config.mesh_keys import MESH_KEYS, OTHER_MESH_FIELDS
from injector.config.names import folded
from injector.config.trees import find
from injector.config.values_keys import VALUES_KEYS
from injector.core.proxy_config import FIELDS

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
