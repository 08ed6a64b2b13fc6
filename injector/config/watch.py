"""Following changes of files on disk, as editors, `kubectl cp` and the kubelet make them.

The kubelet publishes a ConfigMap or Secret by swapping the symbolic link `..data` beside the files, so it is the
directory that has to be watched, not the file.
Source: reference 17.3; https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from watchfiles import awatch

# A burst of changes counts as one, which is told this long after its first event (reference 17.3).
_BURST_MILLISECONDS = 100
# What no event was seen for (a network file system, a change before watching began) is found by looking.
_LOOK_MILLISECONDS = 2000

FileState: TypeAlias = Mapping[Path, tuple[int, ...]]


async def watch(
    paths: Iterable[Path], stop: asyncio.Event | None = None, known: FileState | None = None
) -> AsyncIterator[None]:
    """Yield each time that one of `paths` (files or directories) has another content than before; ends on `stop`.

    `known` is their state when they were read, without it that when iteration begins. A path that is not there yet is
    followed too, as long as its directory exists. Raises FileNotFoundError where that does not.
    """
    watched = [Path(path) for path in paths]
    known = file_state(watched) if known is None else known
    events = awatch(
        *_directories(watched),
        watch_filter=None,
        debounce=_BURST_MILLISECONDS,
        step=_BURST_MILLISECONDS,
        stop_event=stop or asyncio.Event(),
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
        recursive=False,
    )
    async for _ in events:
        now = file_state(watched)
        if now != known:
            known = now
            yield


def _directories(paths: Iterable[Path]) -> set[Path]:
    """The directories whose events can mean a change: of the names as given, and of what links lead to."""
    directories = set()
    for path in paths:
        for name in (path.absolute(), path.resolve()):
            directories.add(name if name.is_dir() else name.parent)
    return directories


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
