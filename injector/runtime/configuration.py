"""Where the configuration of a running server comes from: files and ConfigMaps, followed, else the last good one.

One at fault never replaces a good one: in a running server that stays in force, a worker inherits it from the one
before it, and a replica that starts finds it in a ConfigMap.
"""

import asyncio
import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event as Signal
from typing import Protocol

from injector.config import ConfigFaults, load
from injector.config.loader import ConfigText
from injector.config.watch import FileState, watch
from injector.core.setup import Setup, set_up
from injector.runtime.config_sources import DEFAULT_CONNECTION, ConfigSource, Connection, Installation
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.inputs import read_text
from injector.runtime.loading import checked_setup, installation_texts, load_sources, snapshot_of
from injector.server.run import Upkeep
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.workers import LastGood

_KEEP_SECONDS = 5.0
# The ConfigMaps of an installation mostly change together.
_BURST_SECONDS = 0.5
# After a fault the ConfigMaps are read again: it may have been the API server's.
_AGAIN_SECONDS = 30.0
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
        with as_input_error(ConfigFaults):
            return checked_setup(load([ConfigText(name, text) for name, text in self.files], self.sets))


class LastGoodStore(Protocol):
    """Where the last good configuration outlives the pod. Both methods raise InputError."""

    def load(self) -> Mapping[str, str]:
        """What is kept."""

    def keep(self, data: Mapping[str, str], digest: str) -> None:
        """Keep `data`; `digest` is for people."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the configuration is read from, `--set` flags, and the file that stands in for a cluster, if any.

    `connection` leads to the cluster of the installations among `config`.
    """

    config: tuple[ConfigSource, ...]
    sets: tuple[str, ...]
    snapshot: Path | None
    connection: Connection = DEFAULT_CONNECTION

    @property
    def files(self) -> list[Path]:
        """Every file whose change matters."""
        return [*(each for each in self.config if isinstance(each, Path)), *([self.snapshot] if self.snapshot else ())]

    @property
    def installations(self) -> list[Installation]:
        """Every installation whose change matters."""
        return [each for each in self.config if isinstance(each, Installation)]

    @property
    def names(self) -> list[str]:
        """All of it, for people."""
        return [*map(str, self.config), *([str(self.snapshot)] if self.snapshot else ())]

    def load(self) -> State:
        """The state that all this gives now. Raises InputError."""
        setup = checked_setup(load_sources(self.config, self.sets, self.connection))
        return State(setup, snapshot_of(self.snapshot))

    def texts(self) -> Texts:
        """What is written there now. Raises InputError."""
        return Texts(tuple(text for source in self.config for text in self._texts(source)), self.sets)

    def _texts(self, source: ConfigSource) -> Iterator[tuple[str, str]]:
        if isinstance(source, Installation):
            yield from ((each.name, each.text) for each in installation_texts(source, self.connection))
        else:
            yield source.name, read_text(source)


def following_files(
    inputs: Inputs, known: FileState, load: Callable[[], State], service: Service, telemetry: Telemetry
) -> Upkeep:
    """Loads anew when a file of `inputs` is no longer as `known`; what cannot be used leaves the last good state.

    `known` is what the files were before they were first loaded: a change while the server starts is not missed.
    """

    async def follow() -> None:
        async for _ in watch(inputs.files, known=known):
            fault = await asyncio.to_thread(service.reload, load, (InputError,))
            log_configuration(fault, inputs, telemetry)

    return follow


def following_installations(
    inputs: Inputs, load: Callable[[], State], service: Service, telemetry: Telemetry
) -> Upkeep:
    """Loads anew when a ConfigMap of an installation changes; what cannot be used leaves the last good state.

    Each is read once more when following begins: a change while the server starts is not missed.
    """

    async def follow() -> None:
        from injector.runtime.installation import InstallationWatch  # noqa: PLC0415 -- as in `loading`

        loop, woken, changed = asyncio.get_running_loop(), asyncio.Event(), Signal()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        def change() -> None:
            changed.set()
            wake()

        followed = InstallationWatch(inputs.installations, inputs.connection, change, wake)
        service.details["configMaps"] = lambda: {name: asdict(each) for name, each in followed.statuses.items()}
        followed.start()
        logged, lost = (service.state.fault, service.state.setup.digest), ""
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), _AGAIN_SECONDS if service.state.fault else None)
                await asyncio.sleep(_BURST_SECONDS)
                woken.clear()
                lost = _log_loss(followed.lost, lost, telemetry)
                if not (changed.is_set() or service.state.fault):
                    continue
                changed.clear()
                fault = await asyncio.to_thread(service.reload, load, (InputError,))
                if (fault, service.state.setup.digest) != logged:
                    logged = fault, service.state.setup.digest
                    log_configuration(fault, inputs, telemetry)
        finally:
            followed.stop()

    return follow


def _log_loss(lost: str, before: str, telemetry: Telemetry) -> str:
    if lost and not before:
        telemetry.log.warning("ConfigMaps no longer followed", message=lost)
    elif before and not lost:
        telemetry.log.info("ConfigMaps followed again")
    return lost


def log_configuration(fault: str, inputs: Inputs, telemetry: Telemetry) -> None:
    """Say whether what `inputs` hold is in force, and if not, for which `fault`."""
    telemetry.configuration_current.set(0 if fault else 1)
    if fault:
        telemetry.log.error("configuration refused, the last good one stays", fault=fault)
    elif inputs.names:
        telemetry.log.info("configuration in force", files=inputs.names)


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
