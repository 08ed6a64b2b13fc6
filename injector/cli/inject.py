"""`injector inject`: manual injection of a file (reference section 14)."""

from injector.cli.options import ConfigFiles, InputFile, Sets, SnapshotFile
from injector.manifests import ManualFaults, injection, rewrite
from injector.runtime.errors import InputError
from injector.runtime.loading import read_setup, read_text, snapshot_of
from injector.runtime.terminal import warn, write


def inject(filename: InputFile, config: ConfigFiles = None, sets: Sets = None, snapshot: SnapshotFile = None) -> None:
    """Write every document of a file to standard output, workloads and bare pods injected, all else unchanged.

    Without a snapshot the namespace plays no part: only the pod's own label or annotation can opt out.
    """
    change = injection(read_setup(config, sets), snapshot_of(snapshot))
    try:
        rewritten = rewrite(read_text(filename), str(filename), change)
    except ManualFaults as faults:
        raise InputError(str(faults)) from faults
    warn(rewritten.warnings)
    write(rewritten.text)
