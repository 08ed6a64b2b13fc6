"""What a gateway is made of, as plain data: resources as they are read, and what Envoy is to do about them.

Bodies are canonical (see `core.validation`): fields are checked, nulls are gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from injector.config.places import Place
from injector.core.errors import Fault, InjectorError, Path
from injector.core.model import JsonObject


class GatewayFaults(InjectorError, ValueError):  # noqa: N818 -- it holds several
    """Documents that cannot be turned into a configuration."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One document: its name, the part of it that counts (`spec`, or all of it), and where that part is."""

    kind: str
    namespace: str
    name: str
    body: JsonObject
    place: Place
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How messages name it."""
        return f'{self.kind} "{self.namespace}/{self.name}"'


@dataclass(frozen=True, slots=True)
class Report:
    """What each step notices; `warnings` are about what is valid and has no effect. Each is kept once."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def refuse(self, resource: Resource, path: Path, message: str) -> None:
        """Record that the field at `path` cannot be honoured."""
        _add(self.faults, resource, path, message)

    def warn(self, resource: Resource, path: Path, message: str) -> None:
        """Record that what is at `path` has no effect."""
        _add(self.warnings, resource, path, message)


def _add(faults: list[Fault], resource: Resource, path: Path, message: str) -> None:
    fault = resource.place.below(*path).fault(f"{resource.title}: {message}")
    if fault not in faults:
        faults.append(fault)


# Where requests and connections go.


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address, or a name that DNS resolves to some."""

    address: str
    port: int
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """A destination as Envoy's cluster `name`.

    `discovery` is Envoy's word for it: STRICT_DNS, LOGICAL_DNS or STATIC. `policy` is the traffic policy (of
    DestinationRule) that is in effect.
    """

    name: str
    host: str
    discovery: str
    endpoints: tuple[Endpoint, ...]
    http2: bool
    policy: JsonObject
    subject_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """An upstream among several of a route: its share, and the headers that are changed on the way to it."""

    upstream: Upstream
    weight: int
    headers: JsonObject


@dataclass(frozen=True, slots=True)
class Mirror:
    """An upstream that gets copies of `percentage` of the requests."""

    upstream: Upstream
    percentage: float


# What comes in.


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of the requests that match; without targets, `rule` redirects or answers.

    `name` is that of the rule, and of the match where it has one; `port` the port of the server.
    """

    name: str
    match: JsonObject
    rule: JsonObject
    port: int
    targets: tuple[Target, ...] = ()
    mirrors: tuple[Mirror, ...] = ()


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """The hosts (exact or `*.` or `*`) whose requests are looked up in `routes`, the first match winning."""

    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    redirects_to_https: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate chain and its private key, in the gateway's container."""

    chain: str
    private_key: str


@dataclass(frozen=True, slots=True)
class PeerValidation:
    """How a peer's certificate is verified: authority and revocations are files; what is empty is not looked at."""

    authority: str = ""
    revocations: str = ""
    subject_names: tuple[str, ...] = ()
    key_hashes: tuple[str, ...] = ()
    certificate_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How a server terminates TLS; versions as Istio writes them. Clients are verified where `clients` says how."""

    certificates: tuple[Certificate, ...]
    minimum_version: str
    maximum_version: str
    cipher_suites: tuple[str, ...]
    clients: PeerValidation | None
    requires_client_certificate: bool


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One server with TLS, chosen by the names that clients ask for, or all plain ones of a port together.

    With `targets`, connections are forwarded as they are; else their requests are looked up in `virtual_hosts`.
    """

    name: str
    server_names: tuple[str, ...] = ()
    tls: ServerTls | None = None
    virtual_hosts: tuple[VirtualHost, ...] = ()
    targets: tuple[Target, ...] = ()
    grpc_web: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """An address and port, and the servers on it."""

    address: str
    port: int
    chains: tuple[FilterChain, ...]
