"""A server begins with its files, else with what an earlier worker or replica served from."""

import asyncio
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.runtime import configuration
from injector.runtime.configuration import (
    Inputs,
    Texts,
    first_state,
    inherited_state,
    keeping_last_good,
    kept_state,
    leaving_behind,
)
from injector.runtime.errors import InputError
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.workers import LastGood
from tests.support import default_setup

GOOD = State(default_setup(), Snapshot({"shop": {"metadata": {"name": "shop"}}}))


def failing(message: str) -> Callable[[], State]:
    def load() -> State:
        raise InputError(message)

    return load


def test_what_the_files_give_is_taken_and_left_behind() -> None:
    last_good = LastGood()
    assert first_state(leaving_behind(lambda: GOOD, last_good), inherited_state(last_good)) is GOOD
    inherited = first_state(leaving_behind(failing("config.yaml: broken"), last_good), inherited_state(last_good))
    assert inherited.fault == "config.yaml: broken"
    assert inherited.setup.digest == GOOD.setup.digest
    assert inherited.setup.config == GOOD.setup.config
    assert inherited.snapshot == GOOD.snapshot


def test_the_last_good_one_counts() -> None:
    last_good = LastGood()
    for state in (GOOD, State(default_setup(), EMPTY_SNAPSHOT)):
        leaving_behind(lambda: state, last_good)()  # noqa: B023 -- called here
    assert first_state(failing("broken"), inherited_state(last_good)).snapshot == EMPTY_SNAPSHOT


def test_the_first_worker_has_nothing_to_go_on() -> None:
    with pytest.raises(InputError, match="broken"):
        first_state(failing("broken"), inherited_state(LastGood()))


class Store:
    """What a replica finds, as an API server keeps it."""

    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        self.data, self.digest, self.writes = dict(data or {}), "", 0
        self.fault = ""

    def load(self) -> Mapping[str, str]:
        self._refuse()
        return self.data

    def keep(self, data: Mapping[str, str], digest: str) -> None:
        self._refuse()
        self.data, self.digest, self.writes = dict(data), digest, self.writes + 1

    def _refuse(self) -> None:
        if self.fault:
            raise InputError(self.fault)


class Room:
    """A server's configuration: two files and a flag."""

    def __init__(self, directory: Path) -> None:
        self.files = directory / "first.yaml", directory / "my config.yaml"
        self.files[0].write_text("policy: disabled\nrevision: blue\n", encoding="utf-8")
        self.files[1].write_text("policy: enabled\n", encoding="utf-8")
        self.inputs = Inputs(self.files, ("revisionTags={prod,next}",), None)
        self.store = Store()

    def started(self) -> State:
        return first_state(self.inputs.load, kept_state(self.inputs, self.store))

    def keep(self, state: State) -> bytes:
        """Serve from `state` until the store has it or the log says why not, and a little longer; gives the log."""
        log = io.BytesIO()
        service, telemetry = Service(state), Telemetry(log)

        async def run() -> None:
            upkeep = asyncio.ensure_future(keeping_last_good(self.inputs, self.store, service, telemetry)())
            for _ in range(0 if state.fault else 1_000):
                if log.getvalue():
                    break
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.2)
            upkeep.cancel()

        asyncio.run(run())
        return log.getvalue()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(configuration, "_KEEP_SECONDS", 0.05)
    return Room(tmp_path)


def test_another_replica_starts_from_what_was_good(place: Room) -> None:
    good = place.started()
    place.keep(good)
    assert (place.store.digest, place.store.writes) == (good.setup.digest, 1)
    place.files[1].write_text("policy: perhaps\n", encoding="utf-8")
    other = place.started()
    assert other.setup.config == good.setup.config
    assert "perhaps" in other.fault


def test_what_is_at_fault_is_not_kept(place: Room) -> None:
    place.keep(replace(place.started(), fault="broken"))
    assert place.store.writes == 0


def test_what_is_no_longer_in_the_files_is_not_kept(place: Room) -> None:
    good = place.started()
    place.files[1].write_text("policy: disabled\n", encoding="utf-8")
    assert b"the files have changed since they were loaded" in place.keep(good)
    assert place.store.writes == 0


def test_a_store_that_refuses_is_logged_once(place: Room) -> None:
    good = place.started()
    place.store.fault = "ConfigMap mesh/kept: 403"
    assert place.keep(good).count(b"ConfigMap mesh/kept: 403") == 1


@pytest.mark.parametrize("data", [{}, {"other": "x"}, {"sets.json": "{"}, {"sets.json": "3"}])
def test_where_nothing_is_kept_a_start_fails(place: Room, data: dict[str, str]) -> None:
    place.store.data = data
    place.files[1].write_text("policy: perhaps\n", encoding="utf-8")
    with pytest.raises(InputError, match="perhaps"):
        place.started()


@pytest.mark.parametrize(("data", "said"), [({"000.a.yaml": "policy: never"}, "never"), ({}, "403")])
def test_where_what_is_kept_is_at_fault_both_are_named(place: Room, data: dict[str, str], said: str) -> None:
    place.store.data, place.store.fault = data, "" if data else "ConfigMap: 403"
    place.files[1].write_text("policy: perhaps\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"perhaps(.|\n)*the last good configuration: (.|\n)*{said}"):
        place.started()


def test_keys_of_a_config_map_are_what_kubernetes_allows() -> None:
    texts = Texts((("a b/ü.yaml", "x: 1"), ("c.yaml", "")), ("x=a\nb",))
    data = texts.data()
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]+", key) for key in data)
    assert Texts.of(data) == Texts((("a_b__.yaml", "x: 1"), ("c.yaml", "")), ("x=a\nb",))
