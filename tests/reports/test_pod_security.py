"""The controls of the Pod Security Standards, one by one.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import pytest

from injector.core.model import JsonObject
from injector.reports.pod_security import required_level, violations
from tests.support import pod_of

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
