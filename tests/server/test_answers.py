"""What is remembered never shows: an answer is the one that would be worked out anew."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.server.handler import Answer, answer
from injector.server.state import State
from tests.support import default_setup, pod_of, review_of, setup_of
from tests.thoroughness import tried

_NAMES = st.sampled_from(["a", "u-1", "shop"])
_PODS = st.builds(
    lambda name, injected, text: pod_of(
        labels={"app": name, **({"sidecar.istio.io/inject": injected} if injected else {})},
        annotations={"sidecar.istio.io/logLevel": text, "sidecar.istio.io/interceptionMode": "REDIRECT"},
    ),
    _NAMES,
    st.sampled_from(["", "true", "false"]),
    st.sampled_from(["info", 'u-1","uid":"u-2', "é"]),
)
_BROKEN: st.SearchStrategy[Any] = st.sampled_from(
    [None, "text", {"spec": []}, {"metadata": {"annotations": {"sidecar.istio.io/proxyCPU": "x"}}}]
)
_REVIEWS = st.fixed_dictionaries(
    {
        "uid": st.sampled_from(["u-1", "u-2", "", "é", 'a"b', "x" * 65]),
        "namespace": _NAMES,
        "operation": st.sampled_from(["CREATE", "UPDATE"]),
        "object": st.one_of(_PODS, _PODS, _BROKEN),
    }
)
_PATHS = st.sampled_from(["/inject", "/inject/cluster/one", "/inject/cluster/two/net/n"])


def _snapshot(label: str) -> Snapshot:
    return Snapshot(namespaces={"a": {"metadata": {"name": "a", "labels": {"istio-injection": label}}}})


def written(request: dict[str, Any], *, order: bool = True) -> bytes:
    """A review as kube-apiserver writes it; in another order where not `order`."""
    head = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    document = head if order else dict(reversed(head.items()))
    return json.dumps(document, ensure_ascii=False).encode()


def told(found: Answer) -> Any:
    """What a client and telemetry get of an answer."""
    admission = found.admission
    of_pod = admission and (admission.decision, admission.message, admission.warnings, len(admission.patch))
    return found.status, found.body, found.request and found.request.uid, of_pod, found.fault


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[State]:
    """Several configurations and clusters, each of which goes on remembering through all examples."""
    path = Path(tmp_path_factory.mktemp("configuration"))
    setups = [default_setup(), setup_of(path, "policy: disabled"), setup_of(path, "revision: canary")]
    snapshots = (EMPTY_SNAPSHOT, _snapshot("enabled"), _snapshot("disabled"))
    return [State(setup, snapshot) for setup in setups for snapshot in snapshots]


@tried(1_000)
@given(request=_REVIEWS, path=_PATHS, order=st.booleans(), at=st.integers(0, 8))
def test_a_remembered_answer_is_the_one_worked_out_anew(
    states: list[State], request: dict[str, Any], path: str, order: bool, at: int
) -> None:
    body, state = written(request, order=order), states[at]
    anew = State(state.setup, state.snapshot)
    assert told(answer(body, path, state)) == told(answer(body, path, anew))


def test_replicas_are_answered_from_memory_each_with_its_own_uid() -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    uids = ("u-1", "u-2", "u-3")
    found = [answer(written({"uid": uid, "object": pod_of()}), "/inject", state) for uid in uids]
    pods = [each.admission.pod for each in found if each.admission is not None]
    assert pods[0]["spec"]
    assert pods[1]["spec"], "only what comes again is remembered"
    assert pods[2] == {}, "a remembered answer keeps no pod alive"
    assert [json.loads(each.body)["response"]["uid"] for each in found] == [*uids]
    assert [each.request.uid for each in found if each.request is not None] == [*uids]


def managed(time: str, *fields: Any) -> list[Any]:
    """What the API server notes of who set which fields of a pod, and when."""
    noted: dict[str, Any] = {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {'k:{"name":"app"}': {"f:image": {}}}}
    entry = {"manager": "kube-controller-manager", "operation": "Update", "time": time, "fieldsV1": noted}
    return [entry, *fields]


def compact(request: dict[str, Any]) -> bytes:
    """A review as kube-apiserver writes it: without a space."""
    head = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    return json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()


def replica(uid: str, managed_fields: Any, **more: Any) -> bytes:
    pod = pod_of()
    pod["metadata"]["managedFields"] = managed_fields
    return compact({"uid": uid, "object": pod, **more})


def test_replicas_made_one_after_the_other_are_answered_from_memory() -> None:
    """A rollout makes its pods second by second: `managedFields` says when."""
    state = State(default_setup(), EMPTY_SNAPSHOT)
    for second in range(5):
        body = replica(f"u-{second}", managed(f"2026-01-01T00:00:0{second}Z"))
        found = answer(body, "/inject", state)
        assert found.admission is not None
        assert (found.admission.pod == {}) == (second > 1)
        anew = answer(body, "/inject", State(state.setup, state.snapshot))
        assert told(found) == told(anew)


_MANAGED: st.SearchStrategy[Any] = st.one_of(
    st.builds(managed, st.sampled_from(["a", "b", ']},"spec":{', "\\"])),
    st.just([]),
    st.just([{"a": [1, {"spec": []}]}]),
    st.just({}),
    st.none(),
)
_ELSEWHERE = st.dictionaries(
    st.sampled_from(["managedFields", 'x"managedFields', "oldObject", "spec"]), _MANAGED, max_size=2
)


@tried(500)
@given(managed_fields=_MANAGED, elsewhere=_ELSEWHERE, in_pod=_ELSEWHERE, first=st.booleans())
def test_managed_fields_never_change_an_answer(
    states: list[State], managed_fields: Any, elsewhere: dict[str, Any], in_pod: dict[str, Any], first: bool
) -> None:
    pod = {**pod_of(), **{name: value for name, value in in_pod.items() if name != "spec"}}
    pod["metadata"] = {**pod["metadata"], "managedFields": managed_fields}
    request = {"uid": "u-1", **elsewhere, "object": pod} if first else {"uid": "u-1", "object": pod, **elsewhere}
    body, state = compact(request), states[0]
    anew = State(state.setup, state.snapshot)
    assert told(answer(body, "/inject", state)) == told(answer(body, "/inject", anew))


def test_a_list_elsewhere_is_part_of_what_is_asked() -> None:
    """Whoever writes `managedFields` into another place cannot leave an answer for the pods of others."""
    state = State(default_setup(), EMPTY_SNAPSHOT)
    for number in range(4):
        pod = pod_of(annotations={"a": "b"})
        pod["metadata"] = {"deep": {"managedFields": [number]}, **pod["metadata"]}
        body = compact({"uid": f"u-{number}", "object": pod})
        anew = answer(body, "/inject", State(state.setup, state.snapshot))
        assert told(answer(body, "/inject", state)) == told(anew)
    assert state.answers.hits == 0


def test_pods_that_are_skipped_or_refused_are_not_remembered() -> None:
    """What is told to their authors needs the whole pod."""
    state = State(default_setup(), EMPTY_SNAPSHOT)
    for pod in 2 * [pod_of(hostNetwork=True), pod_of(annotations={"sidecar.istio.io/proxyCPU": "x"}), {"spec": 1}]:
        answer(written({"uid": "u-1", "object": pod}), "/inject", state)
    assert len(state.answers) == 0


def test_another_state_remembers_nothing() -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    for uid in ("u-1", "u-2"):
        answer(written({"uid": uid, "object": pod_of()}), "/inject", state)
    assert len(state.answers) == 1
    assert len(State(state.setup, state.snapshot).answers) == 0


def test_what_cannot_be_written_as_json_refuses_the_pod_in_words() -> None:
    """JSON is read deeper than it is written: 300 levels come in through an annotation, and cannot go out."""
    volume = '{"deep": ' + '{"a": ' * 300 + "1" + "}" * 301
    body = review_of(pod_of(annotations={"sidecar.istio.io/userVolume": volume}))
    found = answer(body, "/inject", State(default_setup(), EMPTY_SNAPSHOT))
    response = json.loads(found.body)["response"]
    assert found.status == 200
    assert not response["allowed"]
    assert "userVolume" in response["status"]["message"]
