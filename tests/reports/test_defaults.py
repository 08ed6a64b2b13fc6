"""What an API server fills in is no difference."""

from typing import Any

import pytest

from injector.core.model import JsonObject
from injector.reports.defaults import without_defaults
from tests.support import pod_of

WRITTEN: JsonObject = {
    "ports": [{"containerPort": 80}],
    "env": [{"name": "A"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "readinessProbe": {"httpGet": {"port": 80}},
    "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/x"}}},
    "resources": {"limits": {"cpu": "2000m"}},
}
FILLED: JsonObject = {
    "ports": [{"containerPort": 80, "protocol": "TCP"}],
    "env": [
        {"name": "A", "value": ""},
        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}},
    ],
    "readinessProbe": {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    },
    "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/x", "scheme": "HTTP"}}},
    "resources": {"limits": {"cpu": "2"}},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
VOLUMES = [
    {"name": "a", "configMap": {"name": "m"}},
    {"name": "b"},
    {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
]
FILLED_VOLUMES = [
    {"name": "a", "configMap": {"name": "m", "defaultMode": 420}},
    {"name": "b", "emptyDir": {}},
    {
        "name": "c",
        "projected": {
            "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
            "defaultMode": 420,
        },
    },
    {
        "name": "d",
        "downwardAPI": {
            "items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels", "apiVersion": "v1"}}],
            "defaultMode": 420,
        },
    },
]


def test_what_is_filled_in_is_taken_out() -> None:
    filled = pod_of(
        container=FILLED,
        volumes=FILLED_VOLUMES,
        dnsPolicy="ClusterFirst",
        restartPolicy="Always",
        schedulerName="default-scheduler",
        securityContext={},
        terminationGracePeriodSeconds=30,
        enableServiceLinks=True,
    )
    written = pod_of(container=WRITTEN, volumes=VOLUMES)
    assert without_defaults(filled) == without_defaults(written)


@pytest.mark.parametrize(
    "container",
    [
        {"imagePullPolicy": "Always"},
        {"terminationMessagePolicy": "FallbackToLogsOnError"},
        {"readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 15}},
        {"env": [{"name": "A", "value": " "}]},
    ],
)
def test_what_was_chosen_stays(container: Any) -> None:
    assert without_defaults(pod_of(container=container)) == pod_of(container=container)


def test_a_sidecar_s_restart_policy_is_no_default() -> None:
    pod = pod_of(initContainers=[{"name": "s", "restartPolicy": "Always"}])
    assert without_defaults(pod) == pod


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("app:1", "IfNotPresent"),
        ("host:5000/app", "Always"),
        ("app@sha256:00", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_from_the_tag(image: str, policy: str) -> None:
    pod = without_defaults(pod_of(container={"image": image, "imagePullPolicy": policy}))
    assert pod == pod_of(container={"image": image})
