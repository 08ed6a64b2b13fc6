"""The arguments of `injector capture`: one table for the command, the template's init container and the preview."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from injector.core.errors import InjectorError
from injector.core.model import Pod
from injector.core.pods import containers

# The kinds of value that the arguments of `injector capture` take, and how each is read.

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYTHING = "*"
_LARGEST_PORT = 65535
_LARGEST_ID = 2**32 - 2
_LONGEST_INTERFACE = 15
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


class Mode(StrEnum):
    """How inbound connections are captured; outbound ones are always redirected, except with NONE."""

    REDIRECT = "REDIRECT"
    TPROXY = "TPROXY"
    NONE = "NONE"


class Backend(StrEnum):
    """The programs that put rules into the kernel."""

    IPTABLES = "iptables"
    NFTABLES = "nftables"


class Ports(NamedTuple):
    """The ports from `first` to `last`, both included."""

    first: int
    last: int


ALL_PORTS = (Ports(0, _LARGEST_PORT),)
ALL_NETWORKS: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: `read` turns its text into the value and raises ValueError for a text that is none."""

    valid: str
    read: Callable[[str], Any]


def _port(text: str) -> int:
    port = _number(text)
    if not 1 <= port <= _LARGEST_PORT:
        raise ValueError(text)
    return port


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def _id(text: str) -> int:
    number = _number(text)
    if number > _LARGEST_ID:
        raise ValueError(text)
    return number


def _interface(text: str) -> str:
    if len(text) > _LONGEST_INTERFACE or not _INTERFACE.fullmatch(text):
        raise ValueError(text)
    return text


def _ports(text: str) -> Ports:
    port = _number(text)
    if port > _LARGEST_PORT:
        raise ValueError(text)
    return Ports(port, port)


def _network(text: str) -> Network:
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_network(text, strict=False)


def _list_of(read: Callable[[str], Any], everything: tuple[Any, ...] | None = None) -> Callable[[str], tuple[Any, ...]]:
    """Reads a comma-separated list, empty elements left out; `*` gives `everything` where that is allowed."""

    def read_list(text: str) -> tuple[Any, ...]:
        if everything is not None and text.strip() == EVERYTHING:
            return everything
        return tuple(dict.fromkeys(read(element.strip()) for element in text.split(",") if element.strip()))

    return read_list


MODE = Kind("REDIRECT, TPROXY or NONE", Mode)
BACKEND = Kind("iptables or nftables", Backend)
PORT = Kind(f"a number from 1 to {_LARGEST_PORT}", _port)
IDS = Kind("comma-separated numbers, such as 1337", _list_of(_id))
PORTS = Kind(f"comma-separated numbers from 0 to {_LARGEST_PORT}", _list_of(_ports))
PORTS_OR_ALL = Kind(f"*, or {PORTS.valid}", _list_of(_ports, ALL_PORTS))
RANGES = Kind("comma-separated prefixes, such as 10.0.0.0/8", _list_of(_network))
RANGES_OR_ALL = Kind(f"*, or {RANGES.valid}", _list_of(_network, ALL_NETWORKS))
INTERFACES = Kind("comma-separated names of interfaces, such as net1", _list_of(_interface))


@dataclass(frozen=True, slots=True)
class Capture:
    """What is captured and what is left alone; each field is told by the flag of its name."""

    mode: Mode
    backend: Backend
    outbound_port: int
    inbound_port: int
    proxy_uid: tuple[int, ...]
    proxy_gid: tuple[int, ...]
    include_outbound_ranges: tuple[Network, ...]
    exclude_outbound_ranges: tuple[Network, ...]
    include_outbound_ports: tuple[Ports, ...]
    exclude_outbound_ports: tuple[Ports, ...]
    include_inbound_ports: tuple[Ports, ...]
    exclude_inbound_ports: tuple[Ports, ...]
    listening_inbound_ports: tuple[Ports, ...]
    exclude_interfaces: tuple[str, ...]
    virtual_interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """One argument: `--name=VALUE`."""

    name: str
    kind: Kind
    default: str
    meaning: str

    @property
    def field(self) -> str:
        """The field of Capture that it sets."""
        return self.name.replace("-", "_")


