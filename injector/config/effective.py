"""The mesh configuration: what Istio's chart writes, the user's on top, loaded over the built-in defaults.

Source: reference 3.3; the special rules for single fields are those of Istio's loader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from injector.config.keys import MESH_KEYS, NATIVE_KEYS, VALUES_KEYS, defaults
from injector.config.places import Place, deep_merge, find, nested, without, without_nulls
from injector.core import proxy_config
from injector.core.errors import Fault, Path
from injector.core.model import Config, DenialRule, JsonObject
from injector.core.proxy_config.schema import camel_case
from injector.core.selection import LabelSelector, parse_selector

_DISCOVERY_PORT = 15012
_MESSAGES_OF_KNOWN_FIELDS = ("inboundTrafficPolicy", "defaultProviders", "defaultConfig")
_STACKDRIVER_LIMITS = ("maxNumberOfAttributes", "maxNumberOfAnnotations", "maxNumberOfMessageEvents")


def canonical_mesh(mesh: JsonObject) -> JsonObject:
    """The mesh configuration with the names of the fields known here in camelCase, as protobuf-JSON allows both."""
    named = _camel_case_keys(mesh)
    for name in _MESSAGES_OF_KNOWN_FIELDS:
        if isinstance(named.get(name), dict):
            named[name] = _camel_case_keys(named[name])
    if isinstance(named.get("extensionProviders"), list):
        named["extensionProviders"] = [_canonical_provider(provider) for provider in named["extensionProviders"]]
    return named


def _canonical_provider(provider: Any) -> Any:
    if not isinstance(provider, dict):
        return provider
    return {
        key: _camel_case_keys(value) if key == "opentelemetry" and isinstance(value, dict) else value
        for key, value in _camel_case_keys(provider).items()
    }


def _camel_case_keys(mapping: JsonObject) -> JsonObject:
    return {camel_case(key): value for key, value in mapping.items()}


def effective_mesh(values: JsonObject, configured: JsonObject) -> JsonObject:
    """The mesh configuration in force: `configured` (canonical, profile included) over the chart's and the built-in.

    `values` are the effective installation values. Raises ProxyConfigError for a `defaultConfig` that is wrong.
    """
    written = deep_merge(_chart_mesh(values), _without_nulls(configured))
    mesh = deep_merge(defaults(MESH_KEYS), written)
    mesh["extensionProviders"] = _by_name(defaults(MESH_KEYS)["extensionProviders"], written.get("extensionProviders"))
    if mesh.get("trustDomainAliases"):
        mesh["trustDomainAliases"] = sorted(set(mesh["trustDomainAliases"]))
    default_config = proxy_config.parse(written["defaultConfig"])
    mesh["defaultConfig"] = proxy_config.merge(proxy_config.DEFAULTS, default_config)
    return mesh


def _without_nulls(mesh: JsonObject) -> JsonObject:
    """A null field is one that is not there (protobuf-JSON), and a null in the metadata takes an entry away."""
    present = without_nulls(mesh)
    for name in _MESSAGES_OF_KNOWN_FIELDS:
        if isinstance(present.get(name), dict):
            present[name] = without_nulls(present[name])
    metadata = find(present, ("defaultConfig", "proxyMetadata"))
    if isinstance(metadata, dict):
        present["defaultConfig"] = {**present["defaultConfig"], "proxyMetadata": without_nulls(metadata)}
    return present


def _by_name(built_in: list[JsonObject], configured: list[JsonObject] | None) -> list[JsonObject]:
    providers = {provider["name"]: provider for provider in built_in}
    providers |= {provider["name"]: provider for provider in configured or []}
    return list(providers.values())


def _chart_mesh(values: JsonObject) -> JsonObject:
    default_config: JsonObject = {"discoveryAddress": _discovery_address(values)}
    if mesh_id := find(values, ("global", "meshID")):
        default_config["meshId"] = mesh_id
    if variant := find(values, ("global", "proxy", "variant")) or find(values, ("global", "variant")):
        default_config["image"] = {"imageType": variant}
    if tracing := _tracing(values):
        default_config["tracing"] = tracing
    return {"rootNamespace": find(values, ("global", "istioNamespace")), "defaultConfig": default_config}


def _discovery_address(values: JsonObject) -> str:
    namespace = find(values, ("global", "istioNamespace"))
    revision = values.get("revision")
    host = f"istiod-{revision}" if revision else "istiod"
    if find(values, ("global", "remotePilotAddress")):
        host = "istiod-remote" if find(values, ("istiodRemote", "enabledLocalInjectorIstiod")) else "istiod"
    return f"{host}.{namespace}.svc:{_DISCOVERY_PORT}"


def _tracing(values: JsonObject) -> JsonObject:
    tracer = find(values, ("global", "proxy", "tracer"))
    configured = {**(find(values, ("global", "tracer", tracer)) or {})} if tracer else {}
    chart: dict[str, JsonObject] = {
        "zipkin": {"address": f"zipkin.{find(values, ('global', 'istioNamespace'))}:9411"},
        "datadog": {"address": "$(HOST_IP):8126"},
        "stackdriver": {"debug": False, **dict.fromkeys(_STACKDRIVER_LIMITS, 200)},
        "lightstep": {},
    }
    if tracer not in chart:
        return {}
    given = {name: value for name, value in configured.items() if value not in (None, "")}
    return nested((tracer,), {**chart[tracer], **given})


# Installation profiles, compatibility versions and platforms: values between the defaults and the user's. Source:
# reference 3.2, "Profiles that matter here". Each is named by a key of the values or, as Istio's charts allow, by
# the same key below `global`.


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile contributes."""

    values: JsonObject = field(default_factory=dict)
    mesh: JsonObject = field(default_factory=dict)


