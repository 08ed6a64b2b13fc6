"""Rules in a real kernel: in a network namespace of their own, as root."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.sandbox import needs_namespaces
from tests.sandbox.network import namespace

pytestmark = needs_namespaces


@pytest.fixture
def network() -> Iterator[str]:
    with namespace() as name:
        yield name


def run(network: str, *command: str) -> str:
    done = subprocess.run(["ip", "netns", "exec", network, *command], check=True, capture_output=True, text=True)
    return done.stdout


def capture(network: str, *arguments: str) -> str:
    return run(network, sys.executable, "-m", "injector", "capture", *arguments)


def state(network: str) -> list[str]:
    """All rules that the kernel has, counters left out."""
    commands = (
        ["iptables-save"],
        ["ip6tables-save"],
        ["nft", "-s", "list", "table", "inet", "injector_capture"],
        ["ip", "-4", "rule"],
        ["ip", "-6", "rule"],
        ["ip", "route", "show", "table", "133"],
        ["ip", "-6", "route", "show", "table", "133"],
    )
    done = (
        subprocess.run(["ip", "netns", "exec", network, *each], capture_output=True, text=True, check=False)
        for each in commands
    )
    return [
        line for each in done for line in each.stdout.splitlines() if line and line[0] not in "#*:" and line != "COMMIT"
    ]


EVERYTHING = (
    "--exclude-outbound-ranges=10.9.0.0/16,fd09::/16",
    "--include-outbound-ports=8443",
    "--exclude-outbound-ports=3306",
    "--exclude-inbound-ports=22",
    "--listening-inbound-ports=80",
    "--exclude-interfaces=net1",
    "--virtual-interfaces=vm0",
)


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
@pytest.mark.parametrize("mode", ["REDIRECT", "TPROXY"])
def test_the_kernel_takes_the_rules_and_a_second_run_changes_nothing(network: str, mode: str, backend: str) -> None:
    before = state(network)
    arguments = (f"--mode={mode}", f"--backend={backend}", *EVERYTHING)

    capture(network, "apply", *arguments)
    first = state(network)
    capture(network, "apply", *arguments)

    assert len(first) > len(before) + 10
    assert state(network) == first

    capture(network, "remove")
    assert state(network) == before


def test_other_arguments_replace_the_rules_of_the_backend_and_mode_before(network: str) -> None:
    capture(network, "apply", "--mode=REDIRECT", "--backend=iptables")
    wanted = state(network)

    for arguments in (["--mode=TPROXY"], ["--backend=nftables", "--mode=TPROXY"], ["--backend=nftables"], []):
        capture(network, "apply", *arguments)

    assert state(network) == wanted


def test_none_leaves_no_rule(network: str) -> None:
    before = state(network)
    capture(network, "apply", "--mode=TPROXY")

    assert "nothing is captured" in capture(network, "apply", "--mode=NONE")
    assert state(network) == before


def test_rules_of_others_stay(network: str) -> None:
    run(network, "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "--dport", "7", "-j", "ACCEPT")
    capture(network, "apply")
    capture(network, "remove")

    assert "-A OUTPUT -p tcp -m tcp --dport 7 -j ACCEPT" in state(network)


def test_a_plan_touches_nothing(network: str) -> None:
    before = state(network)

    assert "REDIRECT --to-ports 15001" in capture(network, "plan")
    assert state(network) == before


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
@pytest.mark.parametrize("mode", ["REDIRECT", "TPROXY"])
def test_traffic_is_captured_where_a_sysctl_turns_ipv6_off(network: str, mode: str, backend: str) -> None:
    run(network, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")

    capture(network, "apply", f"--mode={mode}", f"--backend={backend}")

    assert any("15006" in line for line in state(network))
    capture(network, "remove")
    assert not any("15006" in line for line in state(network))