class ArgumentFaults(InjectorError, ValueError):  # noqa: N818 -- it holds several
    """All that is wrong with the arguments."""


FLAGS: tuple[Flag, ...] = (
    Flag("mode", MODE, "REDIRECT", "how inbound connections are captured; TPROXY keeps the client's address"),
    Flag("backend", BACKEND, "iptables", "what puts the rules into the kernel"),
    Flag("outbound-port", PORT, "15001", "where the proxy takes the pod's outbound connections"),
    Flag("inbound-port", PORT, "15006", "where the proxy takes the pod's inbound connections"),
    Flag("proxy-uid", IDS, "1337", "users whose connections are the proxy's own, never captured"),
    Flag("proxy-gid", IDS, "1337", "groups whose connections are the proxy's own, never captured"),
    Flag("include-outbound-ranges", RANGES_OR_ALL, "*", "destinations that are captured"),
    Flag("exclude-outbound-ranges", RANGES, "", "destinations that are left alone"),
    Flag("include-outbound-ports", PORTS, "", "ports captured whatever the range, DNS (53) only if named here"),
    Flag("exclude-outbound-ports", PORTS, "", "ports that are left alone, whatever the range"),
    Flag("include-inbound-ports", PORTS_OR_ALL, "*", "inbound ports that are captured"),
    Flag("exclude-inbound-ports", PORTS, "", "inbound ports that are left alone"),
    Flag(
        "listening-inbound-ports",
        PORTS,
        "",
        "inbound ports captured only while something listens there: a refused connection stays refused",
    ),
    Flag("exclude-interfaces", INTERFACES, "", "interfaces whose traffic is left alone, both ways"),
    Flag(
        "virtual-interfaces", INTERFACES, "", "interfaces of virtual machines: what comes in there counts as outbound"
    ),
)


def read_arguments(arguments: Sequence[str]) -> Capture:
    """The Capture of arguments `--name=VALUE` or `--name VALUE`. Raises ArgumentFaults with every fault."""
    given: dict[str, str] = {}
    unknown: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.removeprefix("--").partition("=")
        known = argument.startswith("--") and any(flag.name == name for flag in FLAGS)
        if known:
            given[name] = value if equals else next(rest, "")
        else:
            unknown.append(f"{argument}: unknown argument; valid: {', '.join(f'--{flag.name}' for flag in FLAGS)}")
    if unknown:
        raise ArgumentFaults(*unknown)
    return capture_of(given)


def capture_of(given: Mapping[str, str]) -> Capture:
    """The Capture of flag names and their texts, defaults for the rest. Raises ArgumentFaults with every fault."""
    values: dict[str, Any] = {}
    faults = []
    for flag in FLAGS:
        text = given.get(flag.name, flag.default)
        try:
            values[flag.field] = flag.kind.read(text)
        except ValueError:
            faults.append(f"--{flag.name}: {text!r} is not valid; valid: {flag.kind.valid}")
    if faults:
        raise ArgumentFaults(*faults)
    return Capture(**values)


# What an injected pod captures: read from the arguments of its own init container, so that nothing is told twice.

APPLY = ["capture", "apply"]


def capture_of_pod(pod: Pod) -> Capture | None:
    """What the pod's init container captures; None where no container of the pod runs `injector capture apply`.

    Raises ArgumentFaults where its arguments are wrong.
    """
    for container in containers(pod, "initContainers"):
        arguments = [str(each) for each in container.get("args") or ()]
        if arguments[: len(APPLY)] == APPLY:
            return read_arguments(arguments[len(APPLY) :])
    return None
