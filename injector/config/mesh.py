"""The mesh configuration: what Istio's chart writes, the user's on top, loaded over the built-in defaults.

Source: reference 3.3; the special rules for single fields are those of Istio's loader.
"""

from typing import Any

from injector.config.keys import defaults
from injector.config.mesh_keys import MESH_KEYS
from injector.config.names import camel_case
from injector.config.trees import deep_merge, find, nested, without_nulls
from injector.core import proxy_config
from injector.core.model import JsonObject

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
