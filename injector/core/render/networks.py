"""Istio's network in the list that Multus attaches to a pod (reference 5.6; an empty list stays valid JSON here)."""

import re
from typing import Any

import orjson

_NETWORK = "default/istio-cni"
_ENTRY = '{"name": "istio-cni", "namespace": "default"}'


def with_istio_network(existing: str) -> str:
    """The network list `existing`, in Multus' short or JSON form, with Istio's network in it. Unreadable JSON stays."""
    existing = re.sub(r"[ \t]*[\r\n]+[ \t]*", " ", existing)
    if not existing.strip():
        return _NETWORK
    if "]" not in existing:
        named = _NETWORK in (item.strip() for item in existing.split(","))
        return existing if named else f"{existing}, {_NETWORK}"
    networks = _json_list(existing)
    if networks is None or any(_is_istio(network) for network in networks):
        return existing
    end = existing.rindex("]")
    separator = ", " if networks else ""
    return f"{existing[:end]}{separator}{_ENTRY}{existing[end:]}"


def _json_list(text: str) -> list[dict[str, Any]] | None:
    try:
        networks = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    readable = isinstance(networks, list) and all(isinstance(network, dict) for network in networks)
    return networks if readable else None


def _is_istio(network: dict[str, Any]) -> bool:
    return network.get("name") == "istio-cni" and network.get("namespace") == "default"
