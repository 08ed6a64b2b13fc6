"""Loading a configuration: files and flags in, one frozen Config out, or every fault there is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from injector.config.effective import LANGUAGES, Layer, build_config, effective_native, overlaid, unified
from injector.config.flags import FlagFault, apply_assignments, parse_flag
from injector.config.istio_files import read_config_map, read_operator
from injector.config.places import ConfigFaults, Place, Source, deep_merge, find, nested
from injector.config.validation import check, last_place, missing_names, without_effect
from injector.core.errors import Fault, Path, format_path, quoted
from injector.core.model import Config, JsonObject
from injector.core.proxy_config import ProxyConfigError
from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read_all
from injector.manifests.contents import read_content

# Reading what `-c` names: every document as a layer, whatever kind of document it is.

_READERS: Mapping[str, Callable[[JsonObject, Place], Layer]] = {
    "IstioOperator": read_operator,
    "IstioControlPlane": read_operator,
    "ConfigMap": read_config_map,
}


@dataclass(frozen=True, slots=True)
class ConfigText:
    """A configuration that was read already; faults call it by its `name`."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: layers, and the faults of documents that are none."""

    layers: tuple[Layer, ...] = ()
    faults: tuple[Fault, ...] = ()


def read_file(path: FilePath) -> Reading:
    """Every document of a configuration file, in order."""
    try:
        text = read_content(path).decode("utf-8")
    except IsADirectoryError:
        return _at_fault(Fault(str(path), None, "", "is a directory; valid: a file, such as one in it"))
    except OSError as error:
        return _at_fault(Fault(str(path), None, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        return _at_fault(Fault(str(path), None, "", "cannot be read: it is not UTF-8 text"))
    return read_text(ConfigText(str(path), text))


def read_text(given: ConfigText) -> Reading:
    """Every document of a text, in order."""
    try:
        documents = list(read_all(given.text))
    except YamlError as fault:
        return _at_fault(Fault(given.name, fault.line, "", fault.problem))
    several = len(documents) > 1
    sources = (Source(given.name, given.text, index if several else None) for index in range(len(documents)))
    return _together(_read(document, Place(source)) for document, source in zip(documents, sources, strict=True))


def _at_fault(fault: Fault) -> Reading:
    return Reading((), (fault,))


def _together(readings: Iterable[Reading]) -> Reading:
    found = list(readings)
    return Reading(
        tuple(layer for reading in found for layer in reading.layers),
        tuple(fault for reading in found for fault in reading.faults),
    )


def _read(document: Any, place: Place) -> Reading:
    if not isinstance(document, dict | None):
        return _at_fault(place.fault(f"a configuration must be a mapping, got {quoted(document)}"))
    kind = document.get("kind") if document else None
    if kind == "List":
        items = (document or {}).get("items") or []
        return _together(_read(item, place.below("items", index)) for index, item in enumerate(items))
    if kind is None:
        return Reading((Layer(document, {(): place}),)) if document else Reading()
    return _read_foreign(document or {}, place)


def _read_foreign(document: JsonObject, place: Place) -> Reading:
    kind = document["kind"]
    if not isinstance(kind, str) or kind not in _READERS:
        valid = ", ".join([*_READERS, "List"])
        return _at_fault(place.below("kind").fault(f"kind {quoted(kind)} is not supported; valid: {valid}, or no kind"))
    try:
        return Reading((_READERS[kind](document, place),))
    except ConfigFaults as found:
        return Reading((), found.faults)


# The files that come with the injector: the packaged directory first, the checkout's second. In an editable install
# nothing is packaged, so `templates/` and `samples/` beside the package are what is edited.

_PACKAGE = FilePath(__file__).resolve().parent.parent
_PLACES = (_PACKAGE, _PACKAGE.parent)
_DIRECTORIES = tuple(place / "templates" for place in _PLACES)
_SUFFIX = ".yaml.j2"


def template_files(directories: Sequence[FilePath] = _DIRECTORIES) -> Mapping[str, FilePath]:
    """Name to file of every shipped template, from the first of `directories` that has any.

    Names that begin with `_` are libraries for other templates. Raises FileNotFoundError where there is none.
    """
    for directory in directories:
        files = {path.name.removesuffix(_SUFFIX): path for path in sorted(directory.glob(f"*{_SUFFIX}"))}
        if files:
            return files
    raise FileNotFoundError(f"no shipped templates (*{_SUFFIX}) in {' or '.join(map(str, directories))}")


def sample_files(name: str, places: Sequence[FilePath] = _PLACES, pattern: str = "*.yaml") -> Sequence[FilePath]:
    """The files of the shipped sample `name` that match `pattern`, sorted. Raises FileNotFoundError without any."""
    for place in places:
        files = sorted((place / "samples" / name).glob(pattern))
        if files:
            return files
    raise FileNotFoundError(f"no sample {name!r} in {' or '.join(str(place / 'samples') for place in places)}")


Origin: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what of its sources could not be honoured (one line each).

    `notices` say what was recognised in files of an installation of Istio.
    """

    config: Config
    warnings: tuple[str, ...]
    template_places: Mapping[str, Place | FilePath]
    notices: tuple[str, ...] = ()

    @property
    def template_origins(self) -> Mapping[str, Origin]:
        """For each template its file and the line there where its text begins; looked up when asked for."""
        return {name: _origin(place) for name, place in self.template_places.items()}


def load(files: Sequence[FilePath | ConfigText] = (), sets: Sequence[str] = ()) -> Loaded:
    """Read `files` and then the `--set` flags, later ones over earlier ones, over the shipped defaults.

    A file is a YAML or JSON document of the injector's own configuration, or one of the foreign kinds of the contract.
    Raises ConfigFaults with all that is wrong, each with file, line and path.
    """
    reading = _with_flags(
        [read_text(each) if isinstance(each, ConfigText) else read_file(each) for each in files], sets
    )
    checks = [check(unified(layer)) for layer in reading.layers]
    layers = [checked.layer for checked in checks]
    faults = [*reading.faults, *(fault for checked in checks for fault in checked.faults)]
    shipped = template_files()
    try:
        native = effective_native(_merged(layers))
    except ProxyConfigError as error:
        raise ConfigFaults(*faults, *_proxy_config_faults(layers, error)) from None
    declared = {*shipped, *_declared(layer.native for layer in reading.layers)}
    faults += missing_names(layers, native, declared)
    if faults:
        raise ConfigFaults(*faults)
    return _loaded(native, layers, shipped)


def _loaded(native: JsonObject, layers: Sequence[Layer], shipped: Mapping[str, FilePath]) -> Loaded:
    warnings = [warning for layer in layers for warning in layer.warnings]
    warnings += without_effect(layers, native["values"])
    config = build_config(native, {name: path.read_text(encoding="utf-8") for name, path in shipped.items()})
    names = (*config.templates, *config.go_templates)
    places = {name: _template_place(name, layers) or shipped[name] for name in names}
    notices = tuple(notice for layer in layers for notice in layer.notices)
    return Loaded(config, tuple(map(str, warnings)), places, notices)


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
    return reduce(overlaid, (layer.native for layer in layers), nothing)


def _proxy_config_faults(layers: Sequence[Layer], error: ProxyConfigError) -> Iterator[Fault]:
    top = ("meshConfig", "defaultConfig")
    for below, message in error.findings:
        place = last_place(layers, (*top, *below), top)
        yield place.fault(message) if place else Fault("defaults", None, format_path((*top, *below)), message)


_TEMPLATE_PATHS = (*((language,) for language in LANGUAGES), ("values", "sidecarInjectorWebhook", "templates"))


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
