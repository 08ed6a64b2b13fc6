"""Reading what the options of a command name: configuration, snapshot, files."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from injector.cluster.snapshot_file import SnapshotFaults, read_snapshot
from injector.config import ConfigFaults, Loaded, load
from injector.config.loader import ConfigText
from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.core.render import TemplateFault
from injector.core.setup import Setup, set_up
from injector.core.template_check import template_faults, template_warnings
from injector.runtime.config_sources import DEFAULT_CONNECTION, ConfigSource, Connection, Installation, config_sources
from injector.runtime.errors import InputError
from injector.runtime.terminal import warn


def read_configuration(
    names: Iterable[str | Path] | None, sets: Iterable[str] | None, connection: Connection = DEFAULT_CONNECTION
) -> Loaded:
    """The configuration that the options name; notices and warnings go to standard error.

    Raises InputError, and UsageError for a name that cannot be one.
    """
    return load_sources(config_sources(names), sets or (), connection)


def load_sources(sources: Iterable[ConfigSource], sets: Iterable[str], connection: Connection) -> Loaded:
    """The configuration in `sources`; notices and warnings go to standard error. Raises InputError."""
    return load_texts([text for source in sources for text in source_texts(source, connection)], sets)


def load_texts(texts: Sequence[Path | ConfigText], sets: Iterable[str]) -> Loaded:
    """The configuration in `texts`; notices and warnings go to standard error. Raises InputError."""
    try:
        loaded = load(texts, tuple(sets))
    except ConfigFaults as faults:
        raise InputError(str(faults)) from faults
    warn((*loaded.notices, *loaded.warnings))
    return loaded


def source_texts(source: ConfigSource, connection: Connection) -> Sequence[Path | ConfigText]:
    """The configuration files that `source` stands for. Raises InputError."""
    return installation_texts(source, connection) if isinstance(source, Installation) else [source]


def installation_texts(installation: Installation, connection: Connection) -> Sequence[ConfigText]:
    """The ConfigMaps of an installation, as configuration files. Raises InputError."""
    # The official client takes 38 MB and a fifth of a second to load: not for files.
    from injector.runtime.installation import read_installation  # noqa: PLC0415

    return read_installation(installation, connection)


def read_setup(
    names: Iterable[str | Path] | None, sets: Iterable[str] | None, connection: Connection = DEFAULT_CONNECTION
) -> Setup:
    """The configuration, ready for use. Raises InputError, and UsageError for a name that cannot be one.

    A command has few pods: to make templates quick for many takes longer than to render them the plain way.
    """
    return set_up(read_configuration(names, sets, connection).config, optimise=False)


def checked_setup(loaded: Loaded, *, optimise: bool = True) -> Setup:
    """The configuration made ready for use; `optimise` as in TemplateSet.

    Raises InputError with every fault of its templates, each with file and line.
    """
    setup = set_up(loaded.config, optimise=optimise)
    faults = located_faults(loaded, setup)
    if faults:
        raise InputError("\n".join(faults))
    return setup


def located_faults(loaded: Loaded, setup: Setup) -> list[str]:
    """Every fault of the templates, with file and line."""
    return _all_located(loaded, template_faults(setup))


def located_warnings(loaded: Loaded, setup: Setup) -> list[str]:
    """What templates without faults do that may not be meant, with file and line."""
    return _all_located(loaded, template_warnings(setup))


def _all_located(loaded: Loaded, faults: Sequence[TemplateFault]) -> list[str]:
    origins = loaded.template_origins if faults else {}
    return [_located(fault, origins) for fault in faults]


def _located(fault: TemplateFault, origins: Mapping[str, tuple[str, int]]) -> str:
    file, first_line = origins[fault.template]
    return f"{file}:{first_line + fault.line - 1}: {fault}"


def snapshot_of(path: Path | None) -> Snapshot:
    """The cluster that a snapshot file describes; an empty snapshot without a file. Raises InputError."""
    try:
        return EMPTY_SNAPSHOT if path is None else read_snapshot(path)
    except SnapshotFaults as faults:
        raise InputError(str(faults)) from faults
