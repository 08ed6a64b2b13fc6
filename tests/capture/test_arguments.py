"""Arguments of `injector capture`: read, refused with every fault, and found again in an injected pod."""

from dataclasses import fields
from ipaddress import ip_network

import pytest

from injector.capture.arguments import (
    ALL_NETWORKS,
    ALL_PORTS,
    FLAGS,
    ArgumentFaults,
    Backend,
    Capture,
    Mode,
    Ports,
    capture_of,
    capture_of_pod,
    read_arguments,
)


def test_every_field_has_its_flag() -> None:
    assert [field.name for field in fields(Capture)] == [flag.field for flag in FLAGS]


def test_without_arguments_everything_but_the_proxy_is_captured() -> None:
    capture = capture_of({})

    assert (capture.mode, capture.backend) == (Mode.REDIRECT, Backend.IPTABLES)
    assert (capture.proxy_uid, capture.proxy_gid) == ((1337,), (1337,))
    assert capture.include_outbound_ranges == ALL_NETWORKS
    assert capture.include_inbound_ports == ALL_PORTS


def test_lists_are_read_without_blanks_empty_elements_and_repetitions() -> None:
    capture = read_arguments(
        ["--exclude-inbound-ports= 80, ,443,80", "--include-outbound-ranges", "10.1.2.3/8,fd00::/8"]
    )

    assert capture.exclude_inbound_ports == (Ports(80, 80), Ports(443, 443))
    assert capture.include_outbound_ranges == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize("flag", ["include-outbound-ranges", "include-inbound-ports"])
def test_an_empty_list_captures_nothing(flag: str) -> None:
    capture = read_arguments([f"--{flag}="])

    assert getattr(capture, flag.replace("-", "_")) == ()


def test_every_fault_is_told_with_what_would_be_valid() -> None:
    wrong = {
        "mode": "redirect",
        "backend": "ebtables",
        "outbound-port": "0",
        "proxy-uid": "root",
        "exclude-outbound-ranges": "10.0.0.1",
        "exclude-outbound-ports": "*",
        "include-inbound-ports": "65536",
        "exclude-interfaces": "eth0;reboot",
    }

    with pytest.raises(ArgumentFaults) as faults:
        capture_of(wrong)

    lines = str(faults.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"--{name}" for name in wrong]
    assert lines[0] == "--mode: 'redirect' is not valid; valid: REDIRECT, TPROXY or NONE"


def test_an_unknown_argument_is_told_with_the_known_ones() -> None:
    with pytest.raises(ArgumentFaults, match=r"--outbond-port=1: unknown argument; valid: --mode, .*--outbound-port"):
        read_arguments(["--outbond-port=1"])


def test_a_pod_tells_what_it_captures() -> None:
    init = {"name": "capture", "args": ["capture", "apply", "--mode=TPROXY", "--exclude-outbound-ports=3306"]}
    other = {"name": "prepare", "args": ["--mode=NONE"]}

    found = capture_of_pod({"spec": {"initContainers": [other, init], "containers": []}})

    assert found == read_arguments(["--mode=TPROXY", "--exclude-outbound-ports=3306"])


def test_a_pod_without_redirection_captures_nothing() -> None:
    assert capture_of_pod({"spec": {"containers": [{"name": "app", "args": ["capture", "apply"]}]}}) is None
