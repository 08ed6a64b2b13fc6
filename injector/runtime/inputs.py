"""The files that `-f` names: read, all of them, before anything is written."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from injector.manifests.contents import read_all_of, read_content
from injector.runtime.errors import InputError, UsageError

_STANDARD_INPUT = "-"
_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read. `path` is None for standard input; `name` is what messages call it."""

    name: str
    path: Path | None
    text: str


def read_inputs(names: Sequence[str], *, recursive: bool = False) -> list[InputFile]:
    """The files that `names` stand for, in order.

    A name is a file, a directory (its manifests, with `recursive` also those further below), or `-` for standard input.
    Raises UsageError for a URL and for standard input named twice, InputError for what cannot be read.
    """
    if list(names).count(_STANDARD_INPUT) > 1:
        raise UsageError("-f - is given twice; standard input can be read once")
    return [each for name in names for each in _inputs(name, recursive=recursive)]


def read_bytes(name: str) -> bytes:
    """The content of the file `name`, `-` being standard input. Raises InputError, and UsageError for a URL."""
    _refuse_url(name)
    try:
        return read_all_of(sys.stdin.buffer) if name == _STANDARD_INPUT else read_content(Path(name))
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error


def _inputs(name: str, *, recursive: bool) -> Iterator[InputFile]:
    if name != _STANDARD_INPUT and Path(name).is_dir():
        yield from (
            InputFile(str(each), each, read_text(str(each))) for each in _manifests(Path(name), recursive=recursive)
        )
    else:
        yield InputFile(name, None if name == _STANDARD_INPUT else Path(name), read_text(name))


def _manifests(directory: Path, *, recursive: bool) -> list[Path]:
    try:
        listed = sorted(directory.rglob("*") if recursive else directory.iterdir())
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror}") from error
    found = [each for each in listed if each.suffix in _SUFFIXES and each.is_file()]
    if not found:
        below = "" if recursive else "; -R looks in the directories below it too"
        raise InputError(f"{directory}: holds no {', '.join(_SUFFIXES)} file{below}")
    return found


def read_text(name: str | Path) -> str:
    """The same as text. Raises InputError, and UsageError for a URL."""
    try:
        return read_bytes(str(name)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: cannot be read: it is not UTF-8 text") from error


def _refuse_url(name: str) -> None:
    if "://" in name:
        raise UsageError(f"-f {name}: URLs are not read; fetch it first, as in: curl -fsSL {name} | injector ... -f -")
