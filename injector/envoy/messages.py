"""How Envoy's configuration names its parts: messages, extensions, addresses."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

_TYPES = "type.googleapis.com/envoy.extensions."


def typed(kind: str, **fields: Any) -> JsonObject:
    """A message of the extension type `kind`, such as `filters.http.router.v3.Router`."""
    return {"@type": f"{_TYPES}{kind}", **fields}


def extension(name: str, kind: str, **fields: Any) -> JsonObject:
    """The extension `name` (without `envoy.`), configured by a message of type `kind`."""
    return {"name": f"envoy.{name}", "typed_config": typed(kind, **fields)}


def socket(address: str, port: int) -> JsonObject:
    """A TCP address."""
    return {"socket_address": {"address": address, "port_value": port}}


def any_address(port: int, *, ipv6: bool) -> JsonObject:
    """The port on every address; with `ipv6` one socket takes both families."""
    if not ipv6:
        return socket("0.0.0.0", port)  # noqa: S104 -- a proxy is there to be reached
    return {"socket_address": {"address": "::", "port_value": port, "ipv4_compat": True}}
