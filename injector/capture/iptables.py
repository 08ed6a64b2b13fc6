"""Rules as the text that `iptables-restore --noflush` and `ip6tables-restore --noflush` take.

The text is made for what is there: `saved`, the output of `iptables-save`, tells which jumps and chains of an earlier
run have to go, in the same atomic step. See iptables-restore(8) and iptables-extensions(8).
"""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network

from injector.capture.arguments import Ports
from injector.capture.rules import CHAIN_PREFIX, MARK, Chain, Match, Operand, Plan, Rule, Verdict

TABLES = ("nat", "mangle")

_MATCHES: Mapping[Match, str] = {
    Match.IN_INTERFACE: "-i {}",
    Match.OUT_INTERFACE: "-o {}",
    Match.USER: "-m owner --uid-owner {}",
    Match.GROUP: "-m owner --gid-owner {}",
    Match.TO_NETWORK: "-d {}",
    Match.TO_PORTS: "-p tcp --dport {}",
    Match.LISTENER: "-m socket --nowildcard",
    Match.MARKED: "-m mark --mark {}",
    Match.CONNECTION_MARKED: "-m connmark --mark {}",
    Match.ESTABLISHED: "-m conntrack --ctstate RELATED,ESTABLISHED",
}
_VERDICTS: Mapping[Verdict, str] = {
    Verdict.LEAVE_ALONE: "-j RETURN",
    Verdict.GO_TO: "-j {}",
    Verdict.REDIRECT: "-p tcp -j REDIRECT --to-ports {}",
    Verdict.TPROXY: f"-p tcp -j TPROXY --on-port {{}} --tproxy-mark {MARK}",
    Verdict.MARK: "-j MARK --set-mark {}",
    Verdict.MARK_CONNECTION: "-j CONNMARK --save-mark",
    Verdict.MARK_FROM_CONNECTION: "-j CONNMARK --restore-mark",
    Verdict.ACCEPT: "-j ACCEPT",
}
_JUMP = re.compile(rf"-A (.* -j {CHAIN_PREFIX}[A-Z]+)")
_CHAIN = re.compile(rf":({CHAIN_PREFIX}[A-Z]+) ")


def restore_text(plan: Plan, ip_version: int, saved: str = "") -> str:
    """The text that puts `plan` in place of what `saved` shows of an earlier run; an empty plan takes it away.

    Empty where there is nothing to do. `ip_version` is 4 or 6: ranges of the other one are left out.
    """
    sections = (_section(table, plan, ip_version, _of_table(saved, table)) for table in TABLES)
    return "".join(f"{line}\n" for section in sections for line in section)


def _section(table: str, plan: Plan, ip_version: int, saved: list[str]) -> list[str]:
    chains = [chain for chain in plan.chains if chain.table == table]
    present = {match[1] for line in saved if (match := _CHAIN.match(line))}
    old_jumps = [f"-D {match[1]}" for line in saved if (match := _JUMP.fullmatch(line)) and not _is_own(line)]
    if not (chains or present):
        return []
    # Declaring a chain makes it, or empties it where it is there.
    declared = sorted({chain.name for chain in chains} | present)
    wanted = {chain.name for chain in chains}
    return [
        f"*{table}",
        *(f":{name} - [0:0]" for name in declared),
        *old_jumps,
        *(line for chain in chains for line in _lines(chain, ip_version)),
        *(f"-X {name}" for name in declared if name not in wanted),
        "COMMIT",
    ]


def _is_own(line: str) -> bool:
    """Whether the rule stands in a chain of ours: it goes when the chain is emptied."""
    return line.startswith(f"-A {CHAIN_PREFIX}")


def _of_table(saved: str, table: str) -> list[str]:
    section = re.search(rf"^\*{table}$(.*?)^COMMIT$", saved, re.DOTALL | re.MULTILINE)
    return [line.strip() for line in section[1].splitlines()] if section else []


def _lines(chain: Chain, ip_version: int) -> Iterator[str]:
    for rule in chain.rules:
        if _fits(rule, ip_version):
            words = (*(_words(*condition) for condition in rule.conditions), _verdict(rule))
            yield f"-A {chain.name} {_without_repeated_protocol(' '.join(words))}"
    if chain.hook:
        yield f"-A {chain.hook.split()[1]} -p tcp -j {chain.name}"


def _fits(rule: Rule, ip_version: int) -> bool:
    networks = (each.operand for each in rule.conditions if isinstance(each.operand, (IPv4Network, IPv6Network)))
    return all(network.version == ip_version for network in networks)


def _words(match: Match, operand: Operand) -> str:
    return _MATCHES[match].format(_text(operand))


def _verdict(rule: Rule) -> str:
    return _VERDICTS[rule.verdict].format(_text(rule.operand))


def _text(operand: Operand) -> str:
    if isinstance(operand, Ports):
        return str(operand.first) if operand.first == operand.last else f"{operand.first}:{operand.last}"
    return str(operand)


def _without_repeated_protocol(words: str) -> str:
    first, tcp, rest = words.partition("-p tcp ")
    return f"{first}{tcp}{rest.replace('-p tcp ', '')}"
