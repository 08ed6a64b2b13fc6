"""`injector uninject`: the inverse of manual injection."""

from injector.cli.options import InputFile
from injector.manifests import ManualFaults, removal, rewrite
from injector.runtime.errors import InputError
from injector.runtime.loading import read_text
from injector.runtime.terminal import write


def uninject(filename: InputFile) -> None:
    """Write every document of a file to standard output without what injection added, and with what it rewrote.

    A file that this injector injected comes back byte for byte, as far as its annotations may hold how it was written.
    """
    try:
        write(rewrite(read_text(filename), str(filename), removal).text)
    except ManualFaults as faults:
        raise InputError(str(faults)) from faults
