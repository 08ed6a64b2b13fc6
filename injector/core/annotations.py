"""Annotation values that are refused, each with what would be valid (reference 12.1 and 13.1)."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping

from injector.core.pods import parse_boolean
from injector.core.quantity import canonical_quantity

_LARGEST_PORT = 65535
_LARGEST_UNSIGNED = 2**32 - 1
_LONGEST_INTERFACE = 15
_LONGEST_SHOWN = 200
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_MODES = ("REDIRECT", "TPROXY", "NONE")

Check = Callable[[str], str | None]
"""From an annotation's value to what is wrong with it and what would be valid; None where it is fine."""


def validate(annotations: Mapping[str, str]) -> list[str]:
    """All violations among `annotations`, one text each, which names the annotation, its value and what is valid.

    `proxy.istio.io/config` is checked in `proxy_config`, `proxy.istio.io/overrides` where it is read.
    """
    return list(_violations(annotations))


def _violations(annotations: Mapping[str, str]) -> Iterator[str]:
    for name, value in annotations.items():
        check = CHECKS.get(name)
        fault = check(value) if check else None
        if fault:
            shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}..."
            yield f"invalid value '{shown}' for annotation '{name}': {fault}"


def _interception_mode(value: str) -> str | None:
    return None if value in _MODES else f"interceptionMode invalid, use {','.join(_MODES)}"


def _boolean(value: str) -> str | None:
    return None if parse_boolean(value) is not None else "it is not a boolean: invalid syntax; valid: true, false"


def _quantity(value: str) -> str | None:
    if any(ord(character) < ord(" ") or character == "\x7f" for character in value):
        return "it contains control characters; valid: a quantity such as 100m or 128Mi"
    try:
        canonical_quantity(value)
    except ValueError as error:
        return str(error)
    return None


def _unsigned(value: str) -> str | None:
    if not (value.isascii() and value.isdigit()):
        return f"parsing {value!r}: invalid syntax; valid: a whole number from 0 to {_LARGEST_UNSIGNED}"
    if len(value.lstrip("0")) > len(str(_LARGEST_UNSIGNED)) or int(value) > _LARGEST_UNSIGNED:
        return f"parsing {value!r}: value out of range; valid: a whole number from 0 to {_LARGEST_UNSIGNED}"
    return None


def _status_port(value: str) -> str | None:
    if _is_port(value):
        return None
    return f"excludeInboundPorts invalid: failed parsing port {value!r}; valid: a number from 0 to {_LARGEST_PORT}"


def _port_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated numbers from 0 to {_LARGEST_PORT}"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value.strip():
            return None
        wrong = next((port for port in value.strip().split(",") if not _is_port(port)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing port {wrong!r}; valid: {valid}"

    return check


def _cidr_list(subject: str, *, wildcard: bool = False) -> Check:
    valid = f"{'*, or ' if wildcard else ''}comma-separated prefixes such as 10.0.0.0/8"

    def check(value: str) -> str | None:
        if (wildcard and value == "*") or not value:
            return None
        wrong = next((cidr for cidr in value.split(",") if not _is_cidr(cidr)), None)
        return None if wrong is None else f"{subject} invalid: failed parsing cidr {wrong!r}; valid: {valid}"

    return check


def _interface_list(value: str) -> str | None:
    for name in (part.strip() for part in value.split(",")) if value else ():
        if not name:
            return "empty interface name; valid: comma-separated names such as net1"
        if len(name) > _LONGEST_INTERFACE:
            return f"interface name {name!r} too long; valid: at most {_LONGEST_INTERFACE} characters"
        if not _INTERFACE.fullmatch(name):
            return f"interface name {name!r} contains invalid characters; valid: a letter, then letters, digits, _ . -"
    return None


def _is_port(text: str) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len("65535") and int(text) <= _LARGEST_PORT


def _is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or "%" in address or not bits.isascii() or not bits.isdigit() or (bits[0] == "0" and bits != "0"):
        return False
    try:
        return int(bits) <= ipaddress.ip_address(address).max_prefixlen
    except ValueError:
        return False


_TRAFFIC = "traffic.sidecar.istio.io/"
_READINESS = "readiness.status.sidecar.istio.io/"
_RESOURCES = ("proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit")
_PROBE_NUMBERS = ("initialDelaySeconds", "periodSeconds", "failureThreshold")

CHECKS: Mapping[str, Check] = {
    "sidecar.istio.io/interceptionMode": _interception_mode,
    **{f"sidecar.istio.io/{name}": _quantity for name in _RESOURCES},
    "status.sidecar.istio.io/port": _status_port,
    **{f"{_READINESS}{name}": _unsigned for name in _PROBE_NUMBERS},
    f"{_TRAFFIC}includeOutboundIPRanges": _cidr_list("includeIPRanges", wildcard=True),
    f"{_TRAFFIC}excludeOutboundIPRanges": _cidr_list("excludeIPRanges"),
    f"{_TRAFFIC}includeInboundPorts": _port_list("includeInboundPorts", wildcard=True),
    f"{_TRAFFIC}excludeInboundPorts": _port_list("excludeInboundPorts"),
    f"{_TRAFFIC}excludeOutboundPorts": _port_list("excludeOutboundPorts"),
    f"{_TRAFFIC}excludeInterfaces": _interface_list,
    f"{_TRAFFIC}kubevirtInterfaces": _interface_list,
    "istio.io/reroute-virtual-interfaces": _interface_list,
    "prometheus.istio.io/merge-metrics": _boolean,
}
