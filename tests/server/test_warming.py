"""What the first pods need is compiled before they come."""

from dataclasses import replace

import pytest

from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.server.handler import answer
from injector.server.state import State
from injector.server.warming import warm, warmed
from tests.bench import recorded
from tests.bench.instructions import counted
from tests.bench.subjects import SMALL, SNAPSHOT, asking_for, review, small_pod
from tests.support import fresh_setup

# To compile the smallest of the templates takes 200,000 instructions.
MOST_INSTRUCTIONS = 100_000
NAMES = fresh_setup().templates.names


@pytest.fixture(scope="module")
def state() -> State:
    made = State(fresh_setup(), SNAPSHOT)
    warm(made)
    return made


def first(state: State, body: bytes) -> int:
    """The instructions of a review, nothing of which has been remembered."""
    fresh = State(state.setup, state.snapshot)
    return counted(lambda: answer(body, "/inject", fresh))


def annotated() -> Pod:
    pod = small_pod(1)
    pod["metadata"]["annotations"] = {"sidecar.istio.io/proxyCPU": "100m", "sidecar.istio.io/nativeSidecar": "false"}
    return pod


def test_without_warming_the_first_review_is_dear() -> None:
    assert first(State(fresh_setup(), SNAPSHOT), review(SMALL.make(1), 1)) > 2 * MOST_INSTRUCTIONS


@pytest.mark.parametrize("names", [*NAMES, "sidecar,grpc-agent", "gateway,envoy"])
def test_the_first_pod_of_a_template_costs_what_the_next_one_does(state: State, names: str) -> None:
    assert first(state, review(asking_for(names).make(1), 1)) < MOST_INSTRUCTIONS


@pytest.mark.parametrize("name", recorded.PODS)
def test_so_does_the_first_pod_of_a_controller(state: State, name: str) -> None:
    assert first(state, recorded.replica(name, 1)) < MOST_INSTRUCTIONS


def test_so_does_the_first_pod_with_annotations(state: State) -> None:
    assert first(state, review(annotated(), 1)) < MOST_INSTRUCTIONS


def test_another_configuration_is_ready_before_it_is_in_force() -> None:
    loaded = warmed(lambda: State(fresh_setup(), EMPTY_SNAPSHOT))()
    assert {*loaded.setup.templates.compiled_for_usual_pods} == {*NAMES}
    assert len(loaded.answers) == 0


def test_a_template_that_breaks_keeps_no_other_from_being_ready() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    setup = replace(fresh_setup(), footprint=broken)
    warm(State(setup, EMPTY_SNAPSHOT))
    assert {*setup.templates.compiled_for_usual_pods} == {*NAMES}
