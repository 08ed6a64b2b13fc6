"""Following changes of files on disk, as editors, `kubectl cp` and the kubelet make them.

Their state is looked at a few times a second. Events of the kernel come sooner, but those of a directory are of all its
files: a log beside the configuration would wake the server at each of its lines. The kubelet publishes a ConfigMap or
Secret by swapping the symbolic link `..data` beside the files, so links are followed each time.
Source: reference 17.3; https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

_LOOK_SECONDS = 0.25
# A burst of changes counts as one, which is told this long after it was seen (reference 17.3).
_BURST_SECONDS = 0.1

FileState: TypeAlias = Mapping[Path, tuple[int, ...]]


async def watch(
    paths: Iterable[Path], stop: asyncio.Event | None = None, known: FileState | None = None
) -> AsyncIterator[None]:
    """Yield each time that one of `paths` (files or directories) has another content than before; ends on `stop`.

    `known` is their state when they were read, without it that when iteration begins. A path that is not there yet is
    followed too, as long as its directory exists. Raises FileNotFoundError where that does not.
    """
    watched = [Path(path) for path in paths]
    for path in watched:
        if not (path.is_dir() or path.absolute().parent.is_dir()):
            raise FileNotFoundError(f"there is no directory {path.absolute().parent}")
    stop = stop or asyncio.Event()
    known = file_state(watched) if known is None else known
    while not await _is_set(stop, _LOOK_SECONDS):
        # In a thread: a file system that hangs must not stop the server.
        if await asyncio.to_thread(file_state, watched) != known:
            await asyncio.sleep(_BURST_SECONDS)
            known = await asyncio.to_thread(file_state, watched)
            yield


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Whether `event` is set, or will be within so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def file_state(paths: Iterable[Path]) -> FileState:
    """What tells one content from another without reading it; links are followed, a directory counts with its files."""
    state: dict[Path, tuple[int, ...]] = {}
    for path in paths:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        state |= {file: _identity(file) for file in files}
    return state


def _identity(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
