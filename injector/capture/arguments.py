"""The arguments of `injector capture`: one table for the command, the template's init container and the preview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from injector.capture.values import (
    BACKEND,
    IDS,
    INTERFACES,
    MODE,
    PORT,
    PORTS,
    PORTS_OR_ALL,
    RANGES,
    RANGES_OR_ALL,
    Backend,
    Kind,
    Mode,
    Network,
    Ports,
)


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


class ArgumentFaults(ValueError):  # noqa: N818 -- it holds several
    """All that is wrong with the arguments, one line each."""


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
        raise ArgumentFaults("\n".join(unknown))
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
        raise ArgumentFaults("\n".join(faults))
    return Capture(**values)
