"""The webhook over a real TLS connection: what is answered, and how hostile requests are turned away."""

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import jsonpatch
import pytest

from injector.server.handler import answer
from injector.server.state import State
from tests.bench.instructions import counted
from tests.server.running import JSON, Running
from tests.support import pod_of, review_of
from tests.waiting import rest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DEEP = b'{"a":' * 500 + b"1" + b"}" * 500
HEAD = b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":'

HOSTILE_BODIES = {
    "truncated": review_of(pod_of())[:-20],
    "half a character": b'{"kind": "\xc3',
    "not UTF-8": b"\xff\xfe\x00{}",
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "deep arrays": b"[" * 100_000,
    "deep mappings": HEAD + b'{"uid":"u","object":' + DEEP + b"}}",
    "no request": HEAD + b"null}",
    "a missing uid": HEAD + b'{"object":{}}}',
    "an empty uid": HEAD + b'{"uid":"","object":{}}}',
    "a repeated key": HEAD + b'{"uid":"u","uid":"v","object":{}}}',
    "a repeated key of the pod": HEAD + b'{"uid":"u","object":{"spec":{},"spec":{"containers":[]}}}}',
    "another version": b'{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview","request":{}}',
    "another kind": b'{"apiVersion":"v1","kind":"Pod"}',
    "a BOM": b"\xef\xbb\xbf" + review_of(pod_of()),
    "NaN": HEAD + b'{"uid":NaN}}',
}

REFUSED_REQUESTS: dict[str, dict[str, Any]] = {
    "UPDATE": {"operation": "UPDATE"},
    "DELETE": {"operation": "DELETE", "object": None},
    "a null object": {"object": None},
    "an object that is a list": {"object": []},
    "an object of another kind": {"object": {"kind": "Deployment"}},
}

WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    [],
    [None],
    [[]],
    {},
    {"": None},
    [{}],
    [{"name": 1}],
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


def rich_pod() -> Any:
    probe = {"httpGet": {"path": "/", "port": "http"}, "timeoutSeconds": 1}
    container = {
        "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "A", "value": "b"}],
        "readinessProbe": probe,
        "lifecycle": {"preStop": {"tcpSocket": {"port": 1}}},
        "resources": {"limits": {"cpu": "1"}},
        "securityContext": {"runAsUser": 1},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    pod = pod_of(
        container=container,
        annotations={"prometheus.io/port": "80"},
        volumes=[{"name": "v", "emptyDir": {}}],
        initContainers=[{"name": "i", "image": "i", "env": [{"name": "A"}]}],
        imagePullSecrets=[{"name": "s"}],
        securityContext={"sysctls": []},
    )
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-1", "controller": True}
    pod["metadata"] |= {"generateName": "shop-", "ownerReferences": [owner]}
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "args": ["a"], "env": [{"name": "X"}]})
    return pod


def served(client: httpx.Client) -> None:
    """The next request is served."""
    response = client.post("/inject", content=review_of(pod_of()), headers=JSON)
    assert response.status_code == 200
    assert response.json()["response"]["allowed"]


def test_a_review_is_answered_with_a_patch_that_applies(client: httpx.Client) -> None:
    pod = pod_of()
    response = client.post("/inject", content=review_of(pod), headers=JSON)
    assert response.headers["content-type"] == "application/json"
    review = response.json()
    assert (review["kind"], review["apiVersion"]) == ("AdmissionReview", "admission.k8s.io/v1")
    answer = review["response"]
    assert (answer["uid"], answer["allowed"], answer["patchType"]) == ("u-1", True, "JSONPatch")
    result = jsonpatch.apply_patch(pod, json.loads(base64.b64decode(answer["patch"])))
    assert "istio-proxy" in [each["name"] for each in result["spec"]["containers"]]


def test_nothing_to_do_is_an_answer_without_a_patch(client: httpx.Client) -> None:
    pod = pod_of(labels={"sidecar.istio.io/inject": "false"})
    answer = client.post("/inject", content=review_of(pod), headers=JSON).json()["response"]
    assert answer["allowed"]
    assert not {"patch", "patchType"} & answer.keys()
    assert answer["auditAnnotations"]["reason"] == "PodLabel"


