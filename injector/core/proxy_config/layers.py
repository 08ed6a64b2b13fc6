"""The layers of a pod's ProxyConfig, lowest to highest precedence (reference 3.4)."""

from collections.abc import Callable, Mapping, Sequence

from injector.core.errors import quoted
from injector.core.model import InjectionError, JsonObject
from injector.core.proxy_config.parse import ProxyConfigError, parse
from injector.core.proxy_config.schema import BUILT_IN_DEFAULTS, DURATION, PROXY_CONFIG, Enum, Wrapped
from injector.core.selection import parse_selector
from injector.core.validation import Message

_HEADERS_KEPT = ("forwardedClientCert", "requestId", "attemptCount", "server", "envoyDebugHeaders")

DEFAULTS: JsonObject = dict(BUILT_IN_DEFAULTS)


def merge(base: JsonObject, layer: JsonObject) -> JsonObject:
    """`layer` over `base`: each of its fields replaces the whole field.

    But proxyMetadata is merged key by key, and the sub-fields of proxyHeaders named in `_HEADERS_KEPT` stay where
    `layer` leaves them unset.
    """
    merged = {**base, **layer}
    for choice in PROXY_CONFIG.choices:
        chosen = [name for name in choice if name in layer]
        for name in choice if chosen else ():
            if name not in chosen:
                merged.pop(name, None)
    if "proxyMetadata" in layer:
        merged["proxyMetadata"] = {**base.get("proxyMetadata", {}), **layer["proxyMetadata"]}
    if "proxyHeaders" in layer and "proxyHeaders" in base:
        kept = {name: base["proxyHeaders"][name] for name in _HEADERS_KEPT if name in base["proxyHeaders"]}
        merged["proxyHeaders"] = {**kept, **layer["proxyHeaders"]}
    return merged


def without_zero_values(layer: JsonObject) -> JsonObject:
    """The layer as Protobuf writes it: plain scalars and enums at zero, and empty lists and maps, are not there."""
    return {name: value for name, value in layer.items() if not _is_plain_zero(name, value)}


def from_resource(resource: JsonObject) -> JsonObject:
    """What a ProxyConfig custom resource contributes: concurrency, environment variables and image.

    Raises InjectionError that names the resource where it cannot be read.
    """
    spec = resource.get("spec") or {}
    chosen = {"concurrency": spec.get("concurrency"), "image": spec.get("image")}
    try:
        return parse({**chosen, "proxyMetadata": spec.get("environmentVariables")})
    except ProxyConfigError as error:
        raise InjectionError(f"{_title(resource)}: {error}") from error


def effective(
    mesh_default: JsonObject,
    resources: Sequence[JsonObject],
    own: JsonObject | None,
    of_pod: Mapping[str, str],
    namespaces: tuple[str, str],
) -> JsonObject:
    """A pod's ProxyConfig in the webhook; `mesh_default` itself where nothing is layered over it.

    `resources` are ProxyConfig custom resources of any namespace, `own` is what the pod's annotation says, `of_pod` are
    its labels, and `namespaces` the mesh's root and its own. Raises InjectionError where a resource cannot be read.
    """
    result = mesh_default
    for home in dict.fromkeys(namespaces):
        for resource in _oldest(resources, home, lambda each: not _selector(each)):
            result = merge(result, without_zero_values(from_resource(resource)))
    if own is not None:
        result = merge(result, without_zero_values(own))
    selecting = _oldest(resources, namespaces[1], lambda each: _selects(each, of_pod))
    for resource in selecting:
        result = merge(result, without_zero_values(from_resource(resource)))
    return result


def _oldest(resources: Sequence[JsonObject], namespace: str, wanted: Callable[[JsonObject], bool]) -> list[JsonObject]:
    """The one resource of `namespace` that counts: the oldest whose selector is `wanted`; none gives an empty list."""
    there = [
        resource
        for resource in resources
        if (resource.get("metadata") or {}).get("namespace") == namespace and wanted(resource)
    ]
    return sorted(there, key=_age)[:1]


def _age(resource: JsonObject) -> tuple[str, str]:
    metadata = resource.get("metadata") or {}
    return str(metadata.get("creationTimestamp") or ""), str(metadata.get("name") or "")


def _title(resource: JsonObject) -> str:
    metadata = resource.get("metadata") or {}
    return f"ProxyConfig {metadata.get('namespace')}/{metadata.get('name')}"


def _selects(resource: JsonObject, of_pod: Mapping[str, str]) -> bool:
    wanted = {"matchLabels": _selector(resource).get("matchLabels") or {}}
    try:
        return bool(wanted["matchLabels"]) and parse_selector(wanted).matches(of_pod)
    except ValueError as error:
        raise InjectionError(f"{_title(resource)}: spec.selector: {error}") from error


def _selector(resource: JsonObject) -> JsonObject:
    found = (resource.get("spec") or {}).get("selector") or {}
    if not isinstance(found, dict):
        raise InjectionError(f"{_title(resource)}: spec.selector: must be a mapping, got {quoted(found)}")
    return found


def _is_plain_zero(name: str, value: object) -> bool:
    kind = PROXY_CONFIG.fields[name]
    if any(name in choice for choice in PROXY_CONFIG.choices):
        return False
    if isinstance(kind, Enum):
        return value == kind.names[0]
    return not isinstance(kind, Message | Wrapped) and kind is not DURATION and not value
