"""The nouns of a gateway: what it listens on, which requests it takes, and where these go.

`match` and `rule` of a Route are checked messages of a VirtualService (HTTPMatchRequest and HTTPRoute) without nulls,
every destination of them with its full name and its port.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from injector.config.places import Place
from injector.core.errors import Fault
from injector.core.model import JsonObject


class GatewayFaults(ValueError):  # noqa: N818 -- it holds several
    """Documents that cannot be turned into a configuration; the text is one line for each fault."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Hold `faults`, in the order of the documents."""
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, slots=True)
class Report:
    """Where each step tells what it found; `warnings` are about what is valid and has no effect."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Resource:
    """One document: its name, the part of it that counts (`spec`, or all of it), and where that stands."""

    kind: str
    namespace: str
    name: str
    body: JsonObject
    place: Place

    @property
    def title(self) -> str:
        """How messages name it."""
        return f'{self.kind} "{self.namespace}/{self.name}"'


@dataclass(frozen=True, slots=True)
class Resources:
    """All documents that count, in their order; Services and Secrets by namespace and name."""

    gateways: tuple[Resource, ...]
    virtual_services: tuple[Resource, ...]
    services: Mapping[tuple[str, str], Resource]
    secrets: Mapping[tuple[str, str], Resource]


@dataclass(frozen=True, slots=True)
class Destination:
    """A host (full name or address) and port to which requests are sent, in HTTP/2 or HTTP/1.1."""

    host: str
    port: int
    http2: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of the requests that match; `name` is that of the rule, and of the match where it has one."""

    name: str
    match: JsonObject
    rule: JsonObject


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """The hosts (exact or `*.` or `*`) whose requests are looked up in `routes`, the first match winning."""

    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    redirects_to_https: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a server's certificate, chain and private key, in the gateway's container."""

    chain: str
    private_key: str


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How a server terminates TLS; versions as Istio and Envoy write them but for the underscores."""

    certificate: Certificate
    minimum_version: str
    maximum_version: str


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One server with TLS, chosen by the names that clients ask for, or all plain ones of a port together."""

    name: str
    server_names: tuple[str, ...]
    tls: ServerTls | None
    virtual_hosts: tuple[VirtualHost, ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """A port and the servers on it."""

    port: int
    chains: tuple[FilterChain, ...]

    def routes(self) -> Iterator[Route]:
        """Every route of every host."""
        return (route for chain in self.chains for host in chain.virtual_hosts for route in host.routes)