def test_the_path_carries_cluster_and_network(client: httpx.Client) -> None:
    response = client.post("/inject/cluster/c1/net/n1", content=review_of(pod_of()), headers=JSON)
    patch = base64.b64decode(response.json()["response"]["patch"]).decode()
    assert '{"name":"ISTIO_META_CLUSTER_ID","value":"c1"}' in patch
    assert '"path":"/metadata/labels/topology.istio.io~1network","value":"n1"' in patch


def test_a_wrong_annotation_value_is_refused_with_what_would_be_valid(client: httpx.Client) -> None:
    pod = pod_of(annotations={"traffic.sidecar.istio.io/includeInboundPorts": "http"})
    answer = client.post("/inject", content=review_of(pod), headers=JSON).json()["response"]
    assert not answer["allowed"]
    message = answer["status"]["message"]
    assert "traffic.sidecar.istio.io/includeInboundPorts" in message
    assert "'http'" in message
    assert "valid" in message


def test_a_misspelt_annotation_is_warned_about_with_the_nearest_name(client: httpx.Client) -> None:
    pod = pod_of(annotations={"sidecar.istio.io/proxyCpu": "1"})
    answer = client.post("/inject", content=review_of(pod), headers=JSON).json()["response"]
    assert answer["allowed"]
    assert "sidecar.istio.io/proxyCPU" in answer["warnings"][0]


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_body_that_is_no_review_gets_a_400_with_one_line_and_the_next_is_served(
    client: httpx.Client, name: str
) -> None:
    response = client.post("/inject", content=HOSTILE_BODIES[name], headers=JSON)
    assert response.status_code == 400
    assert response.text.count("\n") == 1
    assert "Traceback" not in response.text
    served(client)


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
def test_a_request_that_is_not_the_creation_of_a_pod_is_refused_well_formed(client: httpx.Client, name: str) -> None:
    response = client.post("/inject", content=review_of(pod_of(), **REFUSED_REQUESTS[name]), headers=JSON)
    answer = response.json()["response"]
    assert (response.status_code, answer["uid"], answer["allowed"]) == (200, "u-1", False)
    assert answer["status"]["message"]


def test_wrong_types_at_every_path_of_a_review_never_break_the_server(client: httpx.Client) -> None:
    review = json.loads(review_of(rich_pod()))
    for path in paths(review):
        for wrong in WRONG_VALUES:
            response = client.post("/inject", content=json.dumps(replaced(review, path, wrong)), headers=JSON)
            assert response.status_code in (200, 400), (path, wrong, response.text)
            if response.status_code == 200:
                answer = response.json()["response"]
                assert answer["allowed"] or answer["status"]["message"], (path, wrong)
    served(client)


@pytest.mark.parametrize("annotation", ["sidecar.istio.io/status", "proxy.istio.io/overrides"])
def test_forged_annotations_never_break_the_server(running: Running, annotation: str) -> None:
    """What an injection keeps on the pod is in the hands of whoever may write pods."""
    state = running.service.state
    pod = answer(review_of(rich_pod()), "/inject", State(state.setup, state.snapshot))
    assert pod.admission is not None
    kept = json.loads(pod.admission.pod["metadata"]["annotations"][annotation])
    for path in paths(kept):
        for wrong in WRONG_VALUES:
            forged = replaced(
                pod.admission.pod, ("metadata", "annotations", annotation), json.dumps(replaced(kept, path, wrong))
            )
            found = answer(review_of(forged), "/inject", running.service.state)
            assert found.error is None, (path, wrong)


