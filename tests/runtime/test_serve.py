"""A worker begins with its files, else with what the one before it served from."""

from collections.abc import Callable

import pytest

from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.runtime.errors import InputError
from injector.runtime.serve import first_state, leaving_behind
from injector.server.state import State
from injector.server.workers import LastGood
from tests.support import default_setup

GOOD = State(default_setup(), Snapshot({"shop": {"metadata": {"name": "shop"}}}))


def failing(message: str) -> Callable[[], State]:
    def load() -> State:
        raise InputError(message)

    return load


def test_what_the_files_give_is_taken_and_left_behind() -> None:
    last_good = LastGood()
    assert first_state(leaving_behind(lambda: GOOD, last_good), last_good) is GOOD
    inherited = first_state(leaving_behind(failing("config.yaml: broken"), last_good), last_good)
    assert inherited.fault == "config.yaml: broken"
    assert inherited.setup.digest == GOOD.setup.digest
    assert inherited.setup.config == GOOD.setup.config
    assert inherited.snapshot == GOOD.snapshot


def test_the_last_good_one_counts() -> None:
    last_good = LastGood()
    for state in (GOOD, State(default_setup(), EMPTY_SNAPSHOT)):
        leaving_behind(lambda: state, last_good)()  # noqa: B023 -- called here
    assert first_state(failing("broken"), last_good).snapshot == EMPTY_SNAPSHOT


def test_the_first_worker_has_nothing_to_go_on() -> None:
    with pytest.raises(InputError, match="broken"):
        first_state(failing("broken"), LastGood())
