"""Reviews of a real API server, and what the benchmark makes of them."""

from base64 import b64decode

import jsonpatch
import orjson
import pytest

from injector.server.handler import answer
from injector.server.state import State
from tests.bench.recorded import PODS, never_seen, recorded, replica
from tests.bench.subjects import SNAPSHOT
from tests.support import default_setup


def hits(bodies: list[bytes]) -> int:
    """How many are answered from memory."""
    state = State(default_setup(), SNAPSHOT)
    for body in bodies:
        assert b'"patch"' in answer(body, "/inject", state).body
    return state.answers.hits


@pytest.mark.parametrize("name", PODS)
def test_replicas_are_answered_from_memory_and_other_workloads_are_not(name: str) -> None:
    assert hits([replica(name, number) for number in range(6)]) == 4
    assert hits([never_seen(name, number) for number in range(6)]) == 0


@pytest.mark.parametrize("name", [name for name in PODS if len(recorded(name)) > 2 and name != "bare"])
def test_what_a_controller_made_is_answered_from_memory(name: str) -> None:
    assert hits(recorded(name)) == len(recorded(name)) - 2


def reviewed_again(body: bytes) -> bytes:
    """The review of the injected pod, to which the API server has added mounts of its token since."""
    review = orjson.loads(body)
    response = orjson.loads(answer(body, "/inject", State(default_setup(), SNAPSHOT)).body)["response"]
    pod = jsonpatch.apply_patch(review["request"]["object"], orjson.loads(b64decode(response["patch"])))
    (volume,) = (each["name"] for each in pod["spec"]["volumes"] if each["name"].startswith("kube-api-access-"))
    mount = {"name": volume, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    for container in (*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())):
        mounts = container.get("volumeMounts", [])
        container["volumeMounts"] = mounts if mount in mounts else [*mounts, mount]
    review["request"]["object"] = pod
    return orjson.dumps(review)


@pytest.mark.parametrize("name", PODS)
def test_pods_that_are_reviewed_again_are_answered_from_memory(name: str) -> None:
    state = State(default_setup(), SNAPSHOT)
    for number in range(6):
        body = reviewed_again(replica(name, number))
        found = answer(body, "/inject", state).body
        assert b'"patch"' not in found
        assert found == answer(body, "/inject", State(state.setup, SNAPSHOT)).body
    assert state.answers.hits == 4


@pytest.mark.parametrize("name", PODS)
def test_a_made_replica_is_a_review_with_names_of_its_own(name: str) -> None:
    first, second = (orjson.loads(replica(name, number))["request"] for number in (1, 2))
    assert first["uid"] != second["uid"]
    assert first["object"]["spec"]["containers"][0]["image"] == second["object"]["spec"]["containers"][0]["image"]
    assert first != second
