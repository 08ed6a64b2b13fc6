"""What the readers of foreign documents share: what of them cannot be honoured, by path, so that nothing is silent."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from injector.config.effective import Layer, canonical_mesh
from injector.config.keys import MESH_KEYS, VALUES_KEYS, Key, parents
from injector.config.places import ConfigFaults, Place, deep_merge, fault_at, find, nested, parse_inside, without
from injector.core.errors import Fault, Path, format_path, quoted
from injector.core.model import JsonObject
from injector.core.yaml.nodes import YamlError

_TEMPLATES = ("sidecarInjectorWebhook", "templates")
# Keys of older installations that have another name now. Templates of their own go on reading the old one.
_RENAMED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("istio_cni", "enabled"), ("pilot", "cni", "enabled")),
    (("istio_cni", "provider"), ("pilot", "cni", "provider")),
)
_BOUND_FOR_THE_MESH = ("meshConfig",)


def unread(document: JsonObject, place: Place, known: Collection[str]) -> list[Fault]:
    """A warning for each key of the document that is not among the known ones."""
    return [place.below(name).fault("is not read") for name in document if name not in known]


def portable_values(values: JsonObject) -> tuple[JsonObject, JsonObject]:
    """The values of a foreign document, in the names of today too, and the Go templates that they hold."""
    templates = find(values, _TEMPLATES)
    values = without(values, _TEMPLATES)
    for old, new in _RENAMED:
        if find(values, old) is not None and find(values, new) is None:
            values = deep_merge(values, nested(new, find(values, old)))
    return values, templates if isinstance(templates, dict) else {}


def unread_values(values: JsonObject, place: Place) -> list[Fault]:
    """One warning that names the values that no shipped template reads."""
    for old, _ in _RENAMED:
        values = without(values, old)
    ignored = [path for path in _beyond(values, VALUES_KEYS) if path != _BOUND_FOR_THE_MESH]
    return _ignored(ignored, place, "values")


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


# The ConfigMaps of an installation: `istio` (`data.mesh`), `istio-sidecar-injector` (`data.values`, `data.config`) and
# `values` (`data.merged-values`), each of them also with a revision in its name. Source: reference 1.1, 3.1 and 17.3.

# The chart writes `template` only so that an old injector fails on it (reference 3.1); older ones knew nothing else.
_ONLY_TEMPLATE = "template"
_NATIVE = (
    "policy",
    "defaultTemplates",
    "aliases",
    "neverInjectSelector",
    "alwaysInjectSelector",
    "injectedAnnotations",
)
_MERGED, _ORIGINAL = "merged-values", "original-values"
_READ = ("mesh", "meshNetworks", "values", "config", _MERGED)
# Templates for the Deployments of istiod's gateway controller, which no pod can ask for.
_OF_THE_GATEWAY_CONTROLLER = frozenset(("waypoint", "kube-gateway", "agentgateway", "agentgateway-waypoint"))
_TAG = ("global", "tag")


def read_config_map(document: JsonObject, place: Place) -> Layer:
    """The layer that a ConfigMap contributes. Raises ConfigFaults for one that is not of an Istio installation."""
    data = document.get("data")
    if not isinstance(data, dict) or not any(name in data for name in _READ):
        name = find(document, ("metadata", "name"))
        message = f"ConfigMap {name!r} is not Istio's; valid: data with mesh, with values and config, or {_MERGED}"
        raise ConfigFaults(place.below("data").fault(message))
    texts = {name: _document(data[name], place.below("data", name)) for name in _READ if name in data}
    faults = [fault for _, _, fault in texts.values() if fault]
    if faults:
        raise ConfigFaults(*faults)
    contents = {name: (content, inside) for name, (content, inside, _) in texts.items()}
    others = [place.below("data", name).fault("is not read") for name in data if name not in (*_READ, _ORIGINAL)]
    return _layer(contents, others, place)


def _document(text: Any, place: Place) -> tuple[JsonObject, Place, Fault | None]:
    if not isinstance(text, str):
        return {}, place, place.fault(f"must be a string that holds YAML, got {quoted(text)}")
    try:
        source, content = parse_inside(place, text)
    except YamlError as fault:
        return {}, place, fault_at(place, fault.line, fault.problem)
    if not isinstance(content, dict | None):
        return {}, place, place.fault(f"must hold a mapping, got {quoted(content)}")
    return content or {}, Place(source), None


def _layer(contents: Mapping[str, tuple[JsonObject, Place]], warnings: list[Fault], place: Place) -> Layer:
    native: JsonObject = {}
    places: dict[Path, Place] = {(): place}
    for name in (_MERGED, "values"):
        if name in contents:
            values, places["values",] = contents[name]
            native["values"], _ = portable_values(values)
    notices: tuple[str, ...] = ()
    if "config" in contents:
        config, inside = contents["config"]
        native |= {name: config[name] for name in _NATIVE if name in config}
        places |= {(name,): inside.below(name) for name in _NATIVE}
        native["goTemplates"], places["goTemplates",] = _templates_of(config, inside)
        notices = (_recognised(native, place),)
        warnings += unread(config, inside, {*_NATIVE, "templates", _ONLY_TEMPLATE})
    if "mesh" in contents:
        native["meshConfig"], places["meshConfig",] = contents["mesh"]
    if find(contents.get("meshNetworks", ({}, place))[0], ("networks",)):
        warnings.append(place.below("data", "meshNetworks").fault("is not read: it concerns the control plane"))
    return Layer(native, places, tuple(warnings), notices=notices, is_istio=True)


def _templates_of(config: JsonObject, place: Place) -> tuple[Any, Place]:
    templates = config.get("templates")
    if templates is None and config.get(_ONLY_TEMPLATE):
        return {"sidecar": config[_ONLY_TEMPLATE]}, place.below(_ONLY_TEMPLATE)
    if isinstance(templates, dict):
        templates = {name: text for name, text in templates.items() if name not in _OF_THE_GATEWAY_CONTROLLER}
    return templates or {}, place.below("templates")


def _recognised(native: JsonObject, place: Place) -> str:
    """One line that says which release the templates and values are of."""
    tag = find(native.get("values"), _TAG)
    release = (
        f"the templates of Istio {tag}" if tag else "the templates of an Istio release that its values do not name"
    )
    templates = native["goTemplates"]
    names = ", ".join(map(str, templates)) if isinstance(templates, dict) and templates else "none"
    return f"{place.source.file}: {release}: {names}"


# IstioOperator, and the older IstioControlPlane with its features: the installer's own documents. What injection
# can honour is a table of paths of `spec`; everything else is named in a warning.

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
        raise ConfigFaults(place.below("apiVersion").fault(message))
    spec = document.get("spec") or {}
    if not isinstance(spec, dict):
        raise ConfigFaults(place.below("spec").fault(f"must be a mapping, got {quoted(spec)}"))
    return _operator_layer(spec, place.below("spec"))


def _operator_layer(spec: JsonObject, place: Place) -> Layer:
    native: JsonObject = {}
    places: dict[Path, Place] = {(): place}
    warnings: list[Fault] = list(_unhonoured(spec, place))
    for honoured in _HONOURED:
        value = find(spec, honoured.path)
        if value is None:
            continue
        here = place.below(*honoured.path)
        if honoured.path[-1].lower().endswith("values") and isinstance(value, dict):
            value, templates = portable_values(value)
            native = deep_merge(native, nested(("goTemplates",), templates))
            places["goTemplates",] = here.below(*_TEMPLATES)
            warnings += unread_values(value, here)
        native = deep_merge(native, nested(honoured.native, honoured.convert(value)))
        places[honoured.native] = here
        warnings += _half_honoured(honoured, value, here)
    warnings += unread_mesh(native.get("meshConfig"), place.below("meshConfig"))
    return Layer(native, places, tuple(warnings), is_istio=True)


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
