"""From the merged layers to the one frozen Config: values feed what is not configured, templates come together."""

from collections.abc import Mapping
from typing import Any

from injector.config.keys import defaults
from injector.config.mesh import effective_mesh
from injector.config.native_keys import NATIVE_KEYS
from injector.config.profiles import chosen, selected
from injector.config.trees import deep_merge, find, without_nulls
from injector.config.values_keys import VALUES_KEYS
from injector.core.labels import LabelSelector, parse_selector
from injector.core.model import Config, JsonObject

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


def build_config(native: JsonObject, shipped: Mapping[str, str]) -> Config:
    """The Config of the native keys in force; `shipped` are the templates that come with the injector.

    A null in a mapping takes the entry of that name away, a shipped template too.
    """
    return Config(
        policy=native["policy"],
        default_templates=tuple(native["defaultTemplates"]),
        templates=without_nulls({**shipped, **native["templates"]}),
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
    )


def _selectors(documents: list[JsonObject]) -> tuple[LabelSelector, ...]:
    return tuple(map(parse_selector, documents))
