"""`injector inject`: manual injection of files (reference section 14)."""

from injector.cli.options import (
    ConfigFiles,
    DefaultNamespace,
    InPlace,
    InputFiles,
    OutputFile,
    Recursive,
    Sets,
    ShowDiff,
    SnapshotFile,
)
from injector.manifests import injection
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.rewriting import Destination, rewrite_files


def inject(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: InputFiles,
    recursive: Recursive = False,  # noqa: FBT002 -- an option
    namespace: DefaultNamespace = "",
    output: OutputFile = "",
    in_place: InPlace = False,  # noqa: FBT002
    diff: ShowDiff = False,  # noqa: FBT002
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
) -> None:
    """Write every document of the files, workloads and bare pods injected, all else unchanged.

    Without a snapshot the namespace plays no part: only the pod's own label or annotation can opt out. What was left
    alone, and why, is said on standard error.
    """
    destination = Destination.chosen(output, in_place=in_place, diff=diff)
    change = injection(read_setup(config, sets), snapshot_of(snapshot), namespace)
    rewrite_files(filename, change, destination, recursive=recursive)
