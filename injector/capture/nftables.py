"""Rules as the script that `nft -f` takes: one table for IPv4 and IPv6, replaced or removed in one atomic step.

See https://wiki.nftables.org/wiki-nftables/index.php/Atomic_rule_replacement and nft(8).
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network

from injector.capture.arguments import Ports
from injector.capture.rules import MARK, Chain, Condition, Hook, Match, Operand, Plan, Rule, Verdict

TABLE = "inet injector_capture"

_MATCHES: Mapping[Match, str] = {
    Match.IN_INTERFACE: 'iifname "{}"',
    Match.OUT_INTERFACE: 'oifname "{}"',
    Match.USER: "meta skuid {}",
    Match.GROUP: "meta skgid {}",
    Match.TO_NETWORK: "{}",
    Match.TO_PORTS: "tcp dport {}",
    # No socket has a wildcard flag other than these, so this asks whether there is a socket.
    Match.LISTENER: "socket wildcard 0-1",
    Match.MARKED: "meta mark {}",
    Match.CONNECTION_MARKED: "ct mark {}",
    Match.ESTABLISHED: "ct state established,related",
}
_VERDICTS: Mapping[Verdict, str] = {
    Verdict.LEAVE_ALONE: "return",
    Verdict.GO_TO: "jump {}",
    Verdict.REDIRECT: "meta l4proto tcp redirect to :{}",
    Verdict.TPROXY: f"meta l4proto tcp tproxy to :{{}} meta mark set {MARK} accept",
    Verdict.MARK: "meta mark set {}",
    Verdict.MARK_CONNECTION: "ct mark set meta mark",
    Verdict.MARK_FROM_CONNECTION: "meta mark set ct mark",
    Verdict.ACCEPT: "accept",
}
_HOOKS: Mapping[Hook, str] = {
    Hook.NAT_PREROUTING: "type nat hook prerouting priority dstnat",
    Hook.NAT_OUTPUT: "type nat hook output priority -100",
    Hook.MANGLE_PREROUTING: "type filter hook prerouting priority mangle",
    # Of this type, because a changed mark has to be looked at when the packet is routed.
    Hook.MANGLE_OUTPUT: "type route hook output priority mangle",
}


def script(plan: Plan) -> str:
    """The script that puts `plan` in place of an earlier one; an empty plan only takes the earlier one away."""
    # Adding a table that is there does nothing, so that deleting it always works.
    lines = [f"add table {TABLE}", f"delete table {TABLE}"]
    if plan.chains:
        lines += [f"table {TABLE} {{", *_body(plan), "}"]
    return "".join(f"{line}\n" for line in lines)


def _body(plan: Plan) -> Iterator[str]:
    for chain in plan.chains:
        yield from _block(chain.name, map(_line, chain.rules))
    for hook in Hook:
        jumps = [f"meta l4proto tcp jump {chain.name}" for chain in _at(plan, hook)]
        if jumps:
            yield from _block(hook.replace(" ", "_").lower(), [f"{_HOOKS[hook]}; policy accept;", *jumps])


def _at(plan: Plan, hook: Hook) -> Iterator[Chain]:
    return (chain for chain in plan.chains if chain.hook is hook)


def _block(name: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def _line(rule: Rule) -> str:
    words = (*map(_words, rule.conditions), _VERDICTS[rule.verdict].format(_text(rule.operand)))
    return " ".join(words)


def _words(condition: Condition) -> str:
    return _MATCHES[condition.match].format(_text(condition.operand))


def _text(operand: Operand) -> str:
    match operand:
        case Ports(first, last):
            return str(first) if first == last else f"{first}-{last}"
        case IPv4Network():
            return "meta nfproto ipv4" if operand.prefixlen == 0 else f"ip daddr {operand}"
        case IPv6Network():
            return "meta nfproto ipv6" if operand.prefixlen == 0 else f"ip6 daddr {operand}"
    return str(operand)
