"""The ConfigMaps of an installation: `istio` (`data.mesh`) and `istio-sidecar-injector` (`data.values`, `data.config`).

Source: reference 1.1, 3.1 and 17.3.
"""

from collections.abc import Mapping
from typing import Any

from injector.config.faults import ConfigFaults, Fault, Path
from injector.config.foreign import portable_values, unread, unread_mesh
from injector.config.layers import Layer
from injector.config.text import Place, TextFault, fault_at, parse_inside
from injector.config.trees import find
from injector.core.model import JsonObject

# The chart writes `template` only so that an old injector fails on it (reference 3.1).
_GUARD = "template"
_NATIVE = (
    "policy",
    "defaultTemplates",
    "aliases",
    "neverInjectSelector",
    "alwaysInjectSelector",
    "injectedAnnotations",
)
_READ = ("mesh", "meshNetworks", "values", "config")


def read_config_map(document: JsonObject, place: Place) -> Layer:
    """The layer that a ConfigMap contributes. Raises ConfigFaults for one that is not of an Istio installation."""
    data = document.get("data")
    if not isinstance(data, dict) or not any(name in data for name in _READ):
        name = find(document, ("metadata", "name"))
        message = f"ConfigMap {name!r} is not Istio's; valid: data with mesh, or with values and config"
        raise ConfigFaults([place.below("data").fault(message)])
    texts = {name: _document(data[name], place.below("data", name)) for name in _READ if name in data}
    faults = [fault for _, _, fault in texts.values() if fault]
    if faults:
        raise ConfigFaults(faults)
    contents = {name: (content, inside) for name, (content, inside, _) in texts.items()}
    others = [place.below("data", name).fault("is not read") for name in data if name not in _READ]
    return _layer(contents, others, place)


def _document(text: Any, place: Place) -> tuple[JsonObject, Place, Fault | None]:
    if not isinstance(text, str):
        return {}, place, place.fault(f"has to be text that holds YAML, not {text!r}")
    try:
        source, content = parse_inside(place, text)
    except TextFault as fault:
        return {}, place, fault_at(place, fault.line + 1, str(fault))
    if not isinstance(content, dict | None):
        return {}, place, place.fault(f"has to hold a mapping, not {content!r:.80}")
    return content or {}, Place(source), None


def _layer(contents: Mapping[str, tuple[JsonObject, Place]], warnings: list[Fault], place: Place) -> Layer:
    native: JsonObject = {}
    places: dict[Path, Place] = {(): place}
    if "config" in contents:
        config, inside = contents["config"]
        native |= {name: config[name] for name in _NATIVE if name in config}
        places |= {(name,): inside.below(name) for name in _NATIVE}
        warnings += _unread_config(config, inside)
    if "values" in contents:
        values, places["values",] = contents["values"]
        native["values"], found = portable_values(values, places["values",])
        warnings += found
    if "mesh" in contents:
        native["meshConfig"], places["meshConfig",] = contents["mesh"]
        warnings += unread_mesh(native["meshConfig"], places["meshConfig",])
    if find(contents.get("meshNetworks", ({}, place))[0], ("networks",)):
        warnings.append(place.below("data", "meshNetworks").fault("is not read: it concerns the control plane"))
    return Layer(native, places, tuple(warnings))


def _unread_config(config: JsonObject, place: Place) -> list[Fault]:
    templates = config.get("templates")
    named = templates if isinstance(templates, dict) else {}
    message = "a Go template cannot be used here; the Jinja template of this name counts, if there is one"
    found = [place.below("templates", name).fault(message) for name in named]
    return found + unread(config, place, {*_NATIVE, "templates", _GUARD})
