"""Installation profiles, compatibility versions and platforms: values between the defaults and the user's.

Source: reference 3.2, "Profiles that matter here". Each is named by a key of the values or, as Istio's charts allow,
by the same key below `global`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from injector.config.trees import deep_merge, find, nested
from injector.core.model import JsonObject


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
