"""`injector check`: is this configuration fit to serve?"""

from collections.abc import Mapping

from injector.cli.errors import InputError
from injector.cli.inputs import ConfigFiles, Sets, SnapshotFile, read_configuration, snapshot_of, write
from injector.config import Loaded
from injector.core.admission import Setup, set_up
from injector.core.render import TemplateFault
from injector.core.trial import template_faults


def check(config: ConfigFiles = None, sets: Sets = None, snapshot: SnapshotFile = None) -> None:
    """Validate configuration and templates: every template is compiled and tried on sample pods."""
    cluster = snapshot_of(snapshot)
    loaded = read_configuration(config, sets)
    setup = checked_setup(loaded)
    write(f"configuration: valid\ntemplates: valid ({', '.join(setup.templates.names)})\n")
    if snapshot is not None:
        write(f"snapshot: valid ({len(cluster.namespaces)} namespaces, {len(cluster.nodes or ())} nodes)\n")


def checked_setup(loaded: Loaded) -> Setup:
    """The configuration made ready for use. Raises InputError with every fault of its templates, file and line told."""
    setup = set_up(loaded.config)
    faults = template_faults(setup)
    if faults:
        origins = loaded.template_origins
        raise InputError("\n".join(_located(fault, origins) for fault in faults))
    return setup


def _located(fault: TemplateFault, origins: Mapping[str, tuple[str, int]]) -> str:
    file, first_line = origins[fault.template]
    return f"{file}:{first_line + fault.line - 1}: {fault}"
