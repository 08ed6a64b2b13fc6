"""What the API server would refuse in a pod is known, and nothing that it takes is."""

from copy import deepcopy
from typing import Any

import pytest

from injector.core.errors import format_path
from injector.core.pod_fields import pod_findings, pod_type
from injector.core.validation import check
from tests.support import default_setup, injected, pod_of


def found(pod: Any) -> list[str]:
    return [f"{format_path(path)}: {message}" for path, message in pod_findings(pod)]


def with_field(path: str, value: Any) -> Any:
    """A valid pod, with `value` at `path` of its container, or of the pod for one that begins with `/`."""
    pod = pod_of(
        container={
            "ports": [{"name": "http", "containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": "http"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "securityContext": {},
            "resources": {"limits": {}},
            "env": [{"name": "A", "value": "b"}],
        },
        volumes=[{"name": "data", "emptyDir": {}}],
        initContainers=[{"name": "init", "image": "init"}],
    )
    place: Any = pod if path.startswith("/") else pod["spec"]["containers"][0]
    *above, last = [int(step) if step.isdecimal() else step for step in path.strip("/").split(".")]
    for step in above:
        place = place[step]
    if value is None:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return pod


REFUSED: list[tuple[str, Any, str]] = [
    ("ports.0.containerPort", "80", "must be a port number from 1 to 65535, got '80'"),
    ("ports.0.containerPort", 70000, "must be a port number from 1 to 65535, got 70000"),
    ("ports.0.containerPort", -1, "got -1"),
    ("ports.0.containerPort", True, "got true"),
    ("ports.0.containerPort", None, "is missing"),
    ("ports.0.protocol", "HTTP", "must be one of 'TCP', 'UDP', 'SCTP', got 'HTTP'"),
    ("ports.0.name", "Http", "must be a port's name"),
    ("ports.0.hostport", 80, "unknown key 'hostport'; did you mean 'hostPort'?"),
    ("image", None, "is missing"),
    ("image", 1, "must be a string without spaces at its ends, got 1"),
    ("name", "App", "must be a name of at most 63 lower-case letters"),
    ("args", "run", "must be a list, got 'run'"),
    ("args", ["a", 1], "must be a string, got 1"),
    ("imagePullPolicy", "always", "must be one of 'Always', 'IfNotPresent', 'Never', got 'always'"),
    ("securityContext.privileged", "yes", "must be true or false, got 'yes'"),
    ("securityContext.runAsUser", -1, "must be an integer from 0"),
    ("resources.limits.cpu", "lots", "must be a quantity"),
    ("resources.limits.cpu", True, "must be a quantity"),
    ("env.0.value", 1, "must be a string, got 1"),
    ("env.0.name", "", "must be a variable's name"),
    ("env.0", {"name": "A", "valueFrom": {
        "fieldRef": {"fieldPath": "metadata.name"}, "secretKeyRef": {"key": "k", "name": "n"}
     }}, "cannot be set beside 'fieldRef'"),
    ("volumeMounts.0.mountPath", "", "must be a path"),
    ("volumeMounts.0.mountPath", None, "is missing"),
    ("livenessProbe.httpGet.port", 0, "must be a port number from 1 to 65535 or a port's name, got 0"),
    ("livenessProbe.tcpSocket", {"port": 1}, "cannot be set beside 'httpGet'"),
    ("lifecycle", {"stopSignal": "TERM"}, "must be a signal"),
    ("/spec.volumes.0", {"name": "data", "emptyDir": {}, "secret": {"secretName": "s"}}, "cannot be set beside"),
    ("/spec.volumes.0.emptyDir", {"medium": "Disk"}, "must be one of '', 'Memory'"),
    ("/spec.volumes.0", {"name": "data", "secret": {"secretName": "s", "defaultMode": 1000}}, "must be a file mode"),
    ("/spec.restartPolicy", "Sometimes", "must be one of 'Always', 'OnFailure', 'Never'"),
    ("/spec.tolerations", [{"operator": "Is"}], "must be one of"),
    ("/spec.containers", None, "is missing"),
    ("/metadata.labels", {"a b": "c"}, "must be a name of at most 63"),
    ("/metadata.labels", {"a": "x" * 64}, "must be at most 63"),
    ("/metadata.annotations", {"a": 1}, "must be a string, got 1"),
    ("/spec.volumes", {}, "must be a list, got {}"),
]  # fmt: skip
TAKEN: list[tuple[str, Any]] = [
    ("ports.0.protocol", "SCTP"),
    ("ports.0.hostPort", 0),
    ("livenessProbe.httpGet.port", 8080),
    ("livenessProbe.httpGet", {"port": "http", "scheme": "HTTPS", "httpHeaders": [{"name": "A", "value": ""}]}),
    ("resources.limits.cpu", 1.5),
    ("resources.limits", {"cpu": "100m", "memory": "1e3", "example.com/gpu": 1}),
    ("env.0.value", ""),
    ("env.0", {"name": "a.b-c d", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}),
    ("lifecycle", {"stopSignal": "SIGRTMIN+1", "preStop": {"sleep": {"seconds": 1}}}),
    ("securityContext", {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}}),
    ("securityContext", {"seccompProfile": {"type": "Localhost", "localhostProfile": "p"}}),
    ("restartPolicyRules", [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]),
    ("/spec.initContainers.0", {"name": "init", "image": "i", "restartPolicy": "Always", "lifecycle": {}}),
    ("/spec.volumes.0", {"name": "data"}),
    ("/spec.volumes.0", {"name": "data", "hostPath": {"path": "/", "type": ""}}),
    ("/spec.volumes.0.emptyDir", {"medium": "HugePages-2Mi", "sizeLimit": "1Gi"}),
    ("/metadata.labels", {"example.com/a": ""}),
    ("/metadata.managedFields", [{"manager": "kubectl", "fieldsV1": {"f:metadata": {}}}]),
    ("/status", {"phase": "Pending"}),
    ("/spec.containers.0.terminationMessagePolicy", "File"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "message"), REFUSED)
def test_a_field_that_is_refused_is_named_with_what_is_valid(path: str, value: Any, message: str) -> None:
    (finding,) = found(with_field(path, value))
    assert message in finding


@pytest.mark.parametrize(("path", "value"), TAKEN)
def test_a_field_that_is_taken(path: str, value: Any) -> None:
    assert found(with_field(path, value)) == []


def test_all_findings_at_once() -> None:
    pod = with_field("ports.0.containerPort", 0)
    pod["spec"]["containers"][0]["image"] = 1
    pod["metadata"]["labels"] = {"a": 1}
    assert len(found(pod)) == 3


def test_the_pod_of_every_shipped_template() -> None:
    setup = default_setup()
    for name in setup.templates.names:
        assert found(injected(pod_of(annotations={"inject.istio.io/templates": name}), setup)) == []


def test_what_is_merged_into_a_pod_may_lack_fields_and_have_new_ones() -> None:
    pod = with_field("image", None)
    pod["spec"]["ofNextYear"] = pod["spec"]["containers"][0]["too"] = {"a": 1}
    pod["metadata"]["labels"] = {"a b": "x" * 100}
    assert check(pod_type(is_whole=False), pod) == []
    pod["spec"]["containers"][0]["ports"][0]["containerPort"] = "80"
    assert len(check(pod_type(is_whole=False), pod)) == 1


def test_checking_changes_nothing() -> None:
    pod = with_field("ports.0.protocol", "TCP")
    before = deepcopy(pod)
    found(pod)
    assert pod == before
