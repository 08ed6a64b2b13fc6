"""From arguments to the text of rules, in both languages; the kernel's own view is in `test_system`."""

import pytest

from injector.capture.arguments import read_arguments
from injector.capture.iptables import restore_text
from injector.capture.nftables import script
from injector.capture.rules import Plan, plan_of
from injector.capture.system import shown

# What iptables-save shows after an earlier run, with a chain that is not made any more.
SAVED = """
*nat
:OUTPUT ACCEPT [0:0]
:INJECTOR_OUTPUT - [0:0]
:INJECTOR_OLD - [0:0]
-A OUTPUT -p tcp -j INJECTOR_OUTPUT
-A OUTPUT -p udp -j SOMEONE_ELSE
-A INJECTOR_OUTPUT -j INJECTOR_OLD
COMMIT
"""


def rules(*arguments: str, ip_version: int = 4) -> list[str]:
    text = restore_text(plan_of(read_arguments(arguments)), ip_version)
    return [line for line in text.splitlines() if line.startswith("-A ")]


def nft(*arguments: str) -> list[str]:
    return [line.strip() for line in script(plan_of(read_arguments(arguments))).splitlines()]


def test_the_defaults_capture_all_but_the_proxy_the_loopback_and_dns() -> None:
    assert rules() == [
        "-A INJECTOR_OUTBOUND -p tcp --dport 53 -j RETURN",
        "-A INJECTOR_OUTBOUND -d 0.0.0.0/0 -p tcp -j REDIRECT --to-ports 15001",
        "-A INJECTOR_OUTPUT -m owner --uid-owner 1337 -j RETURN",
        "-A INJECTOR_OUTPUT -m owner --gid-owner 1337 -j RETURN",
        "-A INJECTOR_OUTPUT -o lo -j RETURN",
        "-A INJECTOR_OUTPUT -j INJECTOR_OUTBOUND",
        "-A OUTPUT -p tcp -j INJECTOR_OUTPUT",
        "-A INJECTOR_INBOUND -i lo -j RETURN",
        "-A INJECTOR_INBOUND -p tcp -j REDIRECT --to-ports 15006",
        "-A PREROUTING -p tcp -j INJECTOR_INBOUND",
    ]


def test_each_family_gets_its_own_ranges() -> None:
    arguments = ["--include-outbound-ranges=10.0.0.0/8,fd00::/8", "--exclude-outbound-ranges=10.9.0.0/16"]

    assert "-A INJECTOR_OUTBOUND -d fd00::/8 -p tcp -j REDIRECT --to-ports 15001" in rules(*arguments, ip_version=6)
    assert not any("10." in line for line in rules(*arguments, ip_version=6))
    assert not any("fd00" in line for line in rules(*arguments))


def test_what_is_excluded_comes_before_what_is_included() -> None:
    outbound = rules(
        "--include-outbound-ports=8443",
        "--exclude-outbound-ports=3306",
        "--exclude-outbound-ranges=10.9.0.0/16",
        "--include-outbound-ranges=10.0.0.0/8",
    )[:5]

    assert [line.removeprefix("-A INJECTOR_OUTBOUND ") for line in outbound] == [
        "-p tcp --dport 3306 -j RETURN",
        "-p tcp --dport 53 -j RETURN",
        "-d 10.9.0.0/16 -j RETURN",
        "-p tcp --dport 8443 -j REDIRECT --to-ports 15001",
        "-d 10.0.0.0/8 -p tcp -j REDIRECT --to-ports 15001",
    ]


def test_dns_is_captured_where_it_is_named() -> None:
    assert rules("--include-outbound-ports=53")[0].endswith("--dport 53 -j REDIRECT --to-ports 15001")


@pytest.mark.parametrize(("arguments", "expected"), [
    (["--include-inbound-ports=80,443"], "-p tcp --dport 443 -j REDIRECT --to-ports 15006"),
    (["--exclude-inbound-ports=22"], "-p tcp --dport 22 -j RETURN"),
    (["--exclude-interfaces=net1"], "-i net1 -j RETURN"),
    (["--virtual-interfaces=vm0"], "-i vm0 -j RETURN"),
    (["--listening-inbound-ports=80"], "-p tcp --dport 80 -m socket --nowildcard -j REDIRECT --to-ports 15006"),
])  # fmt: skip
def test_inbound_arguments(arguments: list[str], expected: str) -> None:
    assert f"-A INJECTOR_INBOUND {expected}" in rules(*arguments)


def test_with_listed_ports_only_their_connections_are_kept_by_tproxy() -> None:
    listed = rules("--mode=TPROXY", "--include-inbound-ports=8001,8002")
    known = [line for line in listed if "ESTABLISHED" in line]

    assert [line.partition(" -m ")[0].rpartition(" ")[2] for line in known] == ["8001", "8001", "8002", "8002"]
    assert "-A INJECTOR_INBOUND -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" in rules("--mode=TPROXY")


def test_no_inbound_ports_means_no_inbound_rules() -> None:
    assert not any("INBOUND" in line for line in rules("--include-inbound-ports="))
    assert not any("INBOUND" in line for line in rules("--include-inbound-ports=", "--mode=TPROXY"))


def test_a_port_that_is_not_captured_needs_no_listener() -> None:
    assert not any("socket" in line for line in rules("--include-inbound-ports=80", "--listening-inbound-ports=81"))


def test_what_comes_from_a_virtual_machine_is_outbound() -> None:
    assert "-A INJECTOR_VIRTUAL -i vm0 -j INJECTOR_OUTBOUND" in rules("--virtual-interfaces=vm0")
    assert not any("vm0 -j INJECTOR" in line for line in rules("--virtual-interfaces=vm0", "--exclude-interfaces=vm0"))


def test_none_captures_nothing() -> None:
    assert plan_of(read_arguments(["--mode=NONE"])) == Plan()
    assert shown(read_arguments(["--mode=NONE"])) == "# mode NONE: nothing is captured\n"


def test_both_languages_say_the_same_number_of_rules() -> None:
    arguments = ["--mode=TPROXY", "--exclude-inbound-ports=22", "--exclude-outbound-ranges=10.9.0.0/16,fd09::/16"]
    plan = plan_of(read_arguments(arguments))
    count = sum(len(chain.rules) for chain in plan.chains)

    body = [line for line in nft(*arguments) if not line.startswith(("chain", "type", "}", "table", "add", "delete"))]
    hooks = [line for line in body if line.startswith("meta l4proto tcp jump")]
    assert len(body) == count + len(hooks)


def test_a_second_run_replaces_the_jumps_and_chains_of_the_first() -> None:
    lines = restore_text(plan_of(read_arguments(())), 4, SAVED).splitlines()

    assert "-D OUTPUT -p tcp -j INJECTOR_OUTPUT" in lines
    assert [line for line in lines if line.startswith("-D")] == ["-D OUTPUT -p tcp -j INJECTOR_OUTPUT"]
    assert [line for line in lines if line.startswith("-X")] == ["-X INJECTOR_OLD"]


def test_where_nothing_is_there_nothing_is_removed() -> None:
    assert restore_text(Plan(), 4, "*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT") == ""
