"""`injector preview`: what would be done to the workloads of a file, and why."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from injector.cli.errors import InputError, failing_with
from injector.cli.inputs import ConfigFiles, InputFile, Sets, SnapshotFile, read_setup, read_text, snapshot_of, write
from injector.cli.painting import painted
from injector.core.patch import diff
from injector.manual.yaml_text import dump
from injector.preview.case import Case
from injector.preview.documents import UnreadableInputError, read_documents
from injector.preview.preview import DEFAULT_NAMESPACE, Question
from injector.preview.preview import preview as previewed
from injector.preview.report import item_of
from injector.preview.terminal import plain, terminal_text

CHANGED, FAILED = 1, 2


class Output(StrEnum):
    """How the answer is written."""

    DIFF = "diff"
    JSON = "json"
    YAML = "yaml"
    PATCH = "patch"


NamespaceOption = Annotated[str, typer.Option("-n", "--namespace", help="Namespace of workloads that name none.")]
OutputOption = Annotated[
    Output,
    typer.Option("-o", "--output", help="diff is for people; patch writes one JSON Patch a line."),
]


def preview(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: InputFile,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: OutputOption = Output.DIFF,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
) -> None:
    """Show for every workload of a file the decision with its reasons, then the change.

    Exit status, as for kubectl diff: 0 nothing would change, 1 something would, 2 an error, or a pod that is refused.
    """
    with failing_with(FAILED):
        setup, cluster = read_setup(config, sets), snapshot_of(snapshot)
        try:
            documents = list(read_documents(read_text(filename)))
            cases = list(previewed(documents, Question(namespace), setup, cluster))
        except UnreadableInputError as error:
            raise InputError(f"{filename}: {error}") from error
    write(WRITERS[output](cases))
    raise typer.Exit(_status(cases))


def _status(cases: Sequence[Case]) -> int:
    if not all(case.admission.allowed for case in cases):
        return FAILED
    return CHANGED if any(case.result is not case.document for case in cases) else 0


def _as_text(cases: Sequence[Case]) -> str:
    paint = painted if sys.stdout.isatty() else plain
    return "".join(terminal_text(case, paint) for case in cases)


def _as_json(cases: Sequence[Case]) -> str:
    return orjson.dumps([item_of(case) for case in cases], option=orjson.OPT_INDENT_2).decode() + "\n"


def _as_yaml(cases: Sequence[Case]) -> str:
    return dump([item_of(case) for case in cases], 0, indents_lists=False) + "\n"


def _as_patches(cases: Sequence[Case]) -> str:
    return "".join(orjson.dumps(diff(case.document, case.result)).decode() + "\n" for case in cases)


WRITERS: Mapping[Output, Callable[[Sequence[Case]], str]] = {
    Output.DIFF: _as_text,
    Output.JSON: _as_json,
    Output.YAML: _as_yaml,
    Output.PATCH: _as_patches,
}
