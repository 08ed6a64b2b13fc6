"""The kinds of value that the arguments of `injector capture` take, and how each is read."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

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
