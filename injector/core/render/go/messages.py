"""ProxyConfig and MeshConfig as templates see them: the structs that Go makes of protobuf messages.

Source: https://protobuf.dev/reference/go/go-generated/ and the fields of
https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from injector.core.duration import nanoseconds
from injector.core.model import JsonObject
from injector.core.proxy_config.schema import (
    DOUBLE,
    DURATION,
    INT32,
    PROXY_CONFIG,
    UINT32,
    Enum,
    Wrapped,
)
from injector.core.render.go.formatting import quoted, sprint
from injector.core.render.go.values import Enum as EnumValue
from injector.core.render.go.values import Field, GoDuration, MadeMap, Read, StringMap, Struct, StructType
from injector.core.validation import BOOLEAN, STRING, STRINGS, Listed, Mapped, Message, Type

_SECOND = 10**9
# Scalars other than integers: their zero values, and the wrappers that Protobuf has for them.
_OTHER_SCALARS: tuple[tuple[Type, Any, str], ...] = (
    (STRING, "", "StringValue"),
    (BOOLEAN, False, "BoolValue"),
    (DOUBLE, 0.0, "DoubleValue"),
)
_INTEGER_WRAPPERS: tuple[tuple[Type, str], ...] = ((INT32, "Int32Value"), (UINT32, "UInt32Value"))

_TRAFFIC_POLICY = Message({"mode": Enum(("PASSTHROUGH", "LOCALHOST"))})
_FLAG, _STRINGS = Wrapped(BOOLEAN), STRINGS

# What templates of Istio and of its users ask for; other fields of MeshConfig are not supported.
MESH_CONFIG = Message(
    {
        "proxyListenPort": INT32,
        "proxyInboundListenPort": INT32,
        "proxyHttpPort": INT32,
        "connectTimeout": DURATION,
        "ingressClass": STRING,
        "ingressService": STRING,
        "ingressSelector": STRING,
        "ingressControllerMode": Enum(("UNSPECIFIED", "OFF", "DEFAULT", "STRICT")),
        "enableTracing": BOOLEAN,
        "accessLogFile": STRING,
        "accessLogFormat": STRING,
        "accessLogEncoding": Enum(("TEXT", "JSON")),
        "enableEnvoyAccessLogService": BOOLEAN,
        "disableEnvoyListenerLog": BOOLEAN,
        "defaultConfig": PROXY_CONFIG,
        "outboundTrafficPolicy": Message({"mode": Enum(("REGISTRY_ONLY", "ALLOW_ANY"))}),
        "inboundTrafficPolicy": _TRAFFIC_POLICY,
        "enableAutoMtls": _FLAG,
        "trustDomain": STRING,
        "trustDomainAliases": _STRINGS,
        "defaultServiceExportTo": _STRINGS,
        "defaultVirtualServiceExportTo": _STRINGS,
        "defaultDestinationRuleExportTo": _STRINGS,
        "rootNamespace": STRING,
        "dnsRefreshRate": DURATION,
        "inboundClusterStatName": STRING,
        "outboundClusterStatName": STRING,
        "enablePrometheusMerge": _FLAG,
        "verifyCertificateAtClient": _FLAG,
        "extensionProviders": Listed(Message({"name": STRING})),
        "defaultProviders": Message({"tracing": _STRINGS, "metrics": _STRINGS, "accessLogging": _STRINGS}),
    }
)


def proxy_config(data: JsonObject) -> Struct:
    """The canonical ProxyConfig `data`."""
    return Struct(_proxy_config_type(), data)


def mesh_config(data: JsonObject) -> Struct:
    """The MeshConfig `data`, in camelCase."""
    return Struct(_mesh_config_type(), data)


@cache
def _proxy_config_type() -> StructType:
    return _message_type("ProxyConfig", PROXY_CONFIG)


@cache
def _mesh_config_type() -> StructType:
    return _message_type("MeshConfig", MESH_CONFIG)


def _message_type(name: str, message: Message) -> StructType:
    fields = {
        key[0].upper() + key[1:]: Field(key, _reader(key, kind), "present") for key, kind in message.fields.items()
    }
    getters = {f"Get{each}": _getter(field) for each, field in fields.items()}
    # A message is written as its JSON, not as the struct that holds it.
    return StructType(name, fields, {**getters, "MarshalJSON": lambda value: value.data})


def _getter(field: Field) -> Callable[[Struct], Any]:
    """What Go calls `GetField`: also a nil message has it."""
    return lambda value: field.read((value.data or {}).get(field.key))


def _reader(key: str, kind: Type) -> Read:
    name = key[0].upper() + key[1:]
    match kind:
        case Message():
            message = _message_type(name, kind)
            return lambda raw: Struct(message, raw)
        case Enum(names=names):
            return lambda raw: EnumValue(names.index(raw or names[0]) if raw in names else 0, raw or names[0])
        case Wrapped(scalar=scalar):
            wrapper = _wrapper_type(scalar)
            return lambda raw: Struct(wrapper, None if raw is None else {"value": raw})
        case Listed() | Mapped():
            return _collection_reader(key, kind)
    return _scalar_reader(kind)


def _collection_reader(key: str, kind: Listed | Mapped) -> Read:
    if isinstance(kind, Mapped):
        if kind.value is STRING:
            return lambda raw: StringMap(raw or {})
        of_value = _reader(key, kind.value)
        return lambda raw: MadeMap({name: of_value(each) for name, each in (raw or {}).items()})
    of_item = _reader(key, kind.item)
    return lambda raw: [of_item(each) for each in raw or ()]


def _scalar_reader(kind: Type) -> Read:
    if kind is DURATION:
        return lambda raw: Struct(DURATION_TYPE, None if raw is None else {"text": raw})
    for scalar, zero, _ in _OTHER_SCALARS:
        if kind is scalar:
            return lambda raw: zero if raw is None else type(zero)(raw)
    return lambda raw: int(raw or 0)


def _wrapper_type(scalar: Type) -> StructType:
    value = Field("value", _scalar_reader(scalar), "always")
    methods = {
        "GetValue": _getter(value),
        "MarshalJSON": lambda wrapper: (wrapper.data or {}).get("value"),
        "String": lambda wrapper: _message_text({"value": value.read((wrapper.data or {}).get("value"))}),
    }
    named = ((kind, name) for kind, _, name in _OTHER_SCALARS)
    name = next((name for kind, name in (*named, *_INTEGER_WRAPPERS) if kind is scalar), "Int64Value")
    return StructType(name, {"Value": value}, methods)


def _message_text(values: Mapping[str, Any]) -> str:
    """The fields of a message that are not zero, as Protobuf's text format has them."""
    texts = {
        name: quoted(value) if isinstance(value, str) else sprint(value) for name, value in values.items() if value
    }
    return " ".join(f"{name}:{text}" for name, text in texts.items())


def _length(duration: Struct) -> int:
    return nanoseconds(duration.data["text"]) if duration.data else 0


def _part(of_length: Callable[[int], int]) -> Field:
    return Field("text", lambda text: of_length(nanoseconds(text)))


DURATION_TYPE = StructType(
    "Duration",
    {"Seconds": _part(lambda length: length // _SECOND), "Nanos": _part(lambda length: length % _SECOND)},
    {
        "AsDuration": lambda duration: GoDuration.of(_length(duration)),
        "GetSeconds": lambda duration: _length(duration) // _SECOND,
        "GetNanos": lambda duration: _length(duration) % _SECOND,
        "MarshalJSON": lambda duration: (duration.data or {}).get("text"),
        "String": lambda duration: _message_text(
            {"seconds": _length(duration) // _SECOND, "nanos": _length(duration) % _SECOND}
        ),
    },
)