def _proxy_metadata(name: str) -> JsonObject:
    return nested(("defaultConfig", "proxyMetadata", name), "true")


_WITHOUT_EFFECT = Profile()
_AMBIENT = Profile(nested(("global", "variant"), "distroless"), _proxy_metadata("ISTIO_META_ENABLE_HBONE"))
_MULTUS = nested(("pilot", "cni"), {"enabled": True, "provider": "multus"})
_SMALL_REQUESTS = nested(("global", "proxy", "resources", "requests"), {"cpu": "10m", "memory": "40Mi"})
_WITHOUT_NATIVE_SIDECARS = nested(("pilot", "env", "ENABLE_NATIVE_SIDECARS"), "false")

PROFILES: Mapping[str, Profile] = {
    **dict.fromkeys(("default", "minimal", "empty", "remote", "stable", "external", "sds"), _WITHOUT_EFFECT),
    "demo": Profile(_SMALL_REQUESTS),
    "ambient": _AMBIENT,
    "preview": Profile(mesh=_proxy_metadata("ISTIO_META_DNS_CAPTURE")),
    "openshift": Profile(deep_merge(_MULTUS, nested(("global", "platform"), "openshift"))),
    "openshift-ambient": Profile(
        deep_merge(deep_merge(_AMBIENT.values, _MULTUS), nested(("global", "platform"), "openshift")), _AMBIENT.mesh
    ),
}
COMPATIBILITY_VERSIONS: Mapping[str, Profile] = dict.fromkeys(("1.25", "1.26"), Profile(_WITHOUT_NATIVE_SIDECARS))
PLATFORMS: Mapping[str, Profile] = {"openshift": Profile(_MULTUS)}

# In this order, later ones win.
_KINDS = (("profile", PROFILES), ("compatibilityVersion", COMPATIBILITY_VERSIONS), ("platform", PLATFORMS))


def chosen(values: JsonObject, name: str) -> Any:
    """What `values` or `values.global` say about `name`; None where neither says anything."""
    return find(values, (name,)) or find(values, ("global", name))


def selected(values: JsonObject) -> Profile:
    """Everything that the user's `values` select by profile, compatibility version and platform, merged."""
    merged = _WITHOUT_EFFECT
    for key, known in _KINDS:
        name = str(chosen(deep_merge(merged.values, values), key) or "")
        profile = known.get(name, _WITHOUT_EFFECT)
        merged = Profile(deep_merge(merged.values, profile.values), deep_merge(merged.mesh, profile.mesh))
    return merged


# From the merged layers to the one frozen Config: values feed what is not configured, templates come together.

_WEBHOOK = "sidecarInjectorWebhook"
# Which of the values a native key takes where it is not configured itself (reference 3.1, 3.2, 3.6, 3.7).
_FED_BY: Mapping[str, tuple[str, ...]] = {
    "policy": ("global", "proxy", "autoInject"),
    "defaultTemplates": (_WEBHOOK, "defaultTemplates"),
    "neverInjectSelector": (_WEBHOOK, "neverInjectSelector"),
    "alwaysInjectSelector": (_WEBHOOK, "alwaysInjectSelector"),
    "enableNamespacesByDefault": (_WEBHOOK, "enableNamespacesByDefault"),
    "revision": ("revision",),
    "revisionTags": ("revisionTags",),
}
_UNITED_WITH: Mapping[str, tuple[str, ...]] = {
    "templates": (_WEBHOOK, "templates"),
    "injectedAnnotations": (_WEBHOOK, "injectedAnnotations"),
}
# An empty value of these means the default (reference 3.1, 3.6).
_NEVER_EMPTY = ("defaultTemplates", "revision")
_NATIVE_MODES = {"true": "enabled", "false": "disabled", "auto": "auto"}


def effective_native(configured: JsonObject) -> JsonObject:
    """All native keys in force, `values` and `meshConfig` included, from what the layers together say.

    Raises ProxyConfigError for a mesh `defaultConfig` that is wrong.
    """
    configured = without_nulls(configured)
    own_values = configured.get("values", {})
    profile = selected(own_values)
    values = deep_merge(deep_merge(defaults(VALUES_KEYS), profile.values), own_values)
    standard = defaults(NATIVE_KEYS)
    native = {**standard, **_from_values(values), **configured}
    for name, path in _UNITED_WITH.items():
        native[name] = {**(find(values, path) or {}), **configured.get(name, {})}
    for name in _NEVER_EMPTY:
        native[name] = native[name] or standard[name]
    mesh = deep_merge(profile.mesh, configured.get("meshConfig", {}))
    return {**native, "values": values, "meshConfig": effective_mesh(values, mesh)}


