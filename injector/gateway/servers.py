"""Gateways → ports: plain servers share the one chain of their port, each TLS server has its own, chosen by SNI."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from injector.config.places import Place
from injector.core.model import JsonObject
from injector.gateway.model import Certificate, Report, Resource, Resources, ServerTls

# Host names of servers and virtual services, and where the two meet. Source:
# https://istio.io/latest/docs/reference/config/networking/gateway/#Server (hosts) and .../virtual-
# service/#VirtualService (hosts).

# A wildcard stands for the first labels, however many; https://www.rfc-editor.org/rfc/rfc1123#section-2.1
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(\*|(\*\.)?{_LABEL}(\.{_LABEL})*\.?)", re.IGNORECASE)
_NAMESPACE = re.compile(rf"(\*|\.|{_LABEL})")
_LONGEST = 253

ANY = "*"


def is_host(text: object) -> bool:
    """Whether `text` is a host of a virtual service: a name, a name behind a wildcard, a lone `*`, or an address."""
    return isinstance(text, str) and len(text) <= _LONGEST and (bool(_DOMAIN.fullmatch(text)) or is_address(text))


def is_destination(text: object) -> bool:
    """Whether `text` is a host that requests can be sent to."""
    return isinstance(text, str) and is_host(text) and ANY not in text


def is_server_host(text: object) -> bool:
    """Whether `text` is a host of a server: a name or wildcard, with `namespace/` before it or without."""
    if not isinstance(text, str):
        return False
    namespace, domain = split_namespace(text)
    return bool(_NAMESPACE.fullmatch(namespace)) and is_host(domain) and not is_address(domain)


def is_address(text: str) -> bool:
    """Whether `text` is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def split_namespace(host: str) -> tuple[str, str]:
    """Namespace (`*` where none is named) and domain of a server's host."""
    namespace, slash, domain = host.rpartition("/")
    return (namespace if slash else ANY), domain


def selects(namespace: str, own: str, other: str) -> bool:
    """Whether the `namespace` of a list that stands in namespace `own` means namespace `other`: `.` is `own`."""
    return namespace == ANY or other == (own if namespace == "." else namespace)


def full_name(host: str, namespace: str, cluster_domain: str) -> str:
    """A short name as the name of the Service in `namespace`; any other name as it is. Always in lower case."""
    name = host.lower().removesuffix(".")
    return name if "." in name or ":" in name or name == ANY else f"{name}.{namespace}.svc.{cluster_domain}"


def common(one: str, other: str) -> str | None:
    """The hosts that are meant by both: the more special of two domains of which one covers the other, else None."""
    one, other = one.lower(), other.lower()
    if _covers(one, other):
        return other
    return one if _covers(other, one) else None


def _covers(pattern: str, host: str) -> bool:
    if pattern in (ANY, host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:]


