"""Where a plan meets the machine: the network namespace that this process runs in."""

import shutil
import subprocess
from pathlib import Path

from injector.capture import nftables
from injector.capture.arguments import Backend, Capture
from injector.capture.iptables import restore_text
from injector.capture.nftables import script
from injector.capture.rules import MARK, Plan, plan_of
from injector.core.errors import InjectorError

# Policy routing for TPROXY: packets that carry the mark are delivered to this machine, wherever they are addressed.
# Source: https://docs.kernel.org/networking/tproxy.html, section 1.

TABLE = 133


def has_rule(shown: str) -> bool:
    """Whether `ip rule show` lists the rule already."""
    return any(f"fwmark {MARK:#x} lookup {TABLE}" in line for line in shown.splitlines())


def commands_to_add(ip_version: int, *, rule_is_there: bool) -> list[list[str]]:
    """The commands after which marked packets are delivered locally; `ip rule` would add a rule again and again."""
    route = ["route", "replace", "local", "default", "dev", "lo", "table", str(TABLE)]
    rule = ["rule", "add", "fwmark", str(MARK), "lookup", str(TABLE)]
    return [_ip(ip_version, route), *([] if rule_is_there else [_ip(ip_version, rule)])]


def commands_to_remove(ip_version: int, *, rule_is_there: bool) -> list[list[str]]:
    """The commands that take both away again; none where nothing is there."""
    if not rule_is_there:
        return []
    rule = ["rule", "del", "fwmark", str(MARK), "lookup", str(TABLE)]
    return [_ip(ip_version, rule), _ip(ip_version, ["route", "flush", "table", str(TABLE)])]


def _ip(ip_version: int, arguments: list[str]) -> list[str]:
    return ["ip", f"-{ip_version}", *arguments]


# A plan as text to read: exactly what `apply` would hand to the kernel's programs where nothing is there yet.

IP_VERSIONS = (4, 6)
RESTORE = {4: "iptables-restore --noflush", 6: "ip6tables-restore --noflush"}


def shown(capture: Capture) -> str:
    """The rules of `capture`, under the programs that take them; a comment where nothing is captured."""
    plan = plan_of(capture)
    if not plan.chains:
        return f"# mode {capture.mode}: nothing is captured\n"
    routing = _routing() if plan.policy_routing else ""
    if capture.backend is Backend.NFTABLES:
        return f"{routing}# nft -f -\n{script(plan)}"
    return routing + "".join(f"# {RESTORE[version]}\n{restore_text(plan, version)}" for version in IP_VERSIONS)


def _routing() -> str:
    commands = (command for version in IP_VERSIONS for command in commands_to_add(version, rule_is_there=False))
    return "".join(f"{' '.join(command)}\n" for command in commands)


# Empty where a sysctl turns IPv6 off, missing where the kernel has none: then routes and rules for it are refused.
_IPV6_ADDRESSES = Path("/proc/thread-self/net/if_inet6")
_SAVE = {4: "iptables-save", 6: "ip6tables-save"}
_SECONDS_FOR_LOCK = "30"
_SECONDS = 60


class CaptureError(InjectorError):
    """A program of the kernel's rules failed: the text is its name and what it said."""


def apply(capture: Capture) -> None:
    """Put the rules of `capture` in force, in place of those of an earlier run; the other backend's go.

    Raises CaptureError where the kernel refuses them; then none are in force.
    """
    plan = plan_of(capture)
    by_backend = {backend: plan if backend is capture.backend else Plan() for backend in Backend}
    try:
        if plan.policy_routing:
            _route()
        _put(by_backend)
    except CaptureError:
        remove()
        raise
    if not plan.policy_routing:
        _stop_routing()


def remove() -> None:
    """Take all rules away, whatever they were made from. Raises CaptureError."""
    _put({backend: Plan() for backend in Backend})
    _stop_routing()


def _put(plans: dict[Backend, Plan]) -> None:
    for version in _ip_versions():
        text = restore_text(plans[Backend.IPTABLES], version, _if_installed([_SAVE[version]]))
        if text:
            _run([*RESTORE[version].split(), "--wait", _SECONDS_FOR_LOCK], text)
    if plans[Backend.NFTABLES].chains or nftables.TABLE in _if_installed(["nft", "list", "tables"]):
        _run(["nft", "-f", "-"], nftables.script(plans[Backend.NFTABLES]))


def _if_installed(command: list[str]) -> str:
    """What the command tells of earlier rules; without the program there can be none."""
    return _run(command) if shutil.which(command[0]) else ""


def _route() -> None:
    for version in _ip_versions():
        for command in commands_to_add(version, rule_is_there=_has_rule(version)):
            _run(command)


def _stop_routing() -> None:
    for version in _ip_versions():
        for command in commands_to_remove(version, rule_is_there=_has_rule(version)):
            _run(command)


def _has_rule(ip_version: int) -> bool:
    return has_rule(_run(["ip", f"-{ip_version}", "rule", "show"]))


def _ip_versions() -> tuple[int, ...]:
    return (4, 6) if _IPV6_ADDRESSES.exists() and _IPV6_ADDRESSES.read_text(encoding="ascii") else (4,)


def _run(command: list[str], given: str = "") -> str:
    """What the command writes to standard output. Raises CaptureError where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 -- the programs are named in this module, the arguments are checked
            command, input=given, text=True, capture_output=True, check=True, timeout=_SECONDS
        )
    except FileNotFoundError as error:
        raise CaptureError(f"{command[0]}: no such program") from error
    except subprocess.TimeoutExpired as error:
        raise CaptureError(f"{' '.join(command)}: no answer within {_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise CaptureError(f"{' '.join(command)}: {error.stderr.strip() or error.returncode}") from error
    return done.stdout