def test_hostile_requests_cost_no_more_than_a_review_in_a_hundred_milliseconds(running: Running) -> None:
    """Counted in bytecode instructions, of which a hundred milliseconds have millions on any machine that serves."""
    dear = {}
    for name, body in {**HOSTILE_BODIES, "8 MiB": b"x" * 8 * 2**20, "large": HEAD + b"[" * 5 * 2**20}.items():
        state = State(running.service.state.setup, running.service.state.snapshot)
        cost = counted(lambda: answer(body, "/inject", state))  # noqa: B023 -- called here
        if cost > 1_000_000:
            dear[name] = cost
    assert dear == {}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("POST", JSON, b"", 400),
        ("POST", FORM, b"x", 415),
        ("POST", {"Content-Type": "application/json; charset=utf-8"}, b"x", 415),
        ("POST", {}, b"x", 415),
        ("GET", {}, b"", 405),
        ("PUT", JSON, b"x", 405),
        ("DELETE", {}, b"", 405),
    ],
)
def test_what_http_itself_can_refuse(
    client: httpx.Client, method: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = client.request(method, "/inject", content=body, headers=headers)
    assert response.status_code == status
    assert len(response.text.strip().splitlines()) == 1
    served(client)


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_read(running: Running) -> None:
    reply = _raw(running, b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\nabc")
    assert reply.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in reply.lower()


def test_a_chunked_body_over_the_limit_is_refused_when_it_gets_there(running: Running) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = b"POST /inject HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert _raw(running, head, chunk * 100).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_arrive_is_given_up(running: Running) -> None:
    reply = _raw(running, b"POST /inject?timeout=500ms HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert reply.startswith(b"HTTP/1.1 408")


def test_plain_http_is_not_answered(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            reply = connection.recv(100)
        except ConnectionResetError:
            reply = b""
    assert b"200" not in reply


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_older_than_1_2_is_not_spoken(running: Running) -> None:
    context = running.trust()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(connection, server_hostname="localhost")


def _raw(running: Running, *pieces: bytes, whole: bool = False) -> bytes:
    """The reply to bytes sent as they are, or its beginning; `whole`: until the server closes."""
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as plain,
        running.trust().wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            for piece in pieces:
                connection.sendall(piece)
        return rest(connection) if whole else connection.recv(2000)


@pytest.mark.parametrize("heads", [b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nhost: a\r\n"])
@pytest.mark.parametrize("path", [b"/inject", b"/healthz", b"/metrics"])
def test_a_request_says_once_to_whom_it_is_sent(running: Running, heads: bytes, path: bytes) -> None:
    reply = _raw(running, b"GET " + path + b" HTTP/1.1\r\n" + heads + b"\r\n")
    assert reply.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("line", "host", "said"),
    [
        (b"GET /healthz HTTP/1.1", b"a b/c?@#", b"Host 'a b/c?@#' names no host\n"),
        (b"GET /healthz HTTP/1.1", b"a, b", b"Host 'a, b' names no host\n"),
        (b"GET /healthz HTTP/1.0", b"a/b", b"Host 'a/b' names no host\n"),
        (b"POST /inject HTTP/2.0", b"x", b"HTTP/2.0 is not spoken here: expected HTTP/1.1\n"),
        (b"GET /healthz HTTP/0.9", b"x", b"HTTP/0.9 is not spoken here: expected HTTP/1.1\n"),
    ],
)
def test_a_head_that_is_none_of_http_1_1(running: Running, line: bytes, host: bytes, said: bytes) -> None:
    reply = _raw(running, line + b"\r\nHost: " + host + b"\r\n\r\n", whole=True)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert reply.endswith(said)


@pytest.mark.parametrize("host", [b"", b"[::1]:8443", b"injector.ns.svc:443", b"10.0.0.1", b"m%C3%BCller"])
def test_every_name_of_a_host_is_one(running: Running, host: bytes) -> None:
    assert _raw(running, b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_of_tls_1_2_only_suites_that_encrypt_and_authenticate_at_once_are_spoken(running: Running) -> None:
    context = running.trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:!AESGCM:!CHACHA20")
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        context.wrap_socket(connection, server_hostname="localhost")
    context.set_ciphers("ECDHE+AESGCM")
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=60) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as spoken,
    ):
        assert spoken.version() == "TLSv1.2"
