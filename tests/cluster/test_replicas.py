"""What is said of one replica, by its pod and by its /readyz."""

from typing import Any

import pytest

from injector.cluster.replicas import replica_findings
from tests.cluster.answering import answering
from tests.cluster.listening import Reply

READY: Any = {
    "ready": True,
    "draining": False,
    "waiting": "",
    "configuration": "current",
    "fault": "",
    "cluster": {"resources": {"nodes": {"known": True, "connected": True, "age_seconds": 0, "error": ""}}},
    "certificates": {"holder": True, "expires": "2027", "fault": "", "registrations": {"webhooks": ""}},
}
LOST = {"nodes": {"known": True, "connected": False, "age_seconds": 31.4, "error": "403"}}


def pod(**status: Any) -> Any:
    ports = [{"name": "https", "containerPort": 8443}]
    return {
        "metadata": {"name": "one", "namespace": "mesh"},
        "spec": {"containers": [{"name": "injector", "ports": ports}]},
        "status": {"phase": "Running", **status},
    }


def found(said: Any, status: int = 200, **of_pod: Any) -> list[tuple[str, str]]:
    with answering(Reply(status, [said])) as (server, script):
        findings = replica_findings(server, pod(**of_pod))
    assert [path for _, path, _, _ in script.requests] in (
        [],
        ["/api/v1/namespaces/mesh/pods/https%3Aone%3A8443/proxy/readyz"],
    )
    return [(each.severity, each.message) for each in findings]


def test_a_replica_that_is_ready_says_what_it_does() -> None:
    ((severity, message),) = found(READY)
    assert severity == "ok"
    assert message == "is ready, with the current configuration, holds the lease, its certificate ends 2027"


@pytest.mark.parametrize(
    ("changed", "severity", "words"),
    [
        ({"draining": True}, "warning", "is about to end"),
        ({"waiting": "nodes: 403"}, "fault", "answers no review: nodes: 403"),
        ({"configuration": "last good one", "fault": "line 3"}, "fault", "works with the last good one: line 3"),
        ({"cluster": {"resources": LOST}}, "fault", "no longer follows nodes for 31 s: 403"),
        ({"configMaps": LOST}, "fault", "no longer follows nodes for 31 s: 403"),
        ({"certificates": {"fault": "no Secret"}}, "fault", "cannot look after its certificates: no Secret"),
        (
            {"certificates": {"holder": True, "registrations": {"webhooks": "403"}}},
            "fault",
            "cannot keep the CA bundle of webhooks: 403",
        ),
    ],
)
def test_what_readyz_says_is_wrong_is_told(changed: Any, severity: str, words: str) -> None:
    for status in (200, 503):
        assert (severity, words) in [
            (how, message[: len(words)]) for how, message in found({**READY, **changed}, status)
        ]


@pytest.mark.parametrize(
    ("status", "severity", "words"),
    [
        (
            {"containerStatuses": [{"name": "injector", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "fault",
            "container injector: ImagePullBackOff, no message",
        ),
        ({"phase": "Pending"}, "warning", "is Pending"),
        (
            {
                "phase": "Pending",
                "conditions": [{"status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}],
            },
            "fault",
            "is Pending: 0/3 nodes are available",
        ),
    ],
)
def test_a_pod_that_does_not_run_is_not_asked(status: Any, severity: str, words: str) -> None:
    assert found(READY, **status) == [(severity, words)]


def test_a_container_out_of_memory_is_told_while_it_runs_again() -> None:
    ended = {"name": "injector", "restartCount": 2, "lastState": {"terminated": {"reason": "OOMKilled"}}}
    ((severity, message),) = found(READY, containerStatuses=[ended])
    assert (severity, "ran out of memory" in message) == ("fault", True)


def test_a_replica_that_does_not_answer_is_told() -> None:
    ((severity, message),) = found({"kind": "Status", "message": "dial tcp: connection refused"}, 503)
    assert severity == "fault"
    assert "its /readyz does not answer" in message
    assert "connection refused" in message
