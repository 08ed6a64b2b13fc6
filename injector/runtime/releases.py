"""The configuration of the release that is installed in a cluster, for commands that look at one."""

from collections.abc import Sequence

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.release import Release, release_config, releases
from injector.config.loader import ConfigText
from injector.core.admission import Setup, set_up
from injector.runtime.config_sources import Connection, config_sources
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.loading import load_texts, read_setup, source_texts
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
    read = ", ".join(name for name, _ in config.sources) or "no file"
    warn([f"configuration: {read} (release {found.name}, revision {found.revision})"])
    texts = [
        text
        for name, content in config.sources
        for text in (
            source_texts(config_sources([name])[0], connection) if content is None else [ConfigText(name, content)]
        )
    ]
    return set_up(load_texts(texts, (*config.sets, *sets)).config)


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
