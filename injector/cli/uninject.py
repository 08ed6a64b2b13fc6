"""`injector uninject`: the inverse of manual injection."""

from injector.cli.options import ConfigFiles, InputFiles, Recursive, Sets, SnapshotFile
from injector.manifests import removal
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.rewriting import Destination, rewrite_files


def uninject(
    filename: InputFiles,
    recursive: Recursive = False,  # noqa: FBT002 -- an option
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
) -> None:
    """Write every document of the files without what injection added, and with what it rewrote.

    What its annotations say was injected is taken out as far as the templates in force give it: give the configuration
    with which the file was injected. A file comes back byte for byte, as far as its annotations may hold how it was
    written.
    """
    change = removal(read_setup(config, sets), snapshot_of(snapshot))
    rewrite_files(filename, change, Destination(), recursive=recursive)
