"""What Go templates see: the fields of Istio's SidecarTemplateData, made of the scope that all templates have.

Source: the section "Template data" of https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/, and the
fields that the templates of Istio 1.22 to 1.30 ask for.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from injector.core.model import JsonObject
from injector.core.quantity import decimal_value
from injector.core.render.functions import computed_image
from injector.core.render.go.formatting import sprint
from injector.core.render.go.kubernetes_types import object_meta, pod_spec
from injector.core.render.go.messages import mesh_config, proxy_config
from injector.core.render.go.sprig_encoding import go_json
from injector.core.render.go.values import Field, GoError, StringMap, Struct, StructType

_IMAGE = "sidecar.istio.io/proxyImage"

# Names of the scope for what templates ask for most: none of them can be a field's.
ANNOTATIONS, LABELS, DATA, ENVIRONMENT = "pod_annotations", "pod_labels", "template_data", "istiod_environment"
_SET_BY_VALUES = "environment_of_values"
_NATIVE_SIDECARS = "ENABLE_NATIVE_SIDECARS"

_FIELDS = (
    "TypeMeta DeploymentMeta ObjectMeta Spec ProxyConfig MeshConfig Values Revision NativeSidecars ProxyImage ProxyUID "
    "ProxyGID InboundTrafficPolicyMode CompliancePolicy"
).split()


def constant_names(names: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for all pods, of the `names` that say nothing of a pod."""
    return {
        "Values": go_json(names["values"]),
        "MeshConfig": mesh_config(names["mesh_config"]),
        "Revision": names["revision"],
        "InboundTrafficPolicyMode": names["inbound_traffic_policy_mode"],
        "CompliancePolicy": names["compliance_policy"],
        _SET_BY_VALUES: {name: sprint(value) for name, value in _at(names["values"], "pilot", "env").items()},
    }


def _environment(constants: Mapping[str, Any], *, native_sidecars: bool) -> dict[str, str]:
    """The environment of istiod: releases before 1.27 ask it for what is decided for each pod since."""
    return {**constants[_SET_BY_VALUES], _NATIVE_SIDECARS: "true" if native_sidecars else "false"}


def usual_names(known: Mapping[str, Any], constants: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a scope of which Jinja templates know `known`; the annotations say only what they lack."""
    return {
        **constants,
        ANNOTATIONS: known["pod"].known["metadata"].known["annotations"],
        "ProxyConfig": proxy_config(known["proxy_config"]),
        "NativeSidecars": known["native_sidecars"],
        ENVIRONMENT: _environment(constants, native_sidecars=known["native_sidecars"]),
        "ProxyImage": _proxy_image(known, known["pod"].known["metadata"].known["annotations"]),
        "ProxyUID": known["proxy_uid"],
        "ProxyGID": known["proxy_gid"],
    }


def pod_names(scope: Mapping[str, Any], constants: Mapping[str, Any]) -> dict[str, Any]:
    """All names for one pod, of the scope that Jinja templates have for it."""
    pod, workload = scope["pod"], scope["workload"]
    metadata = pod["metadata"]
    names = {
        **constants,
        "TypeMeta": Struct(_TYPE_META, {"kind": workload["kind"], "apiVersion": workload["api_version"]}),
        "DeploymentMeta": Struct(_NAMESPACED_NAME, workload),
        "ObjectMeta": object_meta(metadata),
        ANNOTATIONS: StringMap(metadata["annotations"]),
        LABELS: StringMap(metadata["labels"]),
        "Spec": pod_spec(pod["spec"]),
        "ProxyConfig": proxy_config(scope["proxy_config"]),
        "NativeSidecars": scope["native_sidecars"],
        ENVIRONMENT: _environment(constants, native_sidecars=scope["native_sidecars"]),
        "ProxyImage": _proxy_image(scope, metadata["annotations"]),
        "ProxyUID": scope["proxy_uid"],
        "ProxyGID": scope["proxy_gid"],
    }
    names[DATA] = Struct(DATA_TYPE, names)
    return names


def _proxy_image(scope: Mapping[str, Any], annotations: Mapping[str, str]) -> str:
    """The image as hub, name, type and tag give it: a template itself asks whether there is a full name."""
    if _IMAGE in annotations or "/" in str(_at(scope["values"], "global", "proxy").get("image")):
        return computed_image("proxy", scope["values"], scope["proxy_config"], annotations)
    return str(scope["proxy_image"])


def estimated_concurrency(data: Struct) -> int:
    """The threads for a proxy: as configured, else as many as the CPUs that it may use; 0 where nothing says it."""
    names = data.data or {}
    configured = names["ProxyConfig"].data.get("concurrency")
    if configured is not None:
        return int(configured)
    annotations, resources = names[ANNOTATIONS], _at(names["Values"], "global", "proxy", "resources")
    for amount in (
        annotations.get("sidecar.istio.io/proxyCPULimit"),
        annotations.get("sidecar.istio.io/proxyCPU"),
        _at(resources, "limits").get("cpu"),
        _at(resources, "requests").get("cpu"),
    ):
        if amount is not None:
            return ceil(decimal_value(str(amount)))
    return 0


def _at(values: Any, *path: str) -> JsonObject:
    for key in path:
        values = values.get(key) or {}
    return values if isinstance(values, dict) else {}


def _as_it_is(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return value or ""


def _not_whole(_: Struct) -> Any:
    raise GoError("all data at once has no JSON: name the fields that are needed")


_TYPE_META = StructType("TypeMeta", {"Kind": Field("kind", _text), "APIVersion": Field("apiVersion", _text)}, {})
_NAMESPACED_NAME = StructType(
    "NamespacedName",
    {"Namespace": Field("namespace", _text), "Name": Field("name", _text)},
    {"String": lambda value: f"{value.data['namespace']}/{value.data['name']}"},
)
_METHODS: Mapping[str, Callable[..., Any]] = {
    "EstimatedConcurrency": estimated_concurrency,
    "MarshalJSON": _not_whole,
}
DATA_TYPE = StructType("SidecarTemplateData", {name: Field(name, _as_it_is) for name in _FIELDS}, _METHODS)
