"""What a ProxyConfig has to satisfy beyond its types (reference 13.2)."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from injector.core.model import JsonObject
from injector.core.proxy_config.layers import DEFAULTS, merge
from injector.core.proxy_config.parse import SECOND, ProxyConfigError, nanoseconds, parse_text
from injector.core.proxy_config.schema import CONNECTION_LIMITS, CONNECTION_WINDOWS

_ANNOTATION = "proxy.istio.io/config"
_HOST_IP = "$(HOST_IP)"
_DNS_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65535
_SMALLEST_WINDOW = 65535
_MILLISECOND = 10**6


def annotation_faults(text: str) -> list[str]:
    """The faults of a `proxy.istio.io/config` annotation, read over the built-in defaults; empty where it is valid."""
    try:
        faults = validate(merge(DEFAULTS, parse_text(text)))
    except ProxyConfigError as error:
        faults = list(error.faults)
    brief = text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004
    return [f"invalid value {brief!r} for annotation {_ANNOTATION!r}: {fault}" for fault in faults]


def validate(proxy_config: JsonObject) -> list[str]:
    """The faults of a canonical ProxyConfig: each names the field, its value, and what would be valid."""
    return [fault for check in _CHECKS for fault in check(proxy_config)]


def _required(config: JsonObject) -> Iterator[str]:
    for name in ("configPath", "binaryPath"):
        if not config.get(name):
            yield f"{name}: expected a path, not {config.get(name)!r}"
    if not config.get("serviceCluster") and "tracingServiceName" not in config:
        yield "serviceCluster: expected a name, or tracingServiceName instead"


def _durations(config: JsonObject) -> Iterator[str]:
    text = config.get("drainDuration", "0s")
    length = nanoseconds(text)
    if length < _MILLISECOND or length % SECOND:
        yield f"drainDuration: expected whole seconds, at least 1s, not {text!r}"


def _ports(config: JsonObject) -> Iterator[str]:
    for name in ("proxyAdminPort", "statusPort"):
        if not 1 <= config.get(name, 0) <= _LARGEST_PORT:
            yield f"{name}: expected a port from 1 to {_LARGEST_PORT}, not {config.get(name)!r}"


def _authentication(config: JsonObject) -> Iterator[str]:
    policy = config.get("controlPlaneAuthPolicy", "NONE")
    if policy not in ("NONE", "MUTUAL_TLS"):
        yield f"controlPlaneAuthPolicy: expected NONE or MUTUAL_TLS, not {policy!r}"


def _addresses(config: JsonObject) -> Iterator[str]:
    if not _is_address(config.get("discoveryAddress", "")):
        yield _wrong_address("discoveryAddress", config.get("discoveryAddress"))
    tracing = config.get("tracing") or {}
    optional = {
        "zipkinAddress": config.get("zipkinAddress"),
        "statsdUdpAddress": config.get("statsdUdpAddress"),
        "envoyMetricsServiceAddress": config.get("envoyMetricsServiceAddress"),
        "envoyMetricsService.address": (config.get("envoyMetricsService") or {}).get("address"),
        "envoyAccessLogService.address": (config.get("envoyAccessLogService") or {}).get("address"),
        "tracing.lightstep.address": (tracing.get("lightstep") or {}).get("address"),
    }
    for path, address in optional.items():
        if address and not _is_address(address):
            yield _wrong_address(path, address)


def _tracers(config: JsonObject) -> Iterator[str]:
    tracing = config.get("tracing") or {}
    for tracer in ("zipkin", "datadog"):
        address = (tracing.get(tracer) or {}).get("address")
        if address and not _is_address(address.replace(_HOST_IP, "127.0.0.1")):
            yield _wrong_address(f"tracing.{tracer}.address", address)
    if "lightstep" in tracing and not tracing["lightstep"].get("accessToken"):
        yield "tracing.lightstep.accessToken: expected a token"
    yield from _tls(tracing.get("tlsSettings") or {}, "tracing.tlsSettings")


def _tls(settings: JsonObject, path: str) -> Iterator[str]:
    mode = settings.get("mode", "DISABLE")
    credential = settings.get("credentialName")
    if mode == "MUTUAL" and not credential:
        for name in ("clientCertificate", "privateKey"):
            if not settings.get(name):
                yield f"{path}.{name}: expected a path, as mode is MUTUAL"
    if credential and mode in ("SIMPLE", "MUTUAL"):
        for name in ("clientCertificate", "privateKey", "caCertificates", "caCrl"):
            if settings.get(name):
                yield f"{path}.{name}: excluded by credentialName {credential!r}"
    if settings.get("insecureSkipVerify"):
        excluded = ("caCertificates", "subjectAltNames", *(("credentialName",) if mode == "SIMPLE" else ()))
        for name in excluded:
            if settings.get(name):
                yield f"{path}.{name}: excluded by insecureSkipVerify"


def _key_provider(config: JsonObject) -> Iterator[str]:
    if "privateKeyProvider" not in config:
        return
    provider = config["privateKeyProvider"]
    if not provider:
        yield "privateKeyProvider: expected cryptomb or qat"
    for name, settings in provider.items():
        if nanoseconds(settings.get("pollDelay", "0s")) == 0:
            yield f"privateKeyProvider.{name}.pollDelay: expected a duration over 0s"


def _connections(config: JsonObject) -> Iterator[str]:
    for name, value in (config.get("connectionSettings") or {}).items():
        path = f"connectionSettings.{name}"
        if isinstance(value, str) and value.endswith("s") and name.startswith("http") and "Action" not in name:
            if nanoseconds(value) < 0:
                yield f"{path}: expected a duration of at least 0s, not {value!r}"
        elif name in CONNECTION_LIMITS:
            yield from _at_least(1, path, value)
        elif name in CONNECTION_WINDOWS:
            yield from _at_least(_SMALLEST_WINDOW, path, value)
        elif name.endswith("BufferLimitBytes"):
            yield from _at_least(0, path, value)


def _at_least(smallest: int, path: str, value: Any) -> Iterator[str]:
    if value < smallest:
        yield f"{path}: expected a number of at least {smallest}, not {value!r}"


def _is_address(text: str) -> bool:
    address = _ADDRESS.fullmatch(text)
    if address is None or not 1 <= int(address["port"]) <= _LARGEST_PORT:
        return False
    try:
        ipaddress.ip_address(address["host"].strip("[]"))
    except ValueError:
        return bool(_DNS_NAME.fullmatch(address["host"]))
    return True


def _wrong_address(path: str, address: object) -> str:
    return f"{path}: expected host:port, host a DNS name or IP address, not {address!r}"


_CHECKS: tuple[Callable[[JsonObject], Iterator[str]], ...] = (
    _required,
    _durations,
    _ports,
    _authentication,
    _addresses,
    _tracers,
    _key_provider,
    _connections,
)
