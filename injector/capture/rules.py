"""The rules as data: what a `Capture` means for single packets, in words that both rule languages can say.

The order and the exceptions follow what istio-iptables does, so that the traffic annotations mean the same here
(https://istio.io/latest/docs/ops/deployment/application-requirements/ and reference 5.8). TPROXY follows
https://docs.kernel.org/networking/tproxy.html.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import NamedTuple, TypeAlias

from injector.capture.arguments import ALL_PORTS, Capture, Mode, Network, Ports

MARK = 1337
_DNS = Ports(53, 53)
_LOOPBACK = "lo"


class Match(Enum):
    """What a rule can ask of a packet."""

    IN_INTERFACE = auto()
    OUT_INTERFACE = auto()
    USER = auto()
    GROUP = auto()
    TO_NETWORK = auto()
    TO_PORTS = auto()
    LISTENER = auto()  # something listens on the address and port that the packet is for
    MARKED = auto()
    CONNECTION_MARKED = auto()
    ESTABLISHED = auto()


class Verdict(Enum):
    """What a rule can do with a packet."""

    LEAVE_ALONE = auto()  # no further rule of this chain
    GO_TO = auto()
    REDIRECT = auto()
    TPROXY = auto()
    MARK = auto()
    MARK_CONNECTION = auto()  # the packet's mark becomes the connection's
    MARK_FROM_CONNECTION = auto()
    ACCEPT = auto()


class Hook(StrEnum):
    """Where the kernel asks: a table and its built-in chain."""

    NAT_PREROUTING = "nat PREROUTING"
    NAT_OUTPUT = "nat OUTPUT"
    MANGLE_PREROUTING = "mangle PREROUTING"
    MANGLE_OUTPUT = "mangle OUTPUT"


Operand: TypeAlias = str | int | Ports | Network | None


class Condition(NamedTuple):
    """One question and its operand, such as a port."""

    match: Match
    operand: Operand = None


class Rule(NamedTuple):
    """Where all conditions hold, the verdict; `operand` is a port or the name of a chain."""

    conditions: tuple[Condition, ...]
    verdict: Verdict
    operand: Operand = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules under one name. TCP packets come in at `hook`; without it, `table` says where the chain stands."""

    name: str
    table: str
    rules: tuple[Rule, ...]
    hook: Hook | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All chains of a Capture. With `policy_routing`, marked packets have to be delivered locally."""

    chains: tuple[Chain, ...] = ()
    policy_routing: bool = False


CHAIN_PREFIX = "INJECTOR_"
_OUTPUT, _OUTBOUND, _VIRTUAL = f"{CHAIN_PREFIX}OUTPUT", f"{CHAIN_PREFIX}OUTBOUND", f"{CHAIN_PREFIX}VIRTUAL"
_INBOUND, _REPLY = f"{CHAIN_PREFIX}INBOUND", f"{CHAIN_PREFIX}REPLY"


def plan_of(capture: Capture) -> Plan:
    """The chains that carry out `capture`; none with mode NONE."""
    if capture.mode is Mode.NONE:
        return Plan()
    chains = [_outbound(capture), _output(capture)]
    if capture.virtual_interfaces:
        chains.append(_virtual(capture))
    if not capture.include_inbound_ports:
        return Plan(tuple(chains))
    if capture.mode is Mode.TPROXY:
        return Plan((*chains, _tproxy_inbound(capture), _REPLIES_TO_PROXY), policy_routing=True)
    return Plan((*chains, _redirected_inbound(capture)))


def _output(capture: Capture) -> Chain:
    """Who connects: not the proxy, nobody within the pod, nobody through an excluded interface."""
    left_alone = (
        *(Condition(Match.USER, user) for user in capture.proxy_uid),
        *(Condition(Match.GROUP, group) for group in capture.proxy_gid),
        Condition(Match.OUT_INTERFACE, _LOOPBACK),
        *(Condition(Match.OUT_INTERFACE, name) for name in capture.exclude_interfaces),
    )
    rules = (*map(_leave_alone, left_alone), Rule((), Verdict.GO_TO, _OUTBOUND))
    return Chain(_OUTPUT, "nat", rules, Hook.NAT_OUTPUT)


def _outbound(capture: Capture) -> Chain:
    """Where to: excluded ports and ranges, then DNS unless it is named, then what is included."""
    dns = () if _DNS in capture.include_outbound_ports else (_DNS,)
    left_alone = (
        *(Condition(Match.TO_PORTS, ports) for ports in (*capture.exclude_outbound_ports, *dns)),
        *(Condition(Match.TO_NETWORK, network) for network in capture.exclude_outbound_ranges),
    )
    captured = (
        *(Condition(Match.TO_PORTS, ports) for ports in capture.include_outbound_ports),
        *(Condition(Match.TO_NETWORK, network) for network in capture.include_outbound_ranges),
    )
    redirect = (Rule((condition,), Verdict.REDIRECT, capture.outbound_port) for condition in captured)
    return Chain(_OUTBOUND, "nat", (*map(_leave_alone, left_alone), *redirect))


def _virtual(capture: Capture) -> Chain:
    rules = (Rule((Condition(Match.IN_INTERFACE, name),), Verdict.GO_TO, _OUTBOUND) for name in _virtual_only(capture))
    return Chain(_VIRTUAL, "nat", tuple(rules), Hook.NAT_PREROUTING)


def _virtual_only(capture: Capture) -> tuple[str, ...]:
    return tuple(name for name in capture.virtual_interfaces if name not in capture.exclude_interfaces)


def _redirected_inbound(capture: Capture) -> Chain:
    rules = (*_not_inbound(capture), *_inbound(capture, Verdict.REDIRECT))
    return Chain(_INBOUND, "nat", rules, Hook.NAT_PREROUTING)


def _tproxy_inbound(capture: Capture) -> Chain:
    """The client's address stays: the proxy connects to the application from it, and marks those packets."""
    of_proxy = (Condition(Match.MARKED, MARK),)
    rules = (
        Rule(of_proxy, Verdict.MARK_CONNECTION),
        _leave_alone(*of_proxy),
        *_not_inbound(capture),
        *_known(capture),
        *_inbound(capture, Verdict.TPROXY),
    )
    return Chain(_INBOUND, "mangle", rules, Hook.MANGLE_PREROUTING)


