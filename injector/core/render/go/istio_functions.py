"""The functions of Istio's injector.

Source: the section "Template functions" of https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/ and
the templates of its releases 1.22 to 1.30.
"""

from collections.abc import Callable, Mapping
from typing import Any

from injector.core.model import JsonObject
from injector.core.render.functions import (
    asks_for_attributes,
    directory_of,
    resource_attributes,
    to_proxy_config,
    with_network,
    without_nulls,
)
from injector.core.render.go.formatting import sprint
from injector.core.render.go.sprig_collections import mapping
from injector.core.render.go.sprig_encoding import from_json, json_text
from injector.core.render.go.sprig_text import strings, text, whole
from injector.core.render.go.values import GoError, StringMap, Struct, YamlText, field_of, plain, type_name
from injector.core.yaml.writer import write

_NOT_TCP = frozenset(("UDP", "SCTP"))
_PROXY = "istio-proxy"


def annotation(annotations: Mapping[str, str], name: Any, fallback: Any) -> str:
    """`annotation`: that of the pod where the key is present, even if empty, else the fallback as text.

    Templates give the metadata; the annotations are taken from it where the call is lowered.
    """
    found = annotations.get(name)
    return sprint(fallback) if found is None else found


def environment_variable(environment: Mapping[str, str], name: Any, fallback: Any) -> str:
    """`env`: what the values set for istiod, since this injector has no environment; else the fallback."""
    return environment.get(text(name)) or text(fallback)


def is_set(given: Any, key: Any) -> bool:
    """`isset`: whether the map has the key."""
    return key in given if given is not None else False


def value_or_default(value: Any, fallback: Any) -> Any:
    """`valueOrDefault`: the value, or the fallback where it is an empty text or nil."""
    return fallback if value is None or value == "" else value


def exclude_inbound_port(port: Any, excluded: Any) -> str:
    """`excludeInboundPort`: the list with the port in it."""
    added = sprint(port).strip()
    elements = text(excluded).split(",")
    if added in ("", "0") or added in elements:
        return text(excluded)
    return ",".join([*filter(None, map(str.strip, elements)), added])


def _container_ports(containers: Any, *, with_proxy: bool) -> str:
    counted = [each for each in containers or () if with_proxy or field_of(each, "Name") != _PROXY]
    ports = [port for each in counted for port in field_of(each, "Ports")]
    return ",".join(
        str(field_of(each, "ContainerPort")) for each in ports if field_of(each, "Protocol") not in _NOT_TCP
    )


def to_yaml(value: Any) -> str:
    """`toYaml`: the value as the lines of a YAML document."""
    made = _sorted(plain(value))
    is_block = isinstance(made, (dict, list)) and bool(made)
    return YamlText(write(made), made, is_flow=not is_block)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return list(map(_sorted, value)) if isinstance(value, list) else value


def indent(spaces: Any, lines: Any) -> str:
    """`indent`: Istio's own, which leaves the first line where it stands."""
    indented = text(lines).replace("\n", "\n" + " " * max(whole(spaces), 0))
    return lines.respaced(indented) if isinstance(lines, YamlText) else indented


def proto_to_json(message: Any) -> str:
    """`protoToJSON`: a message as JSON; a ProxyConfig without what is the default anyway."""
    if not isinstance(message, Struct):
        raise GoError(f"protoToJSON: expected a message; got {type_name(message)}")
    if message.data is None:
        return "{}"
    if message.type.name == "ProxyConfig":
        return YamlText(to_proxy_config(dict(message.data)).rstrip("\n"), message.data, is_flow=True)
    return json_text(message)


def to_json_map(*maps: Any) -> str:
    """`toJsonMap`: the maps as one JSON object, later ones first."""
    return json_text(merge_maps(*maps))


def merge_maps(*maps: Any) -> StringMap:
    """`mergeMaps`: the maps as one, later ones first."""
    return StringMap({key: value for each in maps for key, value in mapping("mergeMaps", each).items()})


def string_dict(*values: Any) -> StringMap:
    """`strdict`: a map of keys and values that take turns."""
    pairs = [text(each) for each in values]
    return StringMap(zip(pairs[::2], [*pairs, ""][1::2], strict=False))


def omit(given: Any, *keys: Any) -> JsonObject:
    """`omit`: the map without some keys."""
    left_out = frozenset(strings(list(keys)))
    kept = {key: value for key, value in mapping("omit", given).items() if key not in left_out}
    return StringMap(kept) if isinstance(given, StringMap) else kept


def otel_resource_attributes(mesh: Any, annotations: Any, labels: Any, namespace: Any, containers: Any) -> str:
    """`otelResourceAttributes`: the value of OTEL_RESOURCE_ATTRIBUTES, empty where no provider asks for it."""
    if not asks_for_attributes(mesh.data or {}):
        return ""
    named = [{"name": field_of(each, "Name"), "image": field_of(each, "Image")} for each in containers or ()]
    return resource_attributes(annotations or {}, labels or {}, text(namespace), named)


def format_duration(duration: Any) -> str:
    """`formatDuration`: a duration as Go prints it."""
    return sprint(field_of(duration, "AsDuration"))


ISTIO_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "annotation": annotation,
    "appendMultusNetwork": lambda existing, network: with_network(text(existing), text(network)),
    "applicationPorts": lambda containers: _container_ports(containers, with_proxy=False),
    "contains": lambda part, value: text(part) in text(value),
    "directory": lambda path: directory_of(text(path)),
    "env": environment_variable,
    "excludeInboundPort": exclude_inbound_port,
    "excludeInterfaces": text,
    "formatDuration": format_duration,
    "fromJSON": from_json,
    "includeInboundPorts": lambda containers: _container_ports(containers, with_proxy=True),
    "indent": indent,
    "isset": is_set,
    "kubevirtInterfaces": text,
    "mergeMaps": merge_maps,
    "omit": omit,
    "omitNil": without_nulls,
    "otelResourceAttributes": otel_resource_attributes,
    "protoToJSON": proto_to_json,
    "strdict": string_dict,
    "structToJSON": json_text,
    "toJSON": json_text,
    "toJson": json_text,
    "toJsonMap": to_json_map,
    "toLower": lambda value: text(value).lower(),
    "toYaml": to_yaml,
    "valueOrDefault": value_or_default,
}
"""By the names that templates use."""
