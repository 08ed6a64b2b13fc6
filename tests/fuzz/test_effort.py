"""A review costs at most what ten small pods cost, and five harmless ones of its size, whatever is in it."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from itertools import combinations, permutations

import orjson
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from injector.core.effort import MOST_UNITS
from injector.core.model import Pod
from injector.server.handler import Answer, answer
from injector.server.state import State
from tests.bench.instructions import counted
from tests.bench.subjects import SNAPSHOT, review, small_pod
from tests.fuzz.dear import KINDS, for_templates
from tests.fuzz.effort import fuzzed_less
from tests.support import fresh_setup

SETUP = fresh_setup()
LARGEST_BODY = 1_500_000


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Templates are compiled for the first pod that asks for them, whoever sends it."""
    for name in SETUP.templates.names:
        pod = small_pod(1)
        for own in ({}, {"proxy.istio.io/config": "concurrency: 1"}):
            pod["metadata"]["annotations"] = {"inject.istio.io/templates": name, **own}
            answer(review(pod, 1), "/inject", State(SETUP, SNAPSHOT))
    SETUP.footprint()


def cost(body: bytes) -> tuple[int, Answer]:
    """The instructions that the answer to `body` takes, and the answer."""
    state = State(SETUP, SNAPSHOT)
    answers: list[Answer] = []
    return counted(lambda: answers.append(answer(body, "/inject", state))), answers[0]


@cache
def cost_of_harmless(size: int) -> int:
    """The cost of a small pod that is as long as `size`, of which injection reads nothing."""
    pod = small_pod(2)
    pod["metadata"]["annotations"] = {"example.org/note": "a" * min(size, 250_000)}
    return cost(review(pod, 2))[0]


def bound(size: int) -> int:
    return 10 * cost_of_harmless(0) + 5 * cost_of_harmless(size)


def checked_cost(pod: Pod) -> float:
    """The share of its bound that a review takes, which is at most all of it; a refusal is short."""
    body = review(pod, 3)
    taken, given_answer = cost(body)
    assert given_answer.error is None
    assert taken <= bound(len(body)), f"{taken:,} instructions for {len(body):,} bytes"
    assert given_answer.admission is not None
    assert len(given_answer.admission.message) <= 4096
    assert sum(map(len, given_answer.admission.warnings)) <= 4096
    return taken / bound(len(body))


@pytest.mark.parametrize("number", [30, 180, 300, 1_000, 5_000, 100_000])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_dear_review_stays_within_the_bound(kind: str, number: int) -> None:
    pod = KINDS[kind](number)
    if len(orjson.dumps(pod)) < LARGEST_BODY:
        checked_cost(pod)


def test_what_would_take_more_is_refused_and_the_bound_is_named() -> None:
    _, found = cost(review(KINDS["probes"](500), 3))
    assert found.admission is not None
    assert not found.admission.allowed
    assert f"at most {MOST_UNITS:,}; most of it for 500 containers" in found.admission.message


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("variables", 5_000), ("containers", 60), ("probes", 25), ("ports", 500), ("labels", 500),
        ("annotations", 500), ("volumes", 200), ("CIDRs", 200), ("ports to exclude", 1_000), ("user volumes", 50),
        ("proxyMetadata", 300),
        ("a template named often, and proxyMetadata", 300),
        ("lines of a ProxyConfig", 300), ("two templates", 1), ("containers in a template", 20),
        ("variables of an own proxy", 150),
    ],
)  # fmt: skip
def test_what_a_person_may_write_is_injected(kind: str, number: int) -> None:
    _, found = cost(review(KINDS[kind](number), 3))
    assert found.admission is not None
    assert found.admission.allowed, found.admission.message


@pytest.mark.parametrize("number", [5, 30, 100, 180, 300])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_injected_once_is_injected_again(kind: str, number: int) -> None:
    """The API server asks again when another webhook has changed the pod: a refusal would come too late."""
    _, once = cost(review(KINDS[kind](number), 3))
    if once.admission is not None and once.admission.allowed:
        checked_cost(once.admission.pod)
        _, again = cost(review(once.admission.pod, 3))
        assert again.admission is not None
        assert again.admission.allowed, again.admission.message
        assert again.admission.patch == ()


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("own", [{}, {"sidecar.istio.io/nativeSidecar": "false"}], ids=len)
def test_what_several_templates_inject_is_injected_again(number: int, own: Mapping[str, str]) -> None:
    """Each finds in the pod what the others wrote into the containers that they share."""
    state = State(SETUP, SNAPSHOT)
    for names in permutations(TEMPLATE_NAMES, number):
        pod = for_templates(small_pod(3), ",".join(names))
        pod["metadata"]["annotations"] |= own
        once = answer(review(pod, 3), "/inject", state).admission
        assert once is not None
        if once.allowed:
            again = answer(review(once.pod, 3), "/inject", state).admission
            assert again is not None
            assert (again.message, again.patch) == ("", ()), names


