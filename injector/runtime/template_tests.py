"""Folders of template tests: workloads in files, and what is expected of each in a file beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from injector.config.gallery import CONFIGURATION, TESTS
from injector.reports.documents import Document, UnreadableInputError, read_documents
from injector.reports.template_tests import Outcome, Suite, Trial, run_test
from injector.runtime.errors import InputError
from injector.runtime.inputs import read_text

_SUFFIXES = (".yaml", ".yml", ".json")
_EXPECTED = ".expected"


@dataclass(frozen=True, slots=True)
class TemplateTest:
    """A file of workloads, and the file that holds what is expected of them."""

    given: Path
    expected: Path

    def run(self, trial: Trial) -> Outcome:
        """What becomes of the workloads, held against what is expected. Raises InputError for a file at fault."""
        expected = _documents(self.expected) if self.expected.is_file() else None
        try:
            return run_test(self.given.name, _documents(self.given), expected, trial)
        except UnreadableInputError as error:
            raise InputError(f"{self.given}: {error}") from error


def configuration_of(folder: Path) -> list[str]:
    """The configuration that belongs to the tests in `folder`: there, or in the folder above; else the shipped one."""
    found = (place / CONFIGURATION for place in (folder, folder.resolve().parent))
    return [str(path) for path in found if path.is_file()][:1]


def tests_in(folder: Path) -> list[TemplateTest]:
    """The tests in `folder`, or in its folder `tests` where it has one, by name.

    Raises InputError where there are none, and for an expectation without its workloads.
    """
    place = folder / TESTS if (folder / TESTS).is_dir() else folder
    if not place.is_dir():
        raise InputError(f"{folder}: is no folder; expected one with tests")
    files = sorted(path for path in place.iterdir() if path.suffix in _SUFFIXES and path.name != CONFIGURATION)
    given = [path for path in files if not path.stem.endswith(_EXPECTED)]
    tests = [TemplateTest(path, path.with_name(f"{path.stem}{_EXPECTED}.yaml")) for path in given]
    lost = set(files) - set(given) - {test.expected for test in tests}
    if lost:
        raise InputError("\n".join(f"{path}: is expected of no file of workloads beside it" for path in sorted(lost)))
    if not tests:
        raise InputError(f"{place}: holds no tests; expected files such as pod.yaml, with workloads to inject")
    return tests


def run_folder(folder: Path, trial: Trial) -> Suite:
    """Run the tests of a folder. Raises InputError for a file at fault."""
    return Suite(str(folder), tuple(test.run(trial) for test in tests_in(folder)))


def update_folder(folder: Path, trial: Trial) -> tuple[Suite, list[Path]]:
    """Write the results of the tests that fail as what is expected; the outcomes then, and the files written.

    A result that nobody can want, of a pod that is refused, is not written. Raises InputError for a file at fault.
    """
    written = list[Path]()
    for test in tests_in(folder):
        outcome = test.run(trial)
        if not outcome.passed and outcome.result is not None:
            _write(test.expected, outcome.result)
            written.append(test.expected)
    return run_folder(folder, trial), written


def write_files(folder: Path, texts: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """Write new files below `folder`. Raises InputError for one that exists or cannot be written, before any is."""
    paths = [(folder / name, text) for name, text in texts]
    existing = [str(path) for path, _ in paths if path.exists()]
    if existing:
        raise InputError("\n".join(f"{path}: exists already, and is not written over" for path in existing))
    for path, text in paths:
        _write(path, text)
        yield path


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _documents(path: Path) -> list[Document]:
    try:
        return list(read_documents(read_text(path)))
    except UnreadableInputError as error:
        raise InputError(f"{path}: {error}") from error
