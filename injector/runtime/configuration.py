"""Where the configuration of a running server comes from: its files, followed on disk, else the last good one.

A file at fault never replaces a good configuration: in a running server that stays in force, a worker inherits it from
the one before it, and a replica that starts finds it in a ConfigMap.
"""

import asyncio
import json
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from injector.config import ConfigFaults, load
from injector.config.watch import FileState, watch
from injector.core.admission import Setup, set_up
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.loading import checked_setup, read_configuration, read_text, snapshot_of
from injector.server.run import Upkeep
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.workers import LastGood

_KEEP_SECONDS = 5.0
_SETS_KEY = "sets.json"
_NUMBERED = re.compile(r"[0-9]{3}\.(?P<name>.+)")
_FORBIDDEN = re.compile(r"[^-._a-zA-Z0-9]")


@dataclass(frozen=True, slots=True)
class Texts:
    """A configuration as it was written: files by name, later ones win, and `--set` flags."""

    files: tuple[tuple[str, str], ...]
    sets: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "Texts | None":
        """What the `data` of a ConfigMap holds; None where it is no configuration that was kept."""
        files = tuple((found["name"], data[key]) for key in sorted(data) if (found := _NUMBERED.fullmatch(key)))
        try:
            sets = tuple(map(str, json.loads(data.get(_SETS_KEY, "[]"))))
        except (ValueError, TypeError):
            return None
        return cls(files, sets) if files or sets else None

    def data(self) -> dict[str, str]:
        """The `data` of a ConfigMap. Its keys are in no order, so each file carries its number."""
        files = {f"{at:03}.{_FORBIDDEN.sub('_', name)}": text for at, (name, text) in enumerate(self.files)}
        return {**files, **({_SETS_KEY: json.dumps(self.sets)} if self.sets else {})}

    def setup(self) -> Setup:
        """The configuration that is written so. Raises InputError."""
        with TemporaryDirectory() as directory:
            files = [Path(directory) / str(number) / name for number, (name, _) in enumerate(self.files)]
            for file, (_, text) in zip(files, self.files, strict=True):
                file.parent.mkdir()
                file.write_text(text, encoding="utf-8")
            with as_input_error(ConfigFaults):
                return checked_setup(load(files, self.sets))


class LastGoodStore(Protocol):
    """Where the last good configuration outlives the pod. Both methods raise InputError."""

    def load(self) -> Mapping[str, str]:
        """What is kept."""

    def keep(self, data: Mapping[str, str], digest: str) -> None:
        """Keep `data`; `digest` is for people."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Configuration files, `--set` flags, and the file that stands in for a cluster, if any."""

    config: tuple[Path, ...]
    sets: tuple[str, ...]
    snapshot: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file whose change matters."""
        return [*self.config, *([self.snapshot] if self.snapshot else ())]

    def load(self) -> State:
        """The state that the files give now. Raises InputError."""
        setup = checked_setup(read_configuration(list(self.config), list(self.sets)))
        return State(setup, snapshot_of(self.snapshot))

    def texts(self) -> Texts:
        """What is written in them now. Raises InputError."""
        return Texts(tuple((file.name, read_text(file)) for file in self.config), self.sets)


def following_configuration(
    files: Sequence[Path], known: FileState, load: Callable[[], State], service: Service, telemetry: Telemetry
) -> Upkeep:
    """Loads anew when one of `files` is no longer as `known`; what cannot be used leaves the last good state in force.

    `known` is what the files were before they were first loaded: a change while the server starts is not missed.
    """

    async def follow() -> None:
        async for _ in watch(files, known=known):
            fault = await asyncio.to_thread(service.reload, load, (InputError,))
            tell_of_configuration(fault, files, telemetry)

    return follow


def tell_of_configuration(fault: str, files: Sequence[Path], telemetry: Telemetry) -> None:
    """Say whether what stands in `files` is in force, and if not, for which `fault`."""
    telemetry.configuration_current.set(0 if fault else 1)
    if fault:
        telemetry.log.error("configuration refused, the last good one stays", fault=fault)
    elif files:
        telemetry.log.info("configuration in force", files=[str(file) for file in files])


def leaving_behind(load: Callable[[], State], last_good: LastGood) -> Callable[[], State]:
    """Loads as `load` does, and leaves what was good to workers that come after this one."""

    def loaded() -> State:
        state = load()
        last_good.keep(pickle.dumps((state.setup.config, state.snapshot)))
        return state

    return loaded


def first_state(load: Callable[[], State], *earlier: Callable[[], State | None]) -> State:
    """What `load` gives; where that is at fault, the first that there is of `earlier`, and its `fault` says why.

    Raises InputError where there is none: who starts the program has to know.
    """
    try:
        return load()
    except InputError as error:
        fault = str(error)
        for find in earlier:
            try:
                state = find()
            except InputError as another:
                raise InputError(f"{fault}\nthe last good configuration: {another}") from another
            if state is not None:
                return replace(state, fault=fault)
        raise


def inherited_state(last_good: LastGood) -> Callable[[], State | None]:
    """Finds what an earlier worker of this replica served from."""

    def inherited() -> State | None:
        held = last_good.content()
        if held is None:
            return None
        config, snapshot = pickle.loads(held)  # noqa: S301 -- written by this program, in memory that is its own
        return State(set_up(config), snapshot)

    return inherited


def kept_state(inputs: Inputs, store: LastGoodStore) -> Callable[[], State | None]:
    """Finds what an earlier replica served from; it raises InputError where that cannot be read, or is at fault."""

    def kept() -> State | None:
        texts = Texts.of(store.load())
        return None if texts is None else State(texts.setup(), snapshot_of(inputs.snapshot))

    return kept


def keeping_last_good(inputs: Inputs, store: LastGoodStore, service: Service, telemetry: Telemetry) -> Upkeep:
    """Keeps in `store` whatever is in force and good, for replicas that start later."""

    async def keep() -> None:
        kept, told = "", ""
        while True:
            state = service.state
            if not state.fault and state.setup.digest != kept:
                fault = await asyncio.to_thread(_keep, inputs, store, state.setup.digest)
                if not fault:
                    kept = state.setup.digest
                    telemetry.log.info("last good configuration kept", where=str(store), digest=kept)
                elif fault != told:
                    telemetry.log.warning("last good configuration not kept", where=str(store), fault=fault)
                told = fault
            await asyncio.sleep(_KEEP_SECONDS)

    return keep


def _keep(inputs: Inputs, store: LastGoodStore, digest: str) -> str:
    """Why what is in force could not be kept; empty where it was."""
    try:
        texts = inputs.texts()
        # The files may have changed since they were loaded: what is kept is what was tried.
        if texts.setup().digest != digest:
            return "the files have changed since they were loaded"
        store.keep(texts.data(), digest)
    except InputError as error:
        return str(error)
    return ""
