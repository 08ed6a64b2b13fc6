"""Annotation values that are refused, with the annotation, the value and what is valid (reference 12.1 and 13.1)."""

import pytest

from injector.core.annotations import ANNOTATIONS, validate
from injector.core.errors import quoted
from tests.support import admitted, default_setup, pod_of

TRAFFIC, READINESS = "traffic.sidecar.istio.io/", "readiness.status.sidecar.istio.io/"

VALID = [
    ("sidecar.istio.io/interceptionMode", "REDIRECT", "TPROXY", "NONE"),
    ("sidecar.istio.io/proxyCPU", "100m", "2", "0.5", ".5", "1e3", "+1", "0"),
    ("sidecar.istio.io/proxyMemoryLimit", "1Gi", "128Mi", "1G", "1000"),
    ("status.sidecar.istio.io/port", "0", "15020", " 15020 ", "65535", "00080"),
    (f"{READINESS}initialDelaySeconds", "0", "4294967295", "007"),
    (f"{TRAFFIC}includeOutboundIPRanges", "*", "", "10.0.0.0/8", "10.1.2.3/8,fd00::/8"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "", "0.0.0.0/0", "::/0"),
    (f"{TRAFFIC}includeInboundPorts", "*", "", " ", "80", " 80 , 443 "),
    (f"{TRAFFIC}excludeInboundPorts", "", "0,65535"),
    (f"{TRAFFIC}excludeOutboundPorts", "", "80"),
    (f"{TRAFFIC}includeOutboundPorts", "not looked at"),
    (f"{TRAFFIC}excludeInterfaces", "", "net1", "net1, br-lan.5 ,a_b", "a23456789012345"),
    (f"{TRAFFIC}kubevirtInterfaces", "net1"),
    ("istio.io/reroute-virtual-interfaces", "net1,net2"),
    ("prometheus.istio.io/merge-metrics", *"1 t T TRUE true True 0 f F FALSE false False".split()),
]

INVALID = [
    ("sidecar.istio.io/interceptionMode", "redirect", "interceptionMode invalid, use REDIRECT,TPROXY,NONE"),
    ("sidecar.istio.io/interceptionMode", "", "interceptionMode invalid, use REDIRECT,TPROXY,NONE"),
    ("sidecar.istio.io/proxyCPU", "", "is not a quantity"),
    ("sidecar.istio.io/proxyCPU", "100 m", "is not a quantity"),
    ("sidecar.istio.io/proxyMemory", "1gi", "is not a quantity"),
    ("sidecar.istio.io/proxyCPULimit", "1\n", "control characters"),
    ("sidecar.istio.io/proxyMemoryLimit", "1\x7f", "control characters"),
    ("status.sidecar.istio.io/port", "", "excludeInboundPorts invalid: failed parsing port"),
    ("status.sidecar.istio.io/port", "65536", "excludeInboundPorts invalid: failed parsing port"),
    ("status.sidecar.istio.io/port", "+80", "excludeInboundPorts invalid: failed parsing port"),
    (f"{READINESS}periodSeconds", "-1", "invalid syntax"),
    (f"{READINESS}failureThreshold", "1.5", "invalid syntax"),
    (f"{READINESS}failureThreshold", "4294967296", "value out of range"),
    (f"{TRAFFIC}includeOutboundIPRanges", "10.0.0.0", "includeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}includeOutboundIPRanges", "*,10.0.0.0/8", "includeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}includeOutboundIPRanges", "10.0.0.0/8, 11.0.0.0/8", "includeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "*", "excludeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "10.0.0.0/33", "excludeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "010.0.0.0/8", "excludeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "10.0.0.0/08", "excludeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}excludeOutboundIPRanges", "fe80::1%eth0/64", "excludeIPRanges invalid: failed parsing cidr"),
    (f"{TRAFFIC}includeInboundPorts", "80,", "includeInboundPorts invalid: failed parsing port"),
    (f"{TRAFFIC}includeInboundPorts", "*,80", "includeInboundPorts invalid: failed parsing port"),
    (f"{TRAFFIC}excludeInboundPorts", "*", "excludeInboundPorts invalid: failed parsing port"),
    (f"{TRAFFIC}excludeOutboundPorts", "http", "excludeOutboundPorts invalid: failed parsing port"),
    (f"{TRAFFIC}excludeInterfaces", "net1,", "empty interface name"),
    (f"{TRAFFIC}excludeInterfaces", " ", "empty interface name"),
    (f"{TRAFFIC}kubevirtInterfaces", "a234567890123456", "too long"),
    ("istio.io/reroute-virtual-interfaces", "1net", "contains invalid characters"),
    ("istio.io/reroute-virtual-interfaces", "a/b", "contains invalid characters"),
    ("prometheus.istio.io/merge-metrics", "yes", "invalid syntax"),
]


@pytest.mark.parametrize(("name", "value"), [(row[0], value) for row in VALID for value in row[1:]])
def test_what_the_reference_accepts_is_accepted(name: str, value: str) -> None:
    assert validate({name: value}) == []


@pytest.mark.parametrize(("name", "value", "gist"), INVALID)
def test_what_it_refuses_is_refused_with_name_value_and_what_is_valid(name: str, value: str, gist: str) -> None:
    (fault,) = validate({name: value})
    assert fault.startswith(f"invalid value {quoted(value)} for annotation '{name}': ")
    assert gist in fault
    assert "valid: " in fault or "use " in fault


def test_every_check_refuses_something() -> None:
    assert {name for name, *_ in INVALID} <= {name for name, row in ANNOTATIONS.items() if row.check}


def test_a_long_value_is_cut_in_the_message() -> None:
    (fault,) = validate({"sidecar.istio.io/proxyCPU": "x" * 5_000})
    assert len(fault) < 6_000
    assert "x" * 201 not in fault.partition(" for annotation")[0]


def test_all_faults_stand_in_one_message_introduced_by_their_number() -> None:
    pod = pod_of(
        annotations={
            "sidecar.istio.io/interceptionMode": "x",
            "status.sidecar.istio.io/port": "y",
            "proxy.istio.io/config": "concurrency: many",
        }
    )
    admission = admitted(pod, default_setup())
    assert not admission.allowed
    assert admission.message.startswith("failed to run injection template: 3 errors occurred:\n\t* ")
    assert admission.message.count("\n\t* invalid value ") == 3


def test_annotations_of_a_pod_that_is_not_injected_are_not_looked_at() -> None:
    pod = pod_of(labels={"sidecar.istio.io/inject": "false"}, annotations={"sidecar.istio.io/interceptionMode": "x"})
    assert admitted(pod, default_setup()).allowed
