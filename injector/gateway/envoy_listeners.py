"""Ports → listeners; with TLS, the name that the client asks for (SNI) chooses the filter chain."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from injector.core.duration import duration_text, nanoseconds
from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.envoy.messages import extension, socket
from injector.envoy.metrics import request_metrics
from injector.envoy.peers import KnownPeers, Peer, answers_to_note, peer_filter
from injector.envoy.telemetry import connection_log, request_log, tracing
from injector.gateway.authentication import jwt_filter
from injector.gateway.authorization import AUDIT, Policy
from injector.gateway.envoy_filters import http_filters
from injector.gateway.envoy_rbac import connection_filters, request_filters
from injector.gateway.envoy_routes import envoy_route, hash_policies, target_clusters
from injector.gateway.envoy_tls import CertificateSource, server_socket
from injector.gateway.model import FilterChain, Listener, Target, VirtualHost

# What statistics and access log call the traffic of a gateway.
_DIRECTION, _SERVICE = "gateway", "gateway"
# The mark that Envoy's RBAC filter leaves where a policy of action AUDIT matches.
_AUDITED = "%DYNAMIC_METADATA(envoy.common:access_log_hint)%"
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
_BUFFER_LIMIT_BYTES = 32768
# https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPBody
_LARGEST_RESPONSE_BYTES = 1024 * 1024
# meshConfig.pathNormalization → what a path is made to be before routes and policies look at it.
_NORMALIZATIONS: dict[str, JsonObject] = {
    "NONE": {},
    "BASE": {"normalize_path": True},
    "MERGE_SLASHES": {"normalize_path": True, "merge_slashes": True},
    "DECODE_AND_MERGE_SLASHES": {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
    },
}
_CLIENT_CERTIFICATES = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
_NO_TIMEOUT = "0s"


@dataclass(frozen=True, slots=True)
class Topology:
    """What is in front of the gateway: `gatewayTopology` of the proxy's configuration."""

    trusted_proxies: int = 0
    proxy_protocol: bool = False
    client_certificates: str = "SANITIZE_SET"


@dataclass(frozen=True, slots=True)
class Edge:
    """What all listeners have in common: where they listen, whom they let in, what they tell."""

    address: str
    peer: Peer = field(default_factory=lambda: Peer("gateway", "default"))
    known_peers: KnownPeers = field(default_factory=KnownPeers)
    topology: Topology = field(default_factory=Topology)
    normalization: str = "BASE"
    tracing: Tracing | None = None
    jwt_rules: tuple[JsonObject, ...] = ()
    policies: tuple[Policy, ...] = ()


def topology_of(proxy_config: JsonObject) -> Topology:
    """What the proxy's configuration says of what is in front of a gateway."""
    given = proxy_config.get("gatewayTopology") or {}
    details = given.get("forwardClientCertDetails")
    return Topology(
        trusted_proxies=int(given.get("numTrustedProxies") or 0),
        proxy_protocol=given.get("proxyProtocol") is not None,
        client_certificates=details if details in _CLIENT_CERTIFICATES else "SANITIZE_SET",
    )


def normalization_of(mesh_config: JsonObject) -> str:
    """The mesh's way to normalise paths, by the name in Istio's documentation."""
    name = (mesh_config.get("pathNormalization") or {}).get("normalization")
    return name if name in _NORMALIZATIONS else "BASE"


def envoy_listener(listener: Listener, edge: Edge, source: CertificateSource) -> JsonObject:
    """The listener of one port."""
    address = listener.address or edge.address
    made = {
        "name": f"{address}_{listener.port}",
        "address": listening_socket(address, listener.port),
        "per_connection_buffer_limit_bytes": _BUFFER_LIMIT_BYTES,
        "traffic_direction": "OUTBOUND",
        "filter_chains": [_filter_chain(chain, edge, source) for chain in listener.chains],
    }
    filters = []
    if edge.topology.proxy_protocol:
        filters.append(extension("filters.listener.proxy_protocol", "filters.listener.proxy_protocol.v3.ProxyProtocol"))
    if any(chain.tls or chain.server_names for chain in listener.chains):
        filters.append(extension("filters.listener.tls_inspector", "filters.listener.tls_inspector.v3.TlsInspector"))
    return {**made, "listener_filters": filters} if filters else made


