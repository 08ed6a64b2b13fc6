"""What a file holds, read whole: none is read without a bound, since a device may have no end."""

from errno import EFBIG
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 1 << 28


def read_content(path: Path) -> bytes:
    """The content of the file. Raises OSError, also where it is larger than any file of a user's should be."""
    with path.open("rb") as file:
        return read_all_of(file)


def read_all_of(file: BinaryIO) -> bytes:
    """What is left of an open file. Raises OSError where that is more than MOST_BYTES."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(EFBIG, f"it has more than {MOST_BYTES >> 20} MiB")
    return content
