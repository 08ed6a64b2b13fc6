"""What workers leave to those that come after them: some bytes, in memory that no disk holds and no worker owns."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct
from zlib import crc32

_LENGTH_AND_SUM = Struct("<QQ")


class LastGood:
    """The last good inputs of any worker. Made before workers are forked; the last of them to write counts."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._descriptor = os.memfd_create("last-good", os.MFD_CLOEXEC)

    def keep(self, content: bytes) -> None:
        """Hold `content` in place of what was held. A worker that dies meanwhile leaves nothing that can be read."""
        with self._alone(fcntl.LOCK_EX):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, _LENGTH_AND_SUM.size)
            os.pwrite(self._descriptor, _LENGTH_AND_SUM.pack(len(content), crc32(content)), 0)

    def content(self) -> bytes | None:
        """What is held; None where that is nothing, or only a part of something."""
        with self._alone(fcntl.LOCK_SH):
            head = os.pread(self._descriptor, _LENGTH_AND_SUM.size, 0)
            if len(head) < _LENGTH_AND_SUM.size:
                return None
            length, expected = _LENGTH_AND_SUM.unpack(head)
            found = os.pread(self._descriptor, length, _LENGTH_AND_SUM.size)
        return found if len(found) == length and crc32(found) == expected else None

    @contextmanager
    def _alone(self, kind: int) -> Iterator[None]:
        """Locks of this kind are a process's own, and end with it."""
        fcntl.lockf(self._descriptor, kind)
        try:
            yield
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
