"""`injector uninject`: the inverse of manual injection."""

from injector.cli.options import InputFiles, Recursive
from injector.manifests import removal
from injector.runtime.rewriting import Destination, rewrite_files


def uninject(filename: InputFiles, recursive: Recursive = False) -> None:  # noqa: FBT002 -- an option
    """Write every document of the files without what injection added, and with what it rewrote.

    A file that this injector injected comes back byte for byte, as far as its annotations may hold how it was written.
    """
    rewrite_files(filename, removal, Destination(), recursive=recursive)
