"""IstioOperator, and the older IstioControlPlane with its features: the installer's own documents.

What injection can honour is a table of paths of `spec`; everything else is named in a warning.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from injector.config.faults import ConfigFaults, Fault, Path
from injector.config.foreign import portable_values, unread_mesh
from injector.config.layers import Layer
from injector.config.text import Place
from injector.config.trees import deep_merge, find, nested
from injector.core.model import JsonObject

_API_GROUP = "install.istio.io/"
_POLICIES = {True: "enabled", False: "disabled"}
_READ_ENVIRONMENT = ("ENABLE_NATIVE_SIDECARS", "PLATFORM", "COMPLIANCE_POLICY")


def _as_it_is(value: Any) -> Any:
    return value


def _policy(enabled: Any) -> Any:
    return _POLICIES.get(enabled, enabled) if isinstance(enabled, bool) else enabled


def _environment(entries: Any) -> Any:
    pairs = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {entry["name"]: entry.get("value") for entry in pairs if entry.get("name") in _READ_ENVIRONMENT}


@dataclass(frozen=True, slots=True)
class _Honoured:
    """A path of `spec` and the native path that it sets."""

    path: tuple[str, ...]
    native: tuple[str, ...]
    convert: Callable[[Any], Any] = _as_it_is


# Later ones win: what stands in `values` counts more than the installer's shorthand for the same value.
_HONOURED = (
    *(
        _Honoured(tuple(path.split(".")), ("policy",), _policy)
        for path in (
            "autoInjection.enabled",
            "autoInjection.components.injector.enabled",
            "sidecarInjector.enabled",
            "sidecarInjector.components.injector.enabled",
            "components.sidecarInjector.enabled",
        )
    ),
    *(
        _Honoured(tuple(path.split(".")), ("values", "pilot", "cni", "enabled"))
        for path in ("cni.enabled", "cni.components.cni.enabled", "components.cni.enabled")
    ),
    _Honoured(("components", "pilot", "k8s", "env"), ("values", "pilot", "env"), _environment),
    _Honoured(("defaultNamespace",), ("values", "global", "istioNamespace")),
    _Honoured(("namespace",), ("values", "global", "istioNamespace")),
    _Honoured(("hub",), ("values", "global", "hub")),
    _Honoured(("tag",), ("values", "global", "tag")),
    _Honoured(("revision",), ("values", "revision")),
    _Honoured(("profile",), ("values", "profile")),
    _Honoured(("compatibilityVersion",), ("values", "compatibilityVersion")),
    _Honoured(("unvalidatedValues",), ("values",)),
    _Honoured(("values",), ("values",)),
    _Honoured(("meshConfig",), ("meshConfig",)),
)


def read_operator(document: JsonObject, place: Place) -> Layer:
    """The layer that an IstioOperator or IstioControlPlane contributes. Raises ConfigFaults."""
    if not str(document.get("apiVersion", "")).startswith(_API_GROUP):
        message = f"apiVersion {document.get('apiVersion')!r} is not read; valid: {_API_GROUP}v1alpha1 or v1alpha2"
        raise ConfigFaults([place.below("apiVersion").fault(message)])
    spec = document.get("spec") or {}
    if not isinstance(spec, dict):
        raise ConfigFaults([place.below("spec").fault(f"has to be a mapping, not {spec!r}")])
    return _layer(spec, place.below("spec"))


def _layer(spec: JsonObject, place: Place) -> Layer:
    native: JsonObject = {}
    places: dict[Path, Place] = {(): place}
    warnings: list[Fault] = list(_unhonoured(spec, place))
    for honoured in _HONOURED:
        value = find(spec, honoured.path)
        if value is None:
            continue
        here = place.below(*honoured.path)
        if honoured.path[-1].lower().endswith("values") and isinstance(value, dict):
            value, found = portable_values(value, here)
            warnings += found
        native = deep_merge(native, nested(honoured.native, honoured.convert(value)))
        places[honoured.native] = here
        warnings += _half_honoured(honoured, value, here)
    warnings += unread_mesh(native.get("meshConfig"), place.below("meshConfig"))
    return Layer(native, places, tuple(warnings))


def _half_honoured(honoured: _Honoured, value: Any, place: Place) -> Iterator[Fault]:
    if honoured.convert is _policy and value is False:
        yield place.fault("is read as policy 'disabled': a pod can still opt in by its label")
    if honoured.convert is _environment:
        for index, entry in enumerate(value if isinstance(value, list) else []):
            if not isinstance(entry, dict) or entry.get("name") not in _READ_ENVIRONMENT:
                yield place.below(index).fault(f"is not read; read: {', '.join(_READ_ENVIRONMENT)}")


def _unhonoured(spec: JsonObject, place: Place) -> Iterator[Fault]:
    """A warning for every path of `spec` beside the honoured ones: features by their settings, the rest by its name."""
    known = {honoured.path for honoured in _HONOURED}
    above = {path[:depth] for path in known for depth in range(1, len(path))}
    pending: list[tuple[str, ...]] = [(name,) for name in spec]
    for path in pending:
        value = find(spec, path)
        if path in known or value in (None, {}, []):
            continue
        if isinstance(value, dict) and (path in above or len(path) == 1):
            pending += [(*path, name) for name in value]
        else:
            yield place.below(*path).fault("is not honoured: it does not concern injection")
