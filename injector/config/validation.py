"""Checking one layer against the tables of keys, and all layers together."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from injector.config.effective import COMPATIBILITY_VERSIONS, LANGUAGES, PROFILES, Layer, chosen, named_platform
from injector.config.keys import CONFIGURATION, MESH_KEYS, VALUES_KEYS, parents
from injector.config.places import Place, find, without
from injector.config.types import from_flag
from injector.core.errors import Fault, Path, nearest, quoted, suggestion
from injector.core.model import JsonObject
from injector.core.validation import Finding, Message, read

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
    written = (native[language].items() for language in LANGUAGES)
    removed = {name for language in written for name, text in language if text is None}
    offered = sorted(name for name in templates if not name.startswith("_") and name not in removed)
    aliases = {name: names for name, names in native["aliases"].items() if names is not None}
    place = last_place(layers, ("defaultTemplates",), (*_WEBHOOK, "defaultTemplates"))
    yield from _missing(native["defaultTemplates"], [*offered, *aliases], place)
    for alias, names in aliases.items():
        yield from _missing(names, offered, last_place(layers, ("aliases", alias)))


def _missing(names: Sequence[str], valid: Sequence[str], place: Place | None) -> Iterator[Fault]:
    for index, name in enumerate(names):
        if name not in valid:
            message = f"there is no template {quoted(name)}; {suggestion(name, valid)}"
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


# Keys that nothing reads and that look like one that is read: a fault in a configuration of the injector. Istio's own
# files hold much that no injector reads: there it is a warning.

# Below this two names are alike by chance: readinessPeriodSeconds and readinessTimeoutSeconds, for instance.
_LIKENESS = 0.87
_OPEN: tuple[tuple[Path, str], ...] = (
    (("meshConfig", "defaultConfig"), "ProxyConfig has no such field"),
    (("meshConfig",), "MeshConfig has no such field"),
    (("values",), "no shipped template reads it"),
)


def misspelt(layer: Layer) -> Iterator[Fault]:
    """What to say of each key of the layer that looks misspelt, with the name that was probably meant."""
    for path, message in _open_messages(CONFIGURATION, ()):
        found = find(layer.native, path)
        names = list(message.fields)
        for name in found if isinstance(found, dict) else ():
            meant = None if name in message.fields else nearest(name, names, _LIKENESS)
            if meant is not None and meant not in found:
                why = next(text for prefix, text in _OPEN if path[: len(prefix)] == prefix)
                yield layer.place((*path, name)).fault(f"{why}; did you mean {meant!r}?")


def _open_messages(message: Message, path: Path) -> Iterator[tuple[Path, Message]]:
    if message.is_open:
        yield path, message
    for name, kind in message.fields.items():
        if isinstance(kind, Message):
            yield from _open_messages(kind, (*path, name))


@dataclass(frozen=True, slots=True)
class Checked:
    """A layer without what is wrong in it, and what was wrong in it."""

    layer: Layer
    faults: tuple[Fault, ...]


def check(layer: Layer) -> Checked:
    """Check every key of the layer; what is wrong is left out, so that the rest can still be checked together."""
    native: Any = _without_empty_parents(layer.native)
    sound, findings = read(CONFIGURATION, from_flag(CONFIGURATION, native) if layer.from_flag else native)
    findings += _written_twice(*(native.get(language) for language in LANGUAGES))
    for path, _ in findings:
        sound = without(sound, _up_to_index(path))
    checked = replace(layer, native=sound)
    suspects = tuple(misspelt(checked))
    faults = [*(layer.place(path).fault(message) for path, message in findings), *(() if layer.is_istio else suspects)]
    warnings = (*layer.warnings, *(suspects if layer.is_istio else ()))
    return Checked(replace(checked, warnings=warnings), tuple(sorted(faults, key=lambda fault: fault.line or 0)))


def _written_twice(jinja: Any, go: Any) -> Iterator[Finding]:
    if isinstance(jinja, dict) and isinstance(go, dict):
        for name, text in go.items():
            if text is not None and jinja.get(name) is not None:
                message = f"template {quoted(name)} is written in both languages; valid: one of them"
                yield Finding((LANGUAGES[1], name), message)


def _up_to_index(path: Path) -> Path:
    """The path without what comes after the first list index: a list is left out as a whole."""
    return next((path[:depth] for depth, step in enumerate(path) if isinstance(step, int)), path)


def _without_empty_parents(native: JsonObject) -> JsonObject:
    """A parent that is there without anything below it (all of it commented out, say) says nothing."""
    for prefix, table in (("values", VALUES_KEYS), ("meshConfig", MESH_KEYS)):
        for parent in sorted({(), *parents(table)}):
            above = find(native, (prefix, *parent)[:-1])
            name = (prefix, *parent)[-1]
            if isinstance(above, dict) and name in above and above[name] is None:
                native = without(native, (prefix, *parent))
    return native
