"""A plan as text to read: exactly what `apply` would hand to the kernel's programs where nothing is there yet."""

from injector.capture.arguments import Capture
from injector.capture.iptables import restore_text
from injector.capture.nftables import script
from injector.capture.routing import commands_to_add
from injector.capture.rules import plan_of
from injector.capture.values import Backend

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
