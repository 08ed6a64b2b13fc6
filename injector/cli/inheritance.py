"""A worker that takes the place of another one begins where that one was, whatever stands in the files by then."""

import pickle
from collections.abc import Callable
from dataclasses import replace

from injector.cli.errors import InputError
from injector.core.admission import set_up
from injector.server.state import State
from injector.server.workers import LastGood


def leaving_behind(load: Callable[[], State], last_good: LastGood) -> Callable[[], State]:
    """Loads as `load` does, and leaves what was good to workers that come after this one."""

    def loaded() -> State:
        state = load()
        last_good.keep(pickle.dumps((state.setup.config, state.snapshot)))
        return state

    return loaded


def first_state(load: Callable[[], State], last_good: LastGood) -> State:
    """What `load` gives; where that is at fault, what an earlier worker left, with the fault told.

    Raises InputError where there is no earlier worker: who starts the program has to know.
    """
    try:
        return load()
    except InputError as error:
        held = last_good.content()
        if held is None:
            raise
        config, snapshot = pickle.loads(held)  # noqa: S301 -- written by this program, in memory that is its own
        return replace(State(set_up(config), snapshot), fault=str(error))