TEMPLATE_NAMES = ("sidecar", "gateway", "grpc-simple", "grpc-agent", "envoy", "envoy-gateway")
CNI = {"sidecar.istio.io/interceptionMode": "REDIRECT"}
MANY_KEYS = {"proxy.istio.io/config": f"proxyMetadata: {{{','.join(f'{each:x}: x' for each in range(150))}}}"}
MISSPELT = {f"sidecar.istio.io/proxyCPU{each}": "" for each in range(9)}
FAULTY_MOUNT = {"sidecar.istio.io/userVolumeMount": '{"v": {"mountPath": [7]}}'}


def claiming(names: Sequence[str], own: Mapping[str, str]) -> Pod:
    """A pod as `envoy-gateway` makes it that asks for other templates, with a record that is none."""
    pod: Pod = cost(review(for_templates(small_pod(3), "envoy-gateway"), 3))[1].admission.pod  # type: ignore[union-attr]
    pod = orjson.loads(orjson.dumps(pod))
    status = orjson.loads(pod["metadata"]["annotations"]["sidecar.istio.io/status"]) | {"original": {"labels": 7}}
    pod["metadata"]["annotations"] |= {
        "inject.istio.io/templates": ",".join(names),
        "sidecar.istio.io/status": orjson.dumps(status).decode(),
        **own,
    }
    return pod


@pytest.mark.parametrize("own", [{}, CNI, CNI | MANY_KEYS, MISSPELT, FAULTY_MOUNT], ids=len)
@pytest.mark.parametrize("names", [*combinations(TEMPLATE_NAMES, 2), TEMPLATE_NAMES[:3], TEMPLATE_NAMES], ids=",".join)
def test_an_injection_that_has_to_be_taken_out_first_costs_little_more(
    names: Sequence[str], own: Mapping[str, str]
) -> None:
    body = review(claiming(names, own), 3)
    taken, once = cost(body)
    assert taken <= bound(len(body)), f"{taken:,} instructions"
    assert once.admission is not None
    if once.admission.allowed:
        _, again = cost(review(once.admission.pod, 3))
        assert again.admission is not None
        assert again.admission.allowed, again.admission.message


@st.composite
def mixed(draw: st.DrawFn) -> Pod:
    """A pod with several dear parts at once: each of them may be within the bound, and all together not."""
    pod = small_pod(3)
    for kind in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4, unique=True)):
        other = KINDS[kind](draw(st.sampled_from([1, 5, 20, 60, 100, 200, 400, 1_000])))
        for field in ("annotations", "labels"):
            pod["metadata"].setdefault(field, {}).update(other["metadata"].get(field, {}))
        for field, value in other["spec"].items():
            if isinstance(value, list) and isinstance(pod["spec"].get(field), list):
                names = {item.get("name") for item in value}
                pod["spec"][field] = [*(each for each in pod["spec"][field] if each.get("name") not in names), *value]
            else:
                pod["spec"][field] = value
    return pod


@fuzzed_less
@given(pod=mixed())
def test_the_dearest_review_that_a_search_finds_is_within_the_bound(pod: Pod) -> None:
    target(checked_cost(pod), label="share of the bound")


@pytest.mark.parametrize("number", [5, 30])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_remembered_of_a_shape_stays_within_the_bound(kind: str, number: int) -> None:
    """Whoever sends pods of one shape, or the same one again, has the server find out what counts of them."""
    for names in ("compiled", "same", "other"):
        state = State(SETUP, SNAPSHOT)
        for turn in range(3):
            pod = KINDS[kind](number)
            pod["spec"]["serviceAccountName"] = names if names == "same" else f"{names}-{turn}"
            body = review(pod, turn)
            taken = counted(partial(answer, body, "/inject", state))
            # What a template gives that it never gave before is compiled once, and once with holes.
            if names != "compiled":
                assert taken <= bound(len(body)), f"turn {turn}: {taken:,} instructions for {len(body):,} bytes"
