"""The servers of a Gateway: their fields, the ports that they listen on, and what may share a port.

Source: https://istio.io/latest/docs/reference/config/networking/gateway/.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from injector.config.places import Place
from injector.core.errors import Path
from injector.core.model import JsonObject
from injector.core.validation import BOOLEAN, FILLED_STRING, Listed, Message, Scalar, Unsupported, one_of
from injector.gateway.fields import LABELS, PATH, Choice, NoEffect, matching, number_between
from injector.gateway.hosts import ANY, is_address, is_server_host, split_namespace
from injector.gateway.model import Report, Resource

# What the gateway's pod listens on itself.
RESERVED_PORTS = (15000, 15021, 15090)

_HTTP = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")
_TCP = ("TCP", "MONGO")
PROTOCOLS = (*_HTTP, "HTTPS", "TLS", *_TCP)
_NEEDS_TLS = ("HTTPS", "TLS")

TERMINATING_MODES = ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL")
PASSTHROUGH = "PASSTHROUGH"
_MODE = Choice(
    (*TERMINATING_MODES, PASSTHROUGH),
    {
        "ISTIO_MUTUAL": "needs the certificates of Istio's control plane",
        "AUTO_PASSTHROUGH": "needs the list of all services of a mesh, which Istio's control plane has",
    },
)
TLS_VERSIONS = ("TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3")
# https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto (cipher_suites)
CIPHER_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 "
    "ECDHE-RSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 "
    "ECDHE-PSK-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ECDHE-PSK-AES128-CBC-SHA "
    "ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA ECDHE-PSK-AES256-CBC-SHA AES128-GCM-SHA256 AES256-GCM-SHA384 "
    "AES128-SHA AES256-SHA PSK-AES128-CBC-SHA PSK-AES256-CBC-SHA DES-CBC3-SHA"
).split()

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
_SECRET = matching("the name of a Secret", re.compile(r"(kubernetes://)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"))
_MOST_CERTIFICATES = 2  # one of RSA, one of ECDSA


def _security(server: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Protocol and TLS have to fit: plain protocols have none but the redirect, HTTPS and TLS need a mode."""
    tls, protocol = server.get("tls") or {}, server["port"]["protocol"]
    if protocol in _HTTP:
        for name in tls.keys() - {"httpsRedirect"}:
            yield ("tls", name), f"belongs to protocol HTTPS, not {protocol}; valid: httpsRedirect"
        return
    if tls.get("httpsRedirect"):
        yield ("tls", "httpsRedirect"), f"belongs to a server of protocol HTTP, not {protocol}"
    if "mode" in tls:
        yield from _certificates(tls)
    elif protocol in _NEEDS_TLS or tls:
        yield ("tls", "mode"), f"is missing; valid: {_MODE.expected}"