# The names of certificate and key in a Secret, as Istio reads them: of type kubernetes.io/tls, or generic.
_PAIRS = (("tls.crt", "tls.key"), ("cert", "key"))
_DEFAULT_MINIMUM, _DEFAULT_MAXIMUM = "TLSV1_2", "TLSV1_3"


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a Gateway, `index` of its list."""

    gateway: Resource
    index: int
    body: JsonObject

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.body["port"]["number"])

    @property
    def protocol(self) -> str:
        """The protocol, in upper case."""
        return str(self.body["port"]["protocol"]).upper()

    @property
    def has_tls(self) -> bool:
        """Whether it terminates TLS."""
        return self.protocol == "HTTPS"

    @property
    def redirects_to_https(self) -> bool:
        """Whether every plain request is answered with a redirect."""
        return bool((self.body.get("tls") or {}).get("httpsRedirect"))

    @property
    def domains(self) -> tuple[str, ...]:
        """Its hosts without their namespaces, in lower case."""
        return tuple(dict.fromkeys(split_namespace(host)[1].lower() for host in self.body["hosts"]))

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.gateway.title} servers[{self.index}]"

    def at(self, *path: str | int) -> Place:
        """The place of one of its fields."""
        return self.gateway.place.below("servers", self.index, *path)


def servers_by_port(gateways: Sequence[Resource], report: Report) -> dict[int, list[Server]]:
    """Every server by its port, ports and servers in order; what cannot share a port is reported."""
    _check_selectors(gateways, report)
    ports: dict[int, list[Server]] = {}
    for gateway in gateways:
        for index, body in enumerate(gateway.body["servers"]):
            server = Server(gateway, index, body)
            ports.setdefault(server.port, []).append(server)
    for servers in ports.values():
        _check_sharing(servers, report)
    return ports


def _check_selectors(gateways: Sequence[Resource], report: Report) -> None:
    for gateway in gateways[1:]:
        selector, first = gateway.body.get("selector"), gateways[0].body.get("selector")
        if selector != first:
            message = (
                f"{selector!r} selects other pods than {gateways[0].title} ({first!r}); valid: one call a selector"
            )
            report.faults.append(gateway.place.below("selector").fault(f"{gateway.title}: {message}"))


def _check_sharing(servers: Sequence[Server], report: Report) -> None:
    first, names = servers[0], dict[str, Server]()
    for server in servers:
        if server.has_tls != first.has_tls:
            message = f"{server.protocol} cannot share port {server.port} with {first.protocol} of {first.title}"
            report.faults.append(server.at("port", "protocol").fault(f"{server.gateway.title}: {message}"))
        for domain in server.domains if server.has_tls else ():
            other = names.setdefault(domain, server)
            if other is not server:
                message = (
                    f"{domain!r} is taken on port {server.port} by {other.title}; valid: each TLS host once a port"
                )
                report.faults.append(server.at("hosts").fault(f"{server.gateway.title}: {message}"))


def server_tls(server: Server, resources: Resources, directory: str, report: Report) -> ServerTls | None:
    """How the server terminates TLS; None for a plain one. `directory` holds a folder for each Secret, in the pod."""
    if not server.has_tls:
        return None
    tls = server.body["tls"]
    if "credentialName" in tls:
        certificate = _mounted(server, tls["credentialName"], resources, report)
        certificate = Certificate(*(f"{directory.rstrip('/')}/{tls['credentialName']}/{name}" for name in certificate))
    else:
        certificate = Certificate(tls["serverCertificate"], tls["privateKey"])
    return ServerTls(
        certificate=certificate,
        minimum_version=_version(tls, "minProtocolVersion", _DEFAULT_MINIMUM),
        maximum_version=_version(tls, "maxProtocolVersion", _DEFAULT_MAXIMUM),
    )


def _version(tls: JsonObject, field: str, default: str) -> str:
    version = tls.get(field, "TLS_AUTO")
    return default if version == "TLS_AUTO" else str(version)


def _mounted(server: Server, name: str, resources: Resources, report: Report) -> Any:
    """The names of certificate and key in the Secret; those of kubernetes.io/tls where it is not in the documents."""
    secret = resources.secrets.get((server.gateway.namespace, name))
    if secret is None:
        return _PAIRS[0]
    keys = {*(secret.body.get("data") or {}), *(secret.body.get("stringData") or {})}
    found = next((pair for pair in _PAIRS if keys.issuperset(pair)), None)
    if found is None:
        message = f"{secret.title} holds {', '.join(sorted(keys)) or 'nothing'}; valid: tls.crt and tls.key"
        report.faults.append(server.at("tls", "credentialName").fault(f"{server.gateway.title}: {message}"))
    return found or _PAIRS[0]


def chains(servers: Sequence[Server]) -> Iterator[tuple[Server, ...]]:
    """The servers of one port, those together that share a chain."""
    if servers[0].has_tls:
        yield from ((server,) for server in servers)
    else:
        yield tuple(servers)


def server_names(server: Server) -> tuple[str, ...]:
    """The names by which TLS clients choose the server; none where it takes any."""
    return () if not server.has_tls or ANY in server.domains else server.domains
