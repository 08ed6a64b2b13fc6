"""What a ProxyConfig has to satisfy beyond the types of its fields (reference 13.2)."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from injector.core.duration import MILLISECOND, SECOND, nanoseconds
from injector.core.errors import format_path, quoted
from injector.core.model import PROXY_CONFIG_ANNOTATION, JsonObject
from injector.core.proxy_config.layers import DEFAULTS, merge
from injector.core.proxy_config.parse import ProxyConfigError, parse_text
from injector.core.proxy_config.schema import CONNECTION_LIMITS, CONNECTION_WINDOWS
from injector.core.validation import Finding, wrong

_HOST_IP = "$(HOST_IP)"
_DNS_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65535
_SMALLEST_WINDOW = 65535


def read_annotation(text: str) -> tuple[JsonObject, list[str]]:
    """What a `proxy.istio.io/config` annotation says, and its faults, as read over the built-in defaults."""
    layer: JsonObject = {}
    try:
        layer = parse_text(text)
        faults = [f"{format_path(path)}: {message}" for path, message in validate(merge(DEFAULTS, layer))]
    except ProxyConfigError as error:
        faults = list(map(str, error.faults))
    return layer, [
        f"invalid value {quoted(text)} for annotation {PROXY_CONFIG_ANNOTATION!r}: {fault}" for fault in faults
    ]


def validate(proxy_config: JsonObject) -> list[Finding]:
    """What is wrong with a canonical ProxyConfig: the field, its value, and what would be valid."""
    return [finding for check in _CHECKS for finding in check(proxy_config)]


def _required(config: JsonObject) -> Iterator[Finding]:
    for name in ("configPath", "binaryPath"):
        if not config.get(name):
            yield Finding((name,), wrong("a path", config.get(name)))
    if not config.get("serviceCluster") and "tracingServiceName" not in config:
        yield Finding(("serviceCluster",), "must be a name, or tracingServiceName must be set")


def _durations(config: JsonObject) -> Iterator[Finding]:
    text = config.get("drainDuration", "0s")
    length = nanoseconds(text)
    if length < MILLISECOND or length % SECOND:
        yield Finding(("drainDuration",), wrong("whole seconds, at least 1s", text))


def _ports(config: JsonObject) -> Iterator[Finding]:
    for name in ("proxyAdminPort", "statusPort"):
        if not 1 <= config.get(name, 0) <= _LARGEST_PORT:
            yield Finding((name,), wrong(f"a port from 1 to {_LARGEST_PORT}", config.get(name)))


def _authentication(config: JsonObject) -> Iterator[Finding]:
    policy = config.get("controlPlaneAuthPolicy", "NONE")
    if policy not in ("NONE", "MUTUAL_TLS"):
        yield Finding(("controlPlaneAuthPolicy",), wrong("NONE or MUTUAL_TLS", policy))


def _addresses(config: JsonObject) -> Iterator[Finding]:
    yield from _address(config, "discoveryAddress", required=True)
    for path in (
        "zipkinAddress",
        "statsdUdpAddress",
        "envoyMetricsServiceAddress",
        "envoyMetricsService.address",
        "envoyAccessLogService.address",
        "tracing.lightstep.address",
        "tracing.zipkin.address",
        "tracing.datadog.address",
    ):
        yield from _address(config, path)


def _address(config: JsonObject, dotted: str, *, required: bool = False) -> Iterator[Finding]:
    path = tuple(dotted.split("."))
    found: Any = config
    for step in path:
        found = (found or {}).get(step)
    text = found or ""
    # The node's own agent is reached by an address that only the pod knows.
    concrete = text.replace(_HOST_IP, "127.0.0.1") if path[1:2] in (("zipkin",), ("datadog",)) else text
    if (text or required) and not _is_address(concrete):
        yield Finding(path, wrong("host:port, the host a DNS name or IP address", found))


def _tracers(config: JsonObject) -> Iterator[Finding]:
    tracing = config.get("tracing") or {}
    if "lightstep" in tracing and not tracing["lightstep"].get("accessToken"):
        yield Finding(("tracing", "lightstep", "accessToken"), "is missing")
    yield from _tls(tracing.get("tlsSettings") or {}, ("tracing", "tlsSettings"))


def _tls(settings: JsonObject, path: tuple[str, ...]) -> Iterator[Finding]:
    mode = settings.get("mode", "DISABLE")
    credential = settings.get("credentialName")
    if mode == "MUTUAL" and not credential:
        for name in ("clientCertificate", "privateKey"):
            if not settings.get(name):
                yield Finding((*path, name), "is missing: mode MUTUAL needs it")
    if credential and mode in ("SIMPLE", "MUTUAL"):
        for name in ("clientCertificate", "privateKey", "caCertificates", "caCrl"):
            if settings.get(name):
                yield Finding((*path, name), f"cannot be set beside credentialName {quoted(credential)}")
    if settings.get("insecureSkipVerify"):
        excluded = ("caCertificates", "subjectAltNames", *(("credentialName",) if mode == "SIMPLE" else ()))
        for name in excluded:
            if settings.get(name):
                yield Finding((*path, name), "cannot be set beside insecureSkipVerify")


def _key_provider(config: JsonObject) -> Iterator[Finding]:
    if "privateKeyProvider" not in config:
        return
    provider = config["privateKeyProvider"]
    if not provider:
        yield Finding(("privateKeyProvider",), "must hold cryptomb or qat")
    for name, settings in provider.items():
        if nanoseconds(settings.get("pollDelay", "0s")) == 0:
            yield Finding(("privateKeyProvider", name, "pollDelay"), "must be a duration over 0s")


def _connections(config: JsonObject) -> Iterator[Finding]:
    for name, value in (config.get("connectionSettings") or {}).items():
        path = ("connectionSettings", name)
        if isinstance(value, str) and value.endswith("s") and name.startswith("http") and "Action" not in name:
            if nanoseconds(value) < 0:
                yield Finding(path, wrong("a duration of at least 0s", value))
        elif name in CONNECTION_LIMITS:
            yield from _at_least(1, path, value)
        elif name in CONNECTION_WINDOWS:
            yield from _at_least(_SMALLEST_WINDOW, path, value)
        elif name.endswith("BufferLimitBytes"):
            yield from _at_least(0, path, value)


def _at_least(smallest: int, path: tuple[str, ...], value: int) -> Iterator[Finding]:
    if value < smallest:
        yield Finding(path, wrong(f"an integer of at least {smallest}", value))


def _is_address(text: str) -> bool:
    address = _ADDRESS.fullmatch(text)
    if address is None or not 1 <= int(address["port"]) <= _LARGEST_PORT:
        return False
    try:
        ipaddress.ip_address(address["host"].strip("[]"))
    except ValueError:
        return bool(_DNS_NAME.fullmatch(address["host"]))
    return True


_CHECKS: tuple[Callable[[JsonObject], Iterator[Finding]], ...] = (
    _required,
    _durations,
    _ports,
    _authentication,
    _addresses,
    _tracers,
    _key_provider,
    _connections,
)
