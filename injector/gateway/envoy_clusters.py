"""Destinations → clusters, named as Istio names them, so that statistics are read as people know them."""

from injector.core.model import JsonObject
from injector.gateway.model import Destination

# https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns: a headless
# Service resolves to all of its pods, any other to its one address.
_DNS: JsonObject = {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "respect_dns_ttl": True}
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CONNECT_TIMEOUT = "10s"


def cluster_name(destination: JsonObject) -> str:
    """The name of the cluster of a destination with full host and port."""
    return _name(destination["host"], destination["port"]["number"])


def _name(host: str, port: int) -> str:
    return f"outbound|{port}||{host}"


def destination_cluster(destination: Destination) -> JsonObject:
    """The cluster of a destination: HTTP/1.1 unless HTTP/2 is known to be spoken there."""
    return dns_cluster(_name(destination.host, destination.port), destination)


def dns_cluster(name: str, destination: Destination) -> JsonObject:
    """A cluster of whatever hosts the name resolves to."""
    cluster = {"name": name, **_DNS, **static_cluster(name, destination.host, destination.port)}
    if destination.http2:
        options: JsonObject = {"explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {
            _HTTP_OPTIONS: {"@type": f"type.googleapis.com/{_HTTP_OPTIONS}", **options}
        }
    return cluster


def static_cluster(name: str, address: str, port: int) -> JsonObject:
    """A cluster of one host."""
    endpoint = {"endpoint": {"address": socket_address(address, port)}}
    return {
        "name": name,
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def socket_address(address: str, port: int) -> JsonObject:
    """An address and a port; the IPv6 wildcard takes IPv4 as well."""
    compatible = {"ipv4_compat": True} if address == "::" else {}
    return {"socket_address": {"address": address, "port_value": port, **compatible}}
