"""AdmissionReview in and out: what is read, what is refused at the door, and what the answer holds."""

import base64
from typing import Any

import orjson
import pytest

from injector.core.model import Admission, AdmissionRequest, Decision
from injector.core.review import BadReview, has_repeated_key, parse_path, parse_review, request_faults, respond

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app"}]}}


def review(**request: Any) -> bytes:
    given = {"uid": "u-1", "operation": "CREATE", "namespace": "shop", "object": POD}
    document = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {**given, **request}}
    return orjson.dumps(document)


def test_the_request_is_read_and_the_pod_left_as_received() -> None:
    request = parse_review(review(dryRun=True), (("A", "b"),))
    assert request.uid == "u-1"
    assert request.namespace == "shop"
    assert request.pod == POD
    assert request.dry_run
    assert request.parameters == (("A", "b"),)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "no body found"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"null", "kind AdmissionReview"),
        (b'{"kind":"Pod"}', "kind AdmissionReview"),
        (b'{"kind":"AdmissionReview","apiVersion":"v2"}', "apiVersion 'v2'"),
        (b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', "no request"),
        (review(uid=""), "request.uid must be a non-empty string, got ''"),
        (review(uid=None), "request.uid"),
        (review(namespace=7), "request.namespace"),
        (review(operation=["CREATE"]), "request.operation"),
    ],
)
def test_a_body_that_is_no_review_is_refused_with_one_line_that_says_why(body: bytes, expected: str) -> None:
    with pytest.raises(BadReview, match=expected) as refused:
        parse_review(body)
    assert refused.value.status == 400
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("operation", ["UPDATE", "DELETE", "CONNECT"])
def test_only_creations_are_worked_on(operation: str) -> None:
    assert operation in request_faults(parse_review(review(operation=operation)))[0]


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        (None, "object"),
        ([], "object"),
        ({"kind": "Deployment"}, "object.kind"),
        ({"spec": []}, "spec"),
        ({"metadata": {"labels": {"a": 1}}}, "metadata.labels"),
        ({"spec": {"containers": {}}}, "spec.containers"),
        ({"spec": {"containers": [None]}}, "spec.containers"),
        ({"spec": {"containers": [{"name": "a", "env": [{}]}]}}, "spec.containers[0].env"),
        ({"spec": {"containers": [{"name": "a", "livenessProbe": {"httpGet": 1}}]}}, "livenessProbe.httpGet"),
        ({"spec": {"containers": [{"name": "a", "lifecycle": {"preStop": 1}}]}}, "lifecycle.preStop"),
    ],
)
def test_an_object_without_the_shape_of_a_pod_is_named_by_path(pod: Any, path: str) -> None:
    assert path in request_faults(parse_review(review(object=pod)))[0]


def request() -> AdmissionRequest:
    return parse_review(review())


def test_the_answer_repeats_uid_and_version_and_carries_the_patch() -> None:
    patch = ({"op": "add", "path": "/x", "value": "ü"},)
    decision = Decision(inject=True, reason="NamespaceLabel", message="")
    admission = Admission(
        allowed=True,
        decision=decision,
        pod=POD,
        patch=patch,
        warnings=("w",),
        templates=("sidecar",),
        configuration="0123456789abcdef",
    )
    answer = orjson.loads(respond(request(), admission))
    assert answer["apiVersion"] == "admission.k8s.io/v1"
    response = answer["response"]
    assert response["uid"] == "u-1"
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    assert orjson.loads(base64.b64decode(response["patch"])) == list(patch)
    assert response["warnings"] == ["w"]
    assert response["auditAnnotations"] == {
        "decision": "inject",
        "reason": "NamespaceLabel",
        "templates": "sidecar",
        "configuration": "0123456789abcdef",
    }


def test_nothing_to_change_means_no_patch_and_no_patch_type() -> None:
    response = orjson.loads(respond(request(), Admission(True, None, POD)))["response"]
    assert response == {"uid": "u-1", "allowed": True}


def test_a_refusal_carries_its_message() -> None:
    response = orjson.loads(respond(request(), Admission(False, None, POD, message="because")))["response"]
    assert response["allowed"] is False
    assert response["status"]["message"] == "because"
    assert "patch" not in response


@pytest.mark.parametrize(
    ("path", "pairs"),
    [
        ("/inject", {}),
        ("/inject/", {}),
        (
            "/inject/cluster/c1/net/n--slash--1/foo/bar",
            {"ISTIO_META_CLUSTER_ID": "c1", "ISTIO_META_NETWORK": "n/1", "FOO": "bar"},
        ),
        ("/inject/cluster/a/cluster/b/", {"ISTIO_META_CLUSTER_ID": "b"}),
        ("/inject/cluster", {}),
        ("/inject//x/a/b", {"A": "b"}),
        ("/inject/:ENV:net=n/1:ENV:A=:ENV:=x:ENV:y", {"ISTIO_META_NETWORK": "n/1", "A": ""}),
        ("/inject/cluster/c%201", {"ISTIO_META_CLUSTER_ID": "c 1"}),
    ],
)
def test_the_environment_pairs_of_the_path(path: str, pairs: dict[str, str]) -> None:
    assert dict(parse_path(path)) == pairs


@pytest.mark.parametrize(
    "repeated",
    [
        '{"a": 1, "a": 1}',
        '{"a":1e2,"a":1e2,"b":10000000000000000000000}',
        r'{"\u0061":1,"a":1}',
        r'{"a":"\u0022:\u0022:\u0022:","a":1}',
        '{"b":[{"a":{},"c":2,"a":{}}]}',
    ],
)
def test_a_repeated_key_is_seen_however_the_text_is_spelt(repeated: str) -> None:
    assert has_repeated_key(repeated.encode(), orjson.loads(repeated))


@pytest.mark.parametrize("plain", [r'{"a":"\":\":","b":"x:","c": 1e2 }', r'{"a:":1,"a":{"a":[{"a":1},{"a":2}]}}', "[]"])
def test_a_text_without_a_repeated_key_passes(plain: str) -> None:
    assert not has_repeated_key(plain.encode(), orjson.loads(plain))


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_review_of_either_version_is_answered_in_its_own(version: str) -> None:
    api_version = f"admission.k8s.io/{version}"
    request = parse_review(review().replace(b"admission.k8s.io/v1", api_version.encode()))
    answer = orjson.loads(respond(request, Admission(allowed=True, decision=None, pod=POD)))
    assert (answer["apiVersion"], answer["kind"], answer["response"]["uid"]) == (api_version, "AdmissionReview", "u-1")
