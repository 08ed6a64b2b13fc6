"""Fields of a whole pod that have to agree, and values that only validation knows: each with the words for it.

A real API server refuses the same pods, and admits the others (tests/e2e/test_pod_validation.py).
"""

from typing import Any

import pytest

from injector.core.errors import format_path
from injector.core.model import JsonObject, Pod
from injector.core.pod_fields import pod_findings
from tests.support import pod_of

VOLUME: JsonObject = {"name": "v", "emptyDir": {}}


def with_container(**container: Any) -> Pod:
    return pod_of(container=container)


def mounted(**mount: Any) -> Pod:
    return pod_of(container={"volumeMounts": [{"name": "v", "mountPath": "/m", **mount}]}, volumes=[VOLUME])


def variable(path: str) -> Pod:
    return with_container(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}])


BROKEN: dict[str, tuple[Pod, str]] = {
    "a local profile without a name": (
        with_container(securityContext={"seccompProfile": {"type": "Localhost"}}),
        "spec.containers[0].securityContext.seccompProfile.localhostProfile: is missing",
    ),
    "a name without a local profile": (
        pod_of(securityContext={"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "p"}}),
        "spec.securityContext.seccompProfile.localhostProfile: is only valid where",
    ),
    "a hook without a handler": (with_container(lifecycle={"preStop": {}}), "preStop: has nothing to do"),
    "a probe without a handler": (with_container(livenessProbe={"periodSeconds": 1}), "livenessProbe: has nothing"),
    "a mount that goes back to the node": (mounted(mountPropagation="Bidirectional"), "only valid in a privileged"),
    "processes of pod and node": (pod_of(shareProcessNamespace=True, hostPID=True), "spec.shareProcessNamespace: "),
    "no DNS at all": (pod_of(dnsPolicy="None"), "spec.dnsConfig: needs `nameservers`"),
    "an ephemeral container": (pod_of(ephemeralContainers=[{"name": "e", "image": "x"}]), "spec.ephemeralContainers: "),
    "a claim that is not there": (
        with_container(resources={"claims": [{"name": "gpu"}]}),
        "resources.claims[0].name: the pod has no resource claim 'gpu'; it has none",
    ),
    "a device that is not there": (
        pod_of(container={"volumeDevices": [{"name": "w", "devicePath": "/d"}]}, volumes=[VOLUME]),
        "volumeDevices[0].name: the pod has no volume 'w'",
    ),
    "another port of the node": (
        pod_of(container={"ports": [{"containerPort": 80, "hostPort": 81}]}, hostNetwork=True),
        "ports[0].hostPort: must be that of `containerPort`",
    ),
    "a field that cannot be read": (variable("metadata.nam"), "fieldPath: must be a field such as metadata.name"),
    "an unknown resource": (with_container(resources={"limits": {"cpus": "1"}}), "limits.cpus: must be a resource"),
    "a path above": (mounted(subPath="../a"), "subPath: must be a relative path without '..'"),
    "an absolute path": (
        pod_of(volumes=[{"name": "v", "configMap": {"name": "m", "items": [{"key": "k", "path": "/a"}]}}]),
        "items[0].path: must be a relative path",
    ),
    "an address that is none": (pod_of(hostAliases=[{"ip": "here", "hostnames": ["a"]}]), "ip: must be an IP address"),
    "an image with a space": (with_container(image=" x"), "image: must be a string without spaces"),
}
SOUND: dict[str, Pod] = {
    "a local profile": with_container(
        securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "p"}}
    ),
    "a privileged mount": pod_of(
        container={
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "v", "mountPath": "/m", "mountPropagation": "Bidirectional"}],
        },
        volumes=[VOLUME],
    ),
    "a name server": pod_of(dnsPolicy="None", dnsConfig={"nameservers": ["10.0.0.10", "fd00::a"]}),
    "a port of the node": pod_of(container={"ports": [{"containerPort": 80, "hostPort": 80}]}, hostNetwork=True),
    "an annotation in a variable": variable("metadata.annotations['a.example/b']"),
    "both addresses": variable("status.podIPs"),
    "a resource of a domain": with_container(resources={"limits": {"nvidia.com/gpu": 1, "ephemeral-storage": "1Gi"}}),
    "two dots in a name": mounted(subPath="a..b/c"),
    "a hook that sleeps": with_container(lifecycle={"preStop": {"sleep": {"seconds": 1}}}),
}


def findings(pod: Pod) -> list[str]:
    return [f"{format_path(path)}: {message}" for path, message in pod_findings(pod)]


@pytest.mark.parametrize(("pod", "words"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_agree_is_named(pod: Pod, words: str) -> None:
    (finding,) = findings(pod)
    assert words in finding


@pytest.mark.parametrize("pod", SOUND.values(), ids=SOUND)
def test_what_agrees_is_valid(pod: Pod) -> None:
    assert findings(pod) == []