def _certificates(tls: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """One way to name the certificate, a whole one; an authority where clients are verified."""
    ways = [name for name in ("credentialName", "credentialNames", "tlsCertificates") if name in tls]
    files = [name for name in ("serverCertificate", "privateKey") if name in tls]
    if tls["mode"] == PASSTHROUGH:
        for name in (*ways, *files):
            yield ("tls", name), "has no use with mode PASSTHROUGH, where TLS ends behind the gateway"
        return
    for name in (*ways[1:], *(files if ways else ())):
        yield ("tls", name), f"cannot be set beside {ways[0]!r}; valid: one way to name the certificate"
    if not ways and len(files) < 2:  # noqa: PLR2004 -- certificate and key
        yield ("tls", "credentialName"), "is missing; valid: the name of a Secret, or serverCertificate and privateKey"
    named_by_secret = any(name.startswith("credential") for name in ways)
    if tls["mode"] != "SIMPLE" and not named_by_secret and not tls.keys() & {"caCertificates", "caCertCredentialName"}:
        yield ("tls", "caCertificates"), f"is missing; mode {tls['mode']} verifies clients by it"


_TLS = Message(
    {
        "httpsRedirect": BOOLEAN,
        "mode": _MODE,
        "credentialName": _SECRET,
        "credentialNames": Listed(_SECRET, filled=True),
        "caCertCredentialName": _SECRET,
        "serverCertificate": PATH,
        "privateKey": PATH,
        "caCertificates": PATH,
        "caCrl": PATH,
        "tlsCertificates": Listed(
            Message(
                {"serverCertificate": PATH, "privateKey": PATH, "caCertificates": PATH},
                required=("serverCertificate", "privateKey"),
            ),
            filled=True,
        ),
        "subjectAltNames": Listed(FILLED_STRING),
        "verifyCertificateSpki": Listed(FILLED_STRING),
        "verifyCertificateHash": Listed(FILLED_STRING),
        "minProtocolVersion": one_of(*TLS_VERSIONS),
        "maxProtocolVersion": one_of(*TLS_VERSIONS),
        "cipherSuites": Listed(one_of(*CIPHER_SUITES)),
    }
)

_SERVER = Message(
    {
        "name": FILLED_STRING,
        "port": Message(
            {
                "number": Scalar(
                    f"a port number (1 to 65535) other than the gateway's own ({', '.join(map(str, RESERVED_PORTS))})",
                    lambda value: number_between(1, 65535)(value) and value not in RESERVED_PORTS,
                ),
                "name": FILLED_STRING,
                "protocol": Scalar(
                    f"one of {', '.join(PROTOCOLS)}",
                    lambda value: isinstance(value, str) and value.upper() in PROTOCOLS,
                    convert=str.upper,
                ),
                "targetPort": NoEffect("the Service of the gateway's pods says which port leads to which"),
            },
            required=("number", "protocol"),
        ),
        "hosts": Listed(
            Scalar("a host such as example.com, *.example.com, *, or namespace/host", is_server_host), filled=True
        ),
        "tls": _TLS,
        "bind": Scalar("an IP address", lambda value: isinstance(value, str) and is_address(value)),
        "defaultEndpoint": Unsupported("write a VirtualService"),
    },
    required=("port", "hosts"),
    rules=(_security,),
)
GATEWAY = Message({"selector": LABELS, "servers": Listed(_SERVER, filled=True)}, required=("servers",))


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a Gateway, `index` of its list."""

    gateway: Resource
    index: int
    body: JsonObject

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return int(self.body["port"]["number"])

    @property
    def protocol(self) -> str:
        """The protocol, in upper case."""
        return str(self.body["port"]["protocol"])

    @property
    def tls(self) -> JsonObject:
        """Its TLS settings."""
        found: JsonObject = self.body.get("tls") or {}
        return found

    @property
    def terminates_tls(self) -> bool:
        """Whether TLS ends here."""
        return self.tls.get("mode") in TERMINATING_MODES

    @property
    def passes_tls_through(self) -> bool:
        """Whether TLS is forwarded as it is, by the name that the client asks for."""
        return self.tls.get("mode") == PASSTHROUGH

    @property
    def has_tls(self) -> bool:
        """Whether clients have to speak TLS."""
        return self.terminates_tls or self.passes_tls_through

    @property
    def takes_requests(self) -> bool:
        """Whether it understands HTTP; else it forwards connections."""
        return self.protocol in _HTTP or (self.protocol == "HTTPS" and self.terminates_tls)

    @property
    def redirects_to_https(self) -> bool:
        """Whether every plain request is answered with a redirect."""
        return bool(self.tls.get("httpsRedirect"))

    @property
    def domains(self) -> tuple[str, ...]:
        """Its hosts without their namespaces, in lower case."""
        return tuple(dict.fromkeys(split_namespace(host)[1].lower() for host in self.body["hosts"]))

    @property
    def server_names(self) -> tuple[str, ...]:
        """The names by which TLS clients choose it; none where it takes any."""
        return () if not self.has_tls or ANY in self.domains else self.domains

    @property
    def kind(self) -> str:
        """What cannot share a port with another kind: TLS is told apart by name, the rest not at all."""
        return "TLS" if self.has_tls else "HTTP" if self.takes_requests else "TCP"

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.gateway.title} servers[{self.index}]"

    def at(self, *path: str | int) -> Path:
        """The path of one of its fields."""
        return ("servers", self.index, *path)

    def place(self, *path: str | int) -> Place:
        """The place of one of its fields."""
        return self.gateway.place.below(*self.at(*path))


def servers_by_port(
    gateways: Sequence[Resource], target_ports: Callable[[int], Sequence[int]], report: Report
) -> dict[tuple[str, int], list[Server]]:
    """Every server by the address (empty: the gateway's own) and port that it listens on.

    `target_ports` says where the gateway's Services send what comes to a port. What cannot share a port is refused.
    """
    ports: dict[tuple[str, int], list[Server]] = {}
    for gateway in gateways:
        for index, body in enumerate(gateway.body["servers"]):
            server = Server(gateway, index, body)
            if len(server.tls.get("credentialNames") or ()) > _MOST_CERTIFICATES:
                report.refuse(gateway, server.at("tls", "credentialNames"), "names more than two; valid: RSA and ECDSA")
            for port in target_ports(server.port):
                ports.setdefault((body.get("bind", ""), port), []).append(server)
    for servers in ports.values():
        _check_sharing(servers, report)
    return ports


def _check_sharing(servers: Sequence[Server], report: Report) -> None:
    first, names = servers[0], dict[str, Server]()
    for server in servers:
        if server.kind != first.kind or (server.kind == "TCP" and server is not first):
            message = f"{server.protocol} cannot share port {server.port} with {first.protocol} of {first.title}"
            report.refuse(server.gateway, server.at("port", "protocol"), message)
        for domain in server.domains if server.has_tls else ():
            other = names.setdefault(domain, server)
            if other is not server:
                message = f"{domain!r} is a host of {other.title} on port {server.port}; valid: each TLS host once"
                report.refuse(server.gateway, server.at("hosts"), message)


def chains(servers: Sequence[Server]) -> Iterator[tuple[Server, ...]]:
    """The servers of one port, those together that share a filter chain."""
    if servers[0].kind == "HTTP":
        yield tuple(servers)
    else:
        yield from ((server,) for server in servers)
