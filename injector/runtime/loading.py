"""What the commands have in common: their options, and reading what these name."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from injector.cluster.snapshot_file import SnapshotFaults, read_snapshot
from injector.config import ConfigFaults, Loaded, load
from injector.core.admission import Setup, set_up
from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.core.render import TemplateFault
from injector.core.template_check import template_faults
from injector.reports.render import STYLES

# The one way in which a command fails.


class InputError(Exception):
    """Input or configuration is at fault: the text goes to standard error, `status` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        """Keep the exit `status` beside the message."""
        super().__init__(message)
        self.status = status


@contextmanager
def failing_with(status: int) -> Iterator[None]:
    """Give every InputError of the block the exit `status`: for commands where 1 is an answer, as for a diff."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error), status) from error


@contextmanager
def as_input_error(*kinds: type[Exception]) -> Iterator[None]:
    """Make an InputError with the same text of whatever of `kinds` the block raises."""
    try:
        yield
    except kinds as error:
        raise InputError(str(error)) from error


_STANDARD_INPUT = Path("-")

ConfigFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("-c", "--config", help="Configuration file; may be repeated, later files win.", show_default=False),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", help="One configuration value, path.to.key=value; may be repeated.", show_default=False),
]
SnapshotFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--snapshot", help="Namespaces and nodes as a file, in place of a cluster.", show_default=False),
]
Kubeconfig: TypeAlias = Annotated[
    Path | None,
    typer.Option("--kubeconfig", help="How to reach a cluster, as kubectl uses it.", show_default=False),
]
Context: TypeAlias = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig to use.", show_default=False)
]
InputFile: TypeAlias = Annotated[Path, typer.Option("-f", "--filename", help="File to read; - is standard input.")]


def read_configuration(files: list[Path] | None, sets: list[str] | None) -> Loaded:
    """The configuration that the options name; warnings go to standard error. Raises InputError."""
    try:
        loaded = load(files or (), sets or ())
    except ConfigFaults as faults:
        raise InputError(str(faults)) from faults
    warn(loaded.warnings)
    return loaded


def read_setup(files: list[Path] | None, sets: list[str] | None) -> Setup:
    """The configuration, ready for use. Raises InputError."""
    return set_up(read_configuration(files, sets).config)


def checked_setup(loaded: Loaded) -> Setup:
    """The configuration made ready for use. Raises InputError with every fault of its templates, file and line told."""
    setup = set_up(loaded.config)
    faults = template_faults(setup)
    if faults:
        origins = loaded.template_origins
        raise InputError("\n".join(_located(fault, origins) for fault in faults))
    return setup


def _located(fault: TemplateFault, origins: Mapping[str, tuple[str, int]]) -> str:
    file, first_line = origins[fault.template]
    return f"{file}:{first_line + fault.line - 1}: {fault}"


def snapshot_of(path: Path | None) -> Snapshot:
    """The cluster as the file tells it; without a file nothing is known. Raises InputError."""
    try:
        return EMPTY_SNAPSHOT if path is None else read_snapshot(path)
    except SnapshotFaults as faults:
        raise InputError(str(faults)) from faults


def read_bytes(path: Path) -> bytes:
    """What stands in the file, or comes through standard input. Raises InputError."""
    try:
        return sys.stdin.buffer.read() if path == _STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def read_text(path: Path) -> str:
    """The same as text. Raises InputError."""
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: it is not UTF-8 text") from error


def write(text: str) -> None:
    """Write a result to standard output, as it is."""
    sys.stdout.write(text)


def warn(lines: Iterable[str]) -> None:
    """Write lines to standard error."""
    for line in lines:
        typer.echo(line, err=True)


# Colours, for terminals.


def painted(text: str, style: str) -> str:
    """`text` in the style of that name (see `preview.terminal`)."""
    return typer.style(text, **STYLES[style])
