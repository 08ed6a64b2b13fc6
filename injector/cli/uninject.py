"""`injector uninject`: the inverse of manual injection."""

from injector.manifests import ManualFaults, removal, rewrite
from injector.runtime.loading import InputError, InputFile, read_text, write


def uninject(filename: InputFile) -> None:
    """Write every document of a file to standard output without what injection added, and with what it rewrote.

    A file that this injector injected comes back byte for byte, as far as its annotations may hold how it was written.
    """
    try:
        write(rewrite(read_text(filename), str(filename), removal).text)
    except ManualFaults as faults:
        raise InputError(str(faults)) from faults
