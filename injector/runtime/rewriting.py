"""Files in, the same files with their workloads changed out: to standard output, to a file, back, or as a diff."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from tempfile import NamedTemporaryFile

from injector.manifests import Change, ManualFaults, Rewritten, rewrite
from injector.reports.paint import plain
from injector.runtime.errors import InputError, UsageError
from injector.runtime.inputs import InputFile, read_inputs
from injector.runtime.terminal import output_paint, warn, write


@dataclass(frozen=True, slots=True)
class Destination:
    """Where results go: to `file`, back to the files read, or as a diff; by default to standard output."""

    file: Path | None = None
    in_place: bool = False
    diff: bool = False

    @classmethod
    def chosen(cls, output: str, *, in_place: bool, diff: bool) -> "Destination":
        """The one that the options choose. Raises UsageError where they choose several."""
        if sum((bool(output), in_place, diff)) > 1:
            raise UsageError("-o, --in-place and --diff exclude each other")
        return cls(None if output in ("", "-") else Path(output), in_place, diff)


def rewrite_files(names: Sequence[str], change: Change, destination: Destination, *, recursive: bool = False) -> None:
    """Make `change` to the workloads of the files that `names` stand for, and write the result.

    Raises InputError with the faults of all files; nothing is written then.
    """
    if destination.in_place and "-" in names:
        raise UsageError("--in-place: standard input is no file to write back to; valid: -f FILE")
    files = read_inputs(names, recursive=recursive)
    results, faults = list[tuple[InputFile, Rewritten]](), list[str]()
    for file in files:
        try:
            results.append((file, rewrite(file.text, file.name, change)))
        except ManualFaults as error:
            faults += map(str, error.faults)
    if faults:
        raise InputError("\n".join(faults))
    for _, result in results:
        warn(result.warnings)
    left_alone = [title for _, result in results for title in result.left_alone]
    warn([f"{file.name}: there is no document in it" for file, _ in results if not file.text.strip()])
    if left_alone:
        warn([f"left as it is, without a pod: {', '.join(left_alone)}"])
    _write(results, destination)


def _write(results: Sequence[tuple[InputFile, Rewritten]], destination: Destination) -> None:
    if destination.diff:
        write("".join(line for file, result in results for line in _diff(file, result)))
    elif destination.in_place:
        for file, result in results:
            if file.path is not None and result.text != file.text:
                _replace(file.path, result.text)
    elif destination.file:
        _replace(destination.file, _joined(result.text for _, result in results))
    else:
        write(_joined(result.text for _, result in results))


def _joined(texts: Iterable[str]) -> str:
    """One stream of the documents of several files."""
    stream = ""
    for text in filter(None, texts):
        if stream:
            stream += "" if stream.endswith("\n") else "\n"
            stream += "" if text.startswith("---") else "---\n"
        stream += text
    return stream


def _diff(file: InputFile, result: Rewritten) -> Iterator[str]:
    paint = output_paint()
    before, after = file.text.splitlines(keepends=True), result.text.splitlines(keepends=True)
    for line in unified_diff(before, after, file.name, f"{file.name} (injected)"):
        ended = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        style = {"+": "+", "-": "-", "@": "hunk"}.get(ended[0])
        yield ended if paint is plain or style is None else f"{paint(ended.rstrip(), style)}\n"


def _replace(path: Path, text: str) -> None:
    """Put `text` into the file, whole or not at all; its permissions stay. Raises InputError."""
    target = path.resolve()
    try:
        if not target.is_file():
            # A new file, a pipe or a device.
            target.write_bytes(text.encode())
            return
        with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            file.write(text.encode())
        written = Path(file.name)
        written.chmod(target.stat().st_mode & 0o777)
        written.replace(target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
