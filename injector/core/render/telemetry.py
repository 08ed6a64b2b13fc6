"""OTEL_RESOURCE_ATTRIBUTES: how a pod's telemetry names its service (reference 5.14)."""

from collections.abc import Mapping
from typing import Any

from injector.core.model import JsonObject, Pod, Workload
from injector.core.pods import annotations, containers, labels

_PREFIX = "resource.opentelemetry.io/"
_ENRICHMENT = "OTEL_SEMANTIC_CONVENTIONS"


def otel_resource_attributes(pod: Pod, workload: Workload, mesh_config: JsonObject) -> str:
    """The attributes as `key=value` pairs joined by commas; empty where no provider asks for the conventions."""
    if not any(_asks(provider) for provider in mesh_config.get("extensionProviders") or ()):
        return ""
    own = annotations(pod)
    attributes = {
        "service.namespace": own.get(f"{_PREFIX}service.namespace") or workload.namespace,
        "service.version": own.get(f"{_PREFIX}service.version") or _version(pod),
        "service.instance.id": own.get(f"{_PREFIX}service.instance.id") or _instance(pod, workload),
    }
    return ",".join(f"{key}={value}" for key, value in attributes.items() if value)


def _asks(provider: Mapping[str, Any]) -> bool:
    return (provider.get("opentelemetry") or {}).get("serviceAttributeEnrichment") == _ENRICHMENT


def _version(pod: Pod) -> str:
    label = labels(pod).get("app.kubernetes.io/version")
    if label or len(containers(pod)) != 1:
        return label or ""
    name, at, digest = (containers(pod)[0].get("image") or "").partition("@")
    tag = name.rpartition(":")[2] if name.rfind(":") > name.rfind("/") else ""
    return f"{tag}{at}{digest}" if tag else digest


def _instance(pod: Pod, workload: Workload) -> str:
    if not containers(pod):
        return ""
    return f"{workload.namespace}.$(POD_NAME).{containers(pod)[0]['name']}"