def listening_socket(address: str, port: int) -> JsonObject:
    """An address and a port to listen on; the IPv6 wildcard takes IPv4 as well."""
    made = socket(address, port)
    if address == "::":
        made["socket_address"]["ipv4_compat"] = True
    return made


def _filter_chain(chain: FilterChain, edge: Edge, source: CertificateSource) -> JsonObject:
    is_http = not chain.targets
    filters = [_connection_manager(chain, edge)] if is_http else _forwarding(chain, edge)
    made: JsonObject = {"name": chain.name, "filters": filters}
    if chain.server_names:
        made["filter_chain_match"] = {"server_names": list(chain.server_names)}
    if chain.tls is not None:
        made["transport_socket"] = server_socket(chain.tls, source, is_http=is_http)
    return made


def _prefix(name: str) -> str:
    """The name for statistics, where a dot would begin another part of the name."""
    return name.replace(".", "_")


def _forwarding(chain: FilterChain, edge: Edge) -> list[JsonObject]:
    """The network filters of a chain that forwards connections as they are."""
    fields: JsonObject = target_clusters(chain.targets)
    if any("connection_properties" in policy for policy in hash_policies(chain.targets)):
        fields["hash_policy"] = [{"source_ip": {}}]
    proxy = extension(
        "filters.network.tcp_proxy",
        "filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=_prefix(chain.name),
        access_log=[connection_log(_DIRECTION)],
        **_connection_lengths(chain.targets),
        **fields,
    )
    return [*connection_filters(edge.policies, _prefix(chain.name)), proxy]


def _connection_lengths(targets: Sequence[Target]) -> JsonObject:
    """How long connections may be idle, and last, as the policy of the first target says."""
    tcp = ((targets[0].upstream.policy.get("connectionPool") or {}).get("tcp")) or {}
    names = {"idleTimeout": "idle_timeout", "maxConnectionDuration": "max_downstream_connection_duration"}
    found = {name: duration_text(nanoseconds(tcp[key])) for key, name in names.items() if key in tcp}
    return {"idle_timeout": _NO_TIMEOUT, **found}


def _connection_manager(chain: FilterChain, edge: Edge) -> JsonObject:
    """The network filter that serves one chain's requests.

    Source of the settings for clients that are not trusted:
    https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge.
    """
    tokens = jwt_filter(edge.jwt_rules)
    security = [*([tokens] if tokens else []), *request_filters(edge.policies)]
    audited = {"audited": _AUDITED} if any(policy.action == AUDIT for policy in edge.policies) else {}
    fields: JsonObject = {
        "stat_prefix": _prefix(chain.name),
        "codec_type": "AUTO",
        "route_config": {
            "name": chain.name,
            "ignore_port_in_host_matching": True,
            "max_direct_response_body_size_bytes": _LARGEST_RESPONSE_BYTES,
            "virtual_hosts": [_virtual_host(host, edge.peer.claim) for host in chain.virtual_hosts],
        },
        "http_filters": http_filters(
            peer_filter(_DIRECTION, edge.peer, edge.known_peers), security, grpc_web=chain.grpc_web
        ),
        "access_log": [request_log(_DIRECTION, **audited), request_metrics(_DIRECTION)],
        "use_remote_address": True,
        "xff_num_trusted_hops": edge.topology.trusted_proxies,
        **_NORMALIZATIONS[edge.normalization],
        "stream_idle_timeout": _NO_TIMEOUT,
        "common_http_protocol_options": {"idle_timeout": "3600s"},
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "forward_client_cert_details": edge.topology.client_certificates,
    }
    if edge.topology.client_certificates in ("APPEND_FORWARD", "SANITIZE_SET"):
        fields["set_current_client_cert_details"] = {"subject": True, "cert": True, "dns": True, "uri": True}
    if edge.tracing is not None:
        # A client cannot force a trace on the gateway.
        fields["tracing"] = {**tracing(edge.tracing, _SERVICE), "client_sampling": {"value": 0.0}}
    name = "filters.network.http_connection_manager"
    return extension(name, f"{name}.v3.HttpConnectionManager", **fields)


def _virtual_host(host: VirtualHost, claim: str) -> JsonObject:
    made = {
        "name": host.domains[0],
        "domains": list(host.domains),
        "routes": [envoy_route(route, claim) for route in host.routes],
        "include_request_attempt_count": True,
        **answers_to_note(authority=False),
    }
    return {**made, "require_tls": "ALL"} if host.redirects_to_https else made
