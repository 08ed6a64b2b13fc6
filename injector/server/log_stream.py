"""The log's way out. Serving goes on when it is blocked: lines are lost then, and counted."""

import select
from collections.abc import Callable
from threading import Lock
from typing import BinaryIO

_PATIENCE_MILLISECONDS = 100


class LossyStream:
    """Writes whole lines to `stream`; what a full disk, a closed pipe or a reader that stands still costs is lines.

    A pipe that nobody reads would stop the whole server. It is waited for once, for a tenth of a second; from then on
    lines are lost until there is room again.
    """

    def __init__(self, stream: BinaryIO, lost: Callable[[], None]) -> None:
        """Write to `stream`; call `lost` for each line that could not be written."""
        self._stream, self._lost = stream, lost
        self._blocked = False
        # Several threads tell of what they do, and a poll is for one at a time.
        self._writing = Lock()
        self._poll = _poll(stream)

    def write(self, line: bytes) -> int:
        """Write `line` if there is room for it. Returns its length either way."""
        with self._writing:
            if not self._has_room():
                self._lost()
                return len(line)
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # a closed stream raises ValueError
                self._lost()
        return len(line)

    def flush(self) -> None:
        """Nothing is kept back."""

    def _has_room(self) -> bool:
        if self._poll is None:
            return True
        self._blocked = not self._poll.poll(0 if self._blocked else _PATIENCE_MILLISECONDS)
        return not self._blocked


def _poll(stream: BinaryIO) -> "select.poll | None":
    """What tells whether `stream` has room; None where it is no file, such as a buffer in memory."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return None
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return poll
