"""`injector uninject`: the inverse of manual injection."""

from injector.cli.options import (
    ConfigFiles,
    InPlace,
    InputFiles,
    OutputFile,
    Recursive,
    Sets,
    ShowDiff,
    SnapshotFile,
)
from injector.manifests import removal
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.rewriting import Destination, rewrite_files


def uninject(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: InputFiles,
    recursive: Recursive = False,  # noqa: FBT002 -- an option
    output: OutputFile = "",
    in_place: InPlace = False,  # noqa: FBT002
    diff: ShowDiff = False,  # noqa: FBT002
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
) -> None:
    """Write every document of the files without what injection added, and with what it rewrote.

    What its annotations say was injected is taken out as far as the templates in force give it: give the configuration
    with which the file was injected. A file comes back byte for byte, as far as its annotations may hold how it was
    written.
    """
    destination = Destination.chosen(output, in_place=in_place, diff=diff)
    change = removal(read_setup(config, sets), snapshot_of(snapshot))
    rewrite_files(filename, change, destination, recursive=recursive)