def _known(capture: Capture) -> tuple[Rule, ...]:
    """What belongs to a connection that the proxy has taken is delivered to it by its mark.

    With listed ports others are not the proxy's: what the pod forwards to them has to go on.
    """
    return tuple(
        rule
        for port in _included(capture)
        for conditions in ((*port, Condition(Match.ESTABLISHED)),)
        for rule in (Rule(conditions, Verdict.MARK, MARK), Rule(conditions, Verdict.ACCEPT))
    )


# The application answers to the client's address: the connection's mark leads the answer to the proxy.
_REPLIES_TO_PROXY = Chain(
    _REPLY,
    "mangle",
    (Rule((Condition(Match.CONNECTION_MARKED, MARK),), Verdict.MARK_FROM_CONNECTION),),
    Hook.MANGLE_OUTPUT,
)


def _not_inbound(capture: Capture) -> tuple[Rule, ...]:
    interfaces = (_LOOPBACK, *capture.exclude_interfaces, *capture.virtual_interfaces)
    left_alone = (
        *(Condition(Match.IN_INTERFACE, name) for name in dict.fromkeys(interfaces)),
        *(Condition(Match.TO_PORTS, ports) for ports in capture.exclude_inbound_ports),
    )
    return tuple(map(_leave_alone, left_alone))


def _included(capture: Capture) -> list[tuple[Condition, ...]]:
    every = capture.include_inbound_ports == ALL_PORTS
    return [() if every else (Condition(Match.TO_PORTS, ports),) for ports in capture.include_inbound_ports]


def _inbound(capture: Capture, verdict: Verdict) -> tuple[Rule, ...]:
    refused = tuple(
        Condition(Match.TO_PORTS, ports)
        for ports in capture.listening_inbound_ports
        if any(_within(ports, other) for other in capture.include_inbound_ports)
    )
    while_listening = (
        rule
        for condition in refused
        for rule in (
            Rule((condition, Condition(Match.LISTENER)), verdict, capture.inbound_port),
            _leave_alone(condition),
        )
    )
    return (*while_listening, *(Rule(conditions, verdict, capture.inbound_port) for conditions in _included(capture)))


def _within(ports: Ports, other: Ports) -> bool:
    return other.first <= ports.first and ports.last <= other.last


def _leave_alone(condition: Condition) -> Rule:
    return Rule((condition,), Verdict.LEAVE_ALONE)
