"""Ports → listeners; with TLS, the name that the client asks for (SNI) chooses the chain."""

from injector.core.model import JsonObject
from injector.envoy import Tracing
from injector.gateway.envoy.clusters import socket_address
from injector.gateway.envoy.connection import connection_manager
from injector.gateway.model import FilterChain, Listener, ServerTls

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_INSPECTOR = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
_APPLICATION_PROTOCOLS = ("h2", "http/1.1")
# https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
_BUFFER_LIMIT_BYTES = 32768


def envoy_listener(listener: Listener, address: str, tracing: Tracing | None) -> JsonObject:
    """The listener of one port on `address`."""
    made = {
        "name": f"{address}_{listener.port}",
        "address": socket_address(address, listener.port),
        "per_connection_buffer_limit_bytes": _BUFFER_LIMIT_BYTES,
        "traffic_direction": "OUTBOUND",
        "filter_chains": [_filter_chain(chain, tracing) for chain in listener.chains],
    }
    if any(chain.tls for chain in listener.chains):
        inspector = {"name": "envoy.filters.listener.tls_inspector", "typed_config": {"@type": _INSPECTOR}}
        made["listener_filters"] = [inspector]
    return made


def _filter_chain(chain: FilterChain, tracing: Tracing | None) -> JsonObject:
    made: JsonObject = {"filters": [connection_manager(chain, tracing)]}
    if chain.server_names:
        made["filter_chain_match"] = {"server_names": list(chain.server_names)}
    if chain.tls is not None:
        made["transport_socket"] = {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {"@type": _TLS, "common_tls_context": _tls_context(chain.tls)},
        }
    return made


def _tls_context(tls: ServerTls) -> JsonObject:
    certificate = {
        "certificate_chain": {"filename": tls.certificate.chain},
        "private_key": {"filename": tls.certificate.private_key},
    }
    return {
        "alpn_protocols": list(_APPLICATION_PROTOCOLS),
        "tls_certificates": [certificate],
        "tls_params": {
            "tls_minimum_protocol_version": _version(tls.minimum_version),
            "tls_maximum_protocol_version": _version(tls.maximum_version),
        },
    }


def _version(name: str) -> str:
    """TLSV1_2 of Istio is TLSv1_2 of Envoy."""
    return name.replace("TLSV", "TLSv")
