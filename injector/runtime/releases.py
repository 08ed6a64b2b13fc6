"""The configuration of the release that is installed in a cluster, for commands that look at one."""

from collections.abc import Sequence
from pathlib import Path

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.findings import Finding, ok, warning
from injector.cluster.release import Release, ReleaseConfig, release_config, releases
from injector.config.loader import ConfigText
from injector.core.setup import Setup, set_up
from injector.runtime.config_sources import Connection, config_sources
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.loading import checked_setup, load_texts, located_warnings, read_setup, source_texts
from injector.runtime.terminal import warn


def installed_setup(
    server: ApiServer, connection: Connection, names: Sequence[str] | None, sets: Sequence[str], release: str = ""
) -> Setup:
    """The configuration that `names` give, else that of the installed release; standard error says which it is.

    `release` names one of several. Raises InputError where there are several and none is chosen, or where the
    configuration cannot be read.
    """
    if names:
        return read_setup(names, sets, connection)
    with as_input_error(ClusterError):
        found = chosen(releases(server), release)
        if found is None:
            warn(["configuration: the shipped defaults, since no webhook configuration here calls an injector"])
            return read_setup(None, sets, connection)
        config = release_config(server, found)
    warn([f"configuration: {_sources(config)} (release {found.name}, revision {found.revision})"])
    return set_up(load_texts(_texts(config, connection), (*config.sets, *sets)).config)


def installed_configuration(
    server: ApiServer, connection: Connection, release: Release, sets: Sequence[str]
) -> tuple[Setup, list[Finding]]:
    """The configuration of `release`, and what is to be said of it.

    Where it is at fault the shipped defaults for its revision stand in, so that everything else can be looked at.
    """
    try:
        with as_input_error(ClusterError):
            config = release_config(server, release)
        loaded = load_texts(_texts(config, connection), (*config.sets, *sets))
        setup = checked_setup(loaded)
    except InputError as error:
        command = f"kubectl get configmap -n {release.namespace or 'NAMESPACE'} -o yaml"
        found = [Finding("configuration", line, command=command) for line in str(error).splitlines()]
        return set_up(load_texts((), (f"revision={release.revision}", *sets)).config), found
    templates = ", ".join(setup.templates.names)
    valid = ok(_sources(config), f"is valid, with the templates {templates} (revision {release.revision})")
    return setup, [valid, *(warning("templates", line) for line in located_warnings(loaded, setup))]


def _sources(config: ReleaseConfig) -> str:
    return ", ".join(name for name, _ in config.sources) or "no file"


def _texts(config: ReleaseConfig, connection: Connection) -> list[Path | ConfigText]:
    return [
        text
        for name, content in config.sources
        for text in (
            source_texts(config_sources([name])[0], connection) if content is None else [ConfigText(name, content)]
        )
    ]


def chosen(found: Sequence[Release], name: str) -> Release | None:
    """The release `name`, or the only one; None where there is none. Raises InputError."""
    names = [each.name for each in found]
    if name:
        if name not in names:
            raise InputError(f"there is no release {name!r} here; valid: {', '.join(names) or 'none is installed'}")
        return found[names.index(name)]
    if len(found) > 1:
        raise InputError(
            f"{len(found)} releases are installed here: choose one with --release; valid: {', '.join(names)}"
        )
    return found[0] if found else None