def _from_values(values: JsonObject) -> JsonObject:
    fed = {name: find(values, path) for name, path in _FED_BY.items()}
    environment = find(values, ("pilot", "env")) or {}
    mode = environment.get("ENABLE_NATIVE_SIDECARS")
    return without_nulls(
        {
            **fed,
            "nativeSidecars": None if mode is None else _NATIVE_MODES.get(str(mode).lower(), "disabled"),
            "platform": "openshift" if named_platform(values) == "openshift" else "",
            "compliancePolicy": environment.get("COMPLIANCE_POLICY"),
        }
    )


def named_platform(values: JsonObject) -> Any:
    """The platform that the values name, by the control plane's environment or as the charts do; None without one."""
    return find(values, ("pilot", "env", "PLATFORM")) or chosen(values, "platform")


LANGUAGES = ("templates", "goTemplates")


def overlaid(below: JsonObject, above: JsonObject) -> JsonObject:
    """The native keys of two layers together. A template of `above` replaces one of its name in either language."""
    merged = deep_merge(below, above)
    for language, other in (LANGUAGES, LANGUAGES[::-1]):
        named, replaced = above.get(language), merged.get(other)
        if isinstance(named, dict) and isinstance(replaced, dict):
            own = above.get(other) or {}
            merged[other] = {name: text for name, text in replaced.items() if name not in named or name in own}
    return merged


def build_config(native: JsonObject, shipped: Mapping[str, str]) -> Config:
    """The Config of the native keys in force; `shipped` are the templates that come with the injector.

    A null in a mapping takes the entry of that name away, a shipped template too.
    """
    jinja_templates = without_nulls({**shipped, **native["templates"]})
    go_templates = without_nulls(native["goTemplates"])
    return Config(
        policy=native["policy"],
        default_templates=tuple(native["defaultTemplates"]),
        templates={name: text for name, text in jinja_templates.items() if name not in go_templates},
        aliases={name: tuple(templates) for name, templates in without_nulls(native["aliases"]).items()},
        never_inject_selector=_selectors(native["neverInjectSelector"]),
        always_inject_selector=_selectors(native["alwaysInjectSelector"]),
        injected_annotations=without_nulls(native["injectedAnnotations"]),
        ignored_namespaces=frozenset(native["ignoredNamespaces"]),
        enable_namespaces_by_default=native["enableNamespacesByDefault"],
        revision=native["revision"],
        revision_tags=tuple(native["revisionTags"]),
        values=native["values"],
        mesh_config=native["meshConfig"],
        native_sidecars=native["nativeSidecars"],
        platform=native["platform"],
        compliance_policy=native["compliancePolicy"],
        go_templates=go_templates,
        denied_annotations=tuple(map(_denial_rule, native["deniedAnnotations"])),
    )


def _denial_rule(document: JsonObject) -> DenialRule:
    return DenialRule(
        annotations=tuple(document.get("annotations") or ()),
        values=tuple(document.get("values") or ()),
        preset=document.get("preset") or "",
        namespaces=parse_selector(document.get("namespaceSelector") or {}),
        message=document.get("message") or "",
    )


def _selectors(documents: list[JsonObject]) -> tuple[LabelSelector, ...]:
    return tuple(map(parse_selector, documents))


# A layer of configuration: what one document or flag contributes, in the injector's own keys, and where it stands.


@dataclass(frozen=True, slots=True)
class Layer:
    """`native` has the keys of the injector's own configuration; `places` says where a path of it comes from.

    The longest path in `places` that a path begins with decides; the rest of the path is looked up below that place.
    `notices` say what was recognised. `is_istio` marks one of Istio's own files.
    """

    native: JsonObject
    places: Mapping[Path, Place]
    warnings: tuple[Fault, ...] = ()
    from_flag: bool = field(default=False)
    notices: tuple[str, ...] = ()
    is_istio: bool = False

    def place(self, path: Path) -> Place:
        """Where `path` of the native document stands in the file."""
        known = max((prefix for prefix in self.places if path[: len(prefix)] == prefix), key=len)
        return self.places[known].below(*path[len(known) :])


def unified(layer: Layer) -> Layer:
    """The layer with one spelling for what has two: `values.meshConfig` is `meshConfig`, whose fields are camelCase.

    Istio's charts take the mesh configuration as one of the values.
    """
    native, places = layer.native, dict(layer.places)
    inside = find(native, ("values", "meshConfig"))
    if isinstance(inside, dict):
        places.setdefault(("meshConfig",), layer.place(("values", "meshConfig")))
        own = native.get("meshConfig")
        native = {**without(native, ("values", "meshConfig"))}
        native["meshConfig"] = deep_merge(inside, own) if isinstance(own, dict) else inside
    if isinstance(native.get("meshConfig"), dict):
        native = {**native, "meshConfig": canonical_mesh(native["meshConfig"])}
    return replace(layer, native=native, places=places)
