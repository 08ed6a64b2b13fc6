"""Loading a configuration: files and flags in, one frozen Config out, or every fault there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path as FilePath
from typing import TypeAlias

from injector.config.assemble import build_config, effective_native
from injector.config.cross_checks import last_place, missing_names, without_effect
from injector.config.documents import Reading, read_file
from injector.config.faults import ConfigFaults, Fault, Path
from injector.config.flags import FlagFault, apply_assignments, parse_flag
from injector.config.layers import Layer, unified
from injector.config.shipped import template_files
from injector.config.text import Place, Source
from injector.config.trees import deep_merge, find, nested
from injector.config.validate import check
from injector.core.model import Config, JsonObject
from injector.core.proxy_config import ProxyConfigError

Origin: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what of its sources could not be honoured (one line each)."""

    config: Config
    warnings: tuple[str, ...]
    template_places: Mapping[str, Place | FilePath]

    @property
    def template_origins(self) -> Mapping[str, Origin]:
        """For each template its file and the line there where its text begins; looked up when asked for."""
        return {name: _origin(place) for name, place in self.template_places.items()}


def load(files: Sequence[FilePath] = (), sets: Sequence[str] = ()) -> Loaded:
    """Read `files` and then the `--set` flags, later ones over earlier ones, over the shipped defaults.

    A file is a YAML or JSON document of the injector's own configuration, or one of the foreign kinds of the contract.
    Raises ConfigFaults with all that is wrong, each with file, line and path.
    """
    reading = _with_flags([read_file(path) for path in files], sets)
    checks = [check(unified(layer)) for layer in reading.layers]
    layers = [checked.layer for checked in checks]
    faults = [*reading.faults, *(fault for checked in checks for fault in checked.faults)]
    shipped = template_files()
    try:
        native = effective_native(_merged(layers))
    except ProxyConfigError as error:
        raise ConfigFaults([*faults, *_proxy_config_faults(layers, error)]) from None
    declared = {*shipped, *_declared(layer.native for layer in reading.layers)}
    faults += missing_names(layers, native, declared)
    if faults:
        raise ConfigFaults(faults)
    return _loaded(native, layers, shipped)


def _loaded(native: JsonObject, layers: Sequence[Layer], shipped: Mapping[str, FilePath]) -> Loaded:
    warnings = [warning for layer in layers for warning in layer.warnings]
    warnings += without_effect(layers, native["values"])
    config = build_config(native, {name: path.read_text(encoding="utf-8") for name, path in shipped.items()})
    places = {name: _template_place(name, layers) or shipped[name] for name in config.templates}
    return Loaded(config, tuple(map(str, warnings)), places)


def _with_flags(readings: Iterable[Reading], sets: Sequence[str]) -> Reading:
    found = list(readings)
    layers = [layer for reading in found for layer in reading.layers]
    faults = [fault for reading in found for fault in reading.faults]
    for flag in sets:
        try:
            layers.append(_flag_layer(flag, _merged(layers)))
        except FlagFault as fault:
            faults.append(Fault(f"--set {flag}", None, "", str(fault)))
    return Reading(tuple(layers), tuple(faults))


def _flag_layer(flag: str, below: JsonObject) -> Layer:
    """What the flag sets; a list whose items it sets is in the layer as a whole, as lists are replaced on merging."""
    assignments = parse_flag(flag)
    result = apply_assignments(below, assignments)
    native: JsonObject = {}
    for path, _ in assignments:
        keys = _up_to_index(path)
        native = deep_merge(native, nested(keys, find(result, keys)))
    return Layer(native, {(): Place(Source(f"--set {flag}", ""))}, from_flag=True)


def _up_to_index(path: Path) -> Path:
    depth = next((depth for depth, step in enumerate(path) if isinstance(step, int)), len(path))
    return path[:depth]


def _merged(layers: Iterable[Layer]) -> JsonObject:
    nothing: JsonObject = {}
    return reduce(deep_merge, (layer.native for layer in layers), nothing)


def _proxy_config_faults(layers: Sequence[Layer], error: ProxyConfigError) -> list[Fault]:
    path = ("meshConfig", "defaultConfig")
    place = last_place(layers, path)
    return [place.fault(text) if place else Fault("defaults", None, ".".join(path), text) for text in error.faults]


_TEMPLATE_PATHS = (("templates",), ("values", "sidecarInjectorWebhook", "templates"))


def _declared(natives: Iterable[JsonObject]) -> set[str]:
    """The names of all templates in the layers, also of those that are at fault: they are there, if not right."""
    found = [find(native, path) for native in natives for path in _TEMPLATE_PATHS]
    return {name for templates in found if isinstance(templates, dict) for name in templates}


def _template_place(name: str, layers: Sequence[Layer]) -> Place | None:
    return last_place(layers, *((*path, name) for path in _TEMPLATE_PATHS))


def _origin(place: Place | FilePath) -> Origin:
    if isinstance(place, Place):
        return place.source.file, place.text_line() or 1
    return str(place), 1
