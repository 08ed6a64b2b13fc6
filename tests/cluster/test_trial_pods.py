"""Pods tried against the API server: which, where, and what its words mean."""

from typing import Any

import pytest

from injector.cluster.trial_pods import CAUSES, Trial, refusal, trial_pod, trials, try_pod
from injector.core.admission import admit_request
from injector.core.model import Snapshot
from injector.core.pod_schema import pod_faults
from injector.reports.evaluate import request_for
from tests.cluster.answering import answering
from tests.cluster.test_diagnosis import registration
from tests.support import default_setup

WHERE = {"namespace": "shop", "release_namespace": "mesh", "service": "injector", "workload": "deploy/injector"}
SHOP = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}


def test_each_entry_is_tried_where_it_selects() -> None:
    made = trials([registration()], [SHOP, {"metadata": {"name": "plain"}}])
    assert [(each.entry.partition(".sidecar")[0], each.namespaces) for each in made] == [
        ("rev.namespace", ()),
        ("rev.object", ("plain",)),
        ("namespace", ("shop",)),
        ("object", ("plain",)),
    ]


def test_a_trial_pod_is_one_that_its_entry_takes() -> None:
    pods = [trial_pod(entry) for entry in registration()["webhooks"]]
    assert [each["metadata"]["labels"] for each in pods] == [
        {},
        {"istio.io/rev": "default"},
        {},
        {"sidecar.istio.io/inject": "true"},
    ]
    assert [pod_faults(each) for each in pods] == [[]] * 4


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ('failed calling webhook "a": dial tcp 10.0.0.1:443: connect: connection refused', "nothing listens there"),
        ('failed calling webhook "a": no endpoints available for service "injector"', "no replica is ready"),
        ('failed calling webhook "a": service "injector" not found', "the Service that the webhook calls is gone"),
        ("x509: certificate signed by unknown authority", "the CA bundle of the webhook is not the authority"),
        ("x509: certificate has expired or is not yet valid: current time", "was not renewed"),
        ("x509: certificate is valid for a.b.svc, not c.d.svc", "does not name the host"),
        ("context deadline exceeded", "packets from the API server do not arrive"),
        ("no route to host", "packets from the API server do not arrive"),
        ("the server could not find the requested resource", "the path of the webhook"),
        ('admission webhook "namespace.sidecar-injector.istio.io" denied the request: x', "the injector refuses"),
        ('admission webhook "policy.example.com" denied the request: x', "another admission webhook"),
        ("http: server gave HTTP response to HTTPS client", "without TLS"),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest"', "Pod Security Standard"),
        ('pods "a" is forbidden: exceeded quota: none', "has no room for the sidecar"),
        ('User "eve" cannot create resource "pods" in API group ""', "this account may not create pods"),
        ("something that nobody has seen yet", ""),
    ],
)
def test_words_of_the_api_server_have_a_cause(words: str, cause: str) -> None:
    found = refusal("entry", words, {**WHERE, "configuration": "webhooks"})
    assert words in found.message
    assert (
        (f"likely cause: {cause}" in found.message or cause in found.message) if cause else "cause" not in found.message
    )
    assert found.command


def test_every_command_can_be_filled_in() -> None:
    for cause in CAUSES:
        assert "{" not in cause.command.format_map({**WHERE, "configuration": "webhooks"})


def outcome(answer: Any, namespaces: tuple[str, ...] = ("shop",)) -> tuple[str, str]:
    (trial,) = (each for each in trials([registration()], [SHOP]) if each.entry.startswith("namespace."))
    trial = Trial(trial.configuration, trial.entry, trial.pod, namespaces)
    snapshot = Snapshot(namespaces={"shop": SHOP, "quota": SHOP})
    expected = {each: admit_request(request_for(trial.pod, "shop"), default_setup(), snapshot) for each in namespaces}
    answers = answer if isinstance(answer, list) else [answer]
    with answering(*answers) as (server, script):
        found = try_pod(server, trial, expected, WHERE)
    assert [query for _, _, query, _ in script.requests] == [{"dryRun": "All"}] * len(script.requests)
    return found.severity, found.message


def test_a_pod_that_comes_back_injected_is_fine() -> None:
    injected = {"metadata": {"annotations": {"sidecar.istio.io/status": "{}"}}, "spec": {"containers": []}}
    severity, message = outcome(injected)
    assert severity == "ok"
    assert "dry run" in message


def test_a_pod_that_comes_back_as_it_went_is_a_fault() -> None:
    severity, message = outcome({"metadata": {}, "spec": {"containers": []}})
    assert severity == "fault"
    assert "admitted without a sidecar" in message


def test_a_refusal_is_a_fault() -> None:
    assert outcome(500)[0] == "fault"


def test_where_nothing_is_selected_nothing_is_tried() -> None:
    assert outcome(500, ()) == ("ok", "not tried: it selects no namespace that is here")
