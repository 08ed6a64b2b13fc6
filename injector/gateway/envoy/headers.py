"""Headers (set, add, remove on request and response) → the fields of the same purpose of a route or a cluster."""

from injector.core.model import JsonObject

_OPERATIONS = (("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD"))
_HOST = "host"


def header_fields(headers: JsonObject | None) -> JsonObject:
    """`request_headers_to_add` and its like, as far as there is something to do. Setting `Host` is not among them."""
    fields: JsonObject = {}
    for direction in ("request", "response"):
        operations = (headers or {}).get(direction) or {}
        added = [
            {"header": {"key": name, "value": value}, "append_action": action}
            for operation, action in _OPERATIONS
            for name, value in (operations.get(operation) or {}).items()
            if name.lower() != _HOST
        ]
        if added:
            fields[f"{direction}_headers_to_add"] = added
        if operations.get("remove"):
            fields[f"{direction}_headers_to_remove"] = operations["remove"]
    return fields


def host_rewrite(headers: JsonObject | None, rewrite: JsonObject | None = None) -> JsonObject:
    """The host of the forwarded request where a rewrite or the request's `Host` header sets one."""
    added = ((headers or {}).get("request") or {}).get("set") or {}
    host = next((value for name, value in added.items() if name.lower() == _HOST), None)
    host = (rewrite or {}).get("authority", host)
    return {} if host is None else {"host_rewrite_literal": host}
