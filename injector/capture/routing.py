"""Policy routing for TPROXY: packets that carry the mark are delivered to this machine, wherever they are addressed.

Source: https://docs.kernel.org/networking/tproxy.html, section 1.
"""

from injector.capture.rules import MARK

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
