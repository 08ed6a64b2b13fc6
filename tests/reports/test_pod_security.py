"""The controls of the Pod Security Standards, one by one.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import re
from pathlib import Path

import pytest

from injector.core.denied import RESTRICTED_ANNOTATIONS
from injector.core.model import JsonObject
from injector.core.setup import Setup
from injector.reports.pod_security import required_level, violations
from tests.support import REPOSITORY, injected, pod_of, setup_of

SAFE: JsonObject = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def needed(pod: JsonObject) -> str:
    return required_level(list(violations(pod)))


def context(**changed: object) -> JsonObject:
    return pod_of(container={"securityContext": {**SAFE, **changed}})


@pytest.mark.parametrize(
    ("pod", "level"),
    [
        (context(), "restricted"),
        (context(capabilities={"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}), "restricted"),
        (pod_of(), "baseline"),
        (context(allowPrivilegeEscalation=True), "baseline"),
        (context(runAsNonRoot=False), "baseline"),
        (context(runAsUser=0), "baseline"),
        (context(seccompProfile=None), "baseline"),
        (context(capabilities={"drop": ["NET_RAW"]}), "baseline"),
        (context(capabilities={"drop": ["ALL"], "add": ["CHOWN"]}), "baseline"),
        (pod_of(container={"securityContext": SAFE}, volumes=[{"name": "v", "nfs": {}}]), "baseline"),
        (context(privileged=True), "privileged"),
        (context(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}), "privileged"),
        (context(procMount="Unmasked"), "privileged"),
        (context(seccompProfile={"type": "Unconfined"}), "privileged"),
        (context(appArmorProfile={"type": "Unconfined"}), "privileged"),
        (context(seLinuxOptions={"type": "spc_t"}), "privileged"),
        (context(seLinuxOptions={"user": "u"}), "privileged"),
        (pod_of(hostPID=True), "privileged"),
        (pod_of(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "privileged"),
        (pod_of(container={"ports": [{"containerPort": 1, "hostPort": 1}]}), "privileged"),
        (pod_of(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "privileged"),
        (pod_of(securityContext={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}), "baseline"),
    ],
)
def test_the_level_that_a_pod_needs(pod: JsonObject, level: str) -> None:
    assert needed(pod) == level


def test_what_the_pod_sets_holds_for_its_containers() -> None:
    own = {key: value for key, value in SAFE.items() if key not in ("runAsNonRoot", "seccompProfile")}
    of_pod = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert needed(pod_of(container={"securityContext": own}, securityContext=of_pod)) == "restricted"


ROW = re.compile(r"\| `(?P<name>[^`]+)` \| `(?P<value>[^`]+)` \|[^|]*\| `(?P<level>privileged|baseline|restricted)` \|")
PAGE = [found.groups() for found in ROW.finditer((REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8"))]
RESTRICTED_POD: JsonObject = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}
RESTRICTED_CONTAINER = {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}


def level_with(setup: Setup, annotations: dict[str, str]) -> str:
    pod = pod_of(annotations=annotations, container=RESTRICTED_CONTAINER, **RESTRICTED_POD)
    return required_level(list(violations(injected(pod, setup))))


def test_the_page_says_what_level_each_annotation_needs(tmp_path: Path) -> None:
    cni = setup_of(
        tmp_path, "", "values.pilot.cni.enabled=true", "values.global.proxy.seccompProfile.type=RuntimeDefault"
    )
    assert level_with(cni, {}) == "restricted"
    assert len(PAGE) > 10
    assert {(name, value): level_with(cni, {name: value}) for name, value, _ in PAGE} == {
        (name, value): level for name, value, level in PAGE
    }
    named = {name for name, _, _ in PAGE} | {"sidecar.istio.io/proxyImageType"}
    assert RESTRICTED_ANNOTATIONS.keys() <= named, "what the preset denies is in the table"
