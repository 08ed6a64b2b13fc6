"""What can only be told from all layers together: names that have to exist, and values that have no effect here."""

from collections.abc import Collection, Iterator, Sequence

from injector.config.assemble import named_platform
from injector.config.faults import Fault, Path
from injector.config.layers import Layer
from injector.config.profiles import COMPATIBILITY_VERSIONS, PROFILES, chosen
from injector.config.text import Place
from injector.config.trees import find
from injector.core.model import JsonObject

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
