"""What a sidecar's bootstrap depends on, read from mesh and proxy configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from injector.envoy.messages import JsonObject
from injector.envoy.peers import KnownPeers, Peer
from injector.envoy.protocols import Carriage

OUTBOUND_PORT, INBOUND_PORT = 15001, 15006
_DETECTION_TIMEOUT = "0.1s"
_DEFAULT_SAMPLING = 1.0
_ZIPKIN_PORT, _OTLP_HTTP_PORT = 9411, 4318
_ZIPKIN_PATH, _OTLP_PATH = "/api/v2/spans", "/v1/traces"


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans go. `kind` is `zipkin` or `opentelemetry`, `path` empty for OTLP over gRPC, `sampling` in percent."""

    kind: str
    host: str
    port: int
    path: str
    sampling: float
    longest_path: int
    tags: Mapping[str, JsonObject]


@dataclass(frozen=True, slots=True)
class SidecarProxy:
    """One sidecar. `transparent` keeps the client's address, `ipv6` listens on both families.

    `service` is its name in traces, `peer` who it is in metrics. `inbound` and `outbound` are the ports whose protocol
    is declared; that of any other port is detected.
    """

    service: str
    peer: Peer
    known_peers: KnownPeers
    transparent: bool
    outbound_port: int
    inbound_port: int
    detection_timeout: str
    ipv6: bool
    tracing: Tracing | None
    inbound: Mapping[int, Carriage]
    outbound: Mapping[int, Carriage]


@dataclass(frozen=True, slots=True)
class Declared:
    """The protocols of ports that are declared, inbound and outbound."""

    inbound: Mapping[int, Carriage]
    outbound: Mapping[int, Carriage]


def sidecar_proxy(  # noqa: PLR0913 -- each is a source of its own, and all but two are named
    mesh_config: JsonObject,
    proxy_config: JsonObject,
    *,
    service: str,
    mode: str,
    ipv6: bool,
    declared: Declared,
    peer: Peer,
    known_peers: KnownPeers,
) -> SidecarProxy:
    """The sidecar of `service` with interception mode `mode`."""
    timeout = mesh_config.get("protocolDetectionTimeout")
    return SidecarProxy(
        service=service,
        peer=peer,
        known_peers=known_peers,
        transparent=mode == "TPROXY",
        outbound_port=mesh_config.get("proxyListenPort") or OUTBOUND_PORT,
        inbound_port=mesh_config.get("proxyInboundListenPort") or INBOUND_PORT,
        detection_timeout=timeout if timeout not in (None, "0s") else _DETECTION_TIMEOUT,
        ipv6=ipv6,
        tracing=tracing_of(mesh_config, proxy_config),
        inbound=declared.inbound,
        outbound=declared.outbound,
    )


def tracing_of(mesh_config: JsonObject, proxy_config: JsonObject) -> Tracing | None:
    """The proxy's own Zipkin address, else the first of the mesh's default providers that is Zipkin or OTLP."""
    settings = proxy_config.get("tracing") or {}
    address = (settings.get("zipkin") or {}).get("address")
    if address:
        host, _, port = address.rpartition(":")
        return _traced(settings, "zipkin", host.strip("[]"), int(port), _ZIPKIN_PATH)
    named = {provider["name"]: provider for provider in mesh_config.get("extensionProviders") or ()}
    for name in (mesh_config.get("defaultProviders") or {}).get("tracing") or ():
        provider = named.get(name) or {}
        if "zipkin" in provider:
            return _from_provider(settings, "zipkin", provider["zipkin"])
        if "opentelemetry" in provider:
            return _from_provider(settings, "opentelemetry", provider["opentelemetry"])
    return None


def _from_provider(settings: JsonObject, kind: str, provider: JsonObject) -> Tracing:
    host = str(provider.get("service", "")).rpartition("/")[2]
    if kind == "zipkin":
        return _traced(
            settings, kind, host, int(provider.get("port") or _ZIPKIN_PORT), provider.get("path") or _ZIPKIN_PATH
        )
    http = provider.get("http")
    path = "" if http is None else http.get("path") or _OTLP_PATH
    return _traced(settings, kind, host, int(provider.get("port") or _OTLP_HTTP_PORT), path)


def _traced(settings: JsonObject, kind: str, host: str, port: int, path: str) -> Tracing:
    sampling: Any = settings.get("sampling")
    return Tracing(
        kind=kind,
        host=host,
        port=port,
        path=path,
        sampling=_DEFAULT_SAMPLING if sampling is None else float(sampling),
        longest_path=int(settings.get("maxPathTagLength") or 0),
        tags=settings.get("customTags") or {},
    )
