"""`injector preview`: what would be done to workloads, and why; or what a second configuration would change."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from injector.core.model import JsonObject
from injector.core.patch import diff
from injector.core.yaml.writer import write as write_yaml
from injector.reports.compare import Compared, compare, comparison_items, comparison_text
from injector.reports.documents import UnreadableInputError
from injector.reports.evaluate import DEFAULT_NAMESPACE, Case, Question
from injector.reports.evaluate import preview as previewed
from injector.reports.render import Paint, item_of, plain, terminal_text
from injector.runtime.loading import (
    ConfigFiles,
    Context,
    InputError,
    Kubeconfig,
    Sets,
    SnapshotFile,
    failing_with,
    painted,
    read_setup,
    write,
)
from injector.runtime.workloads import Sources, read_scene

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
Filename = Annotated[
    Path | None,
    typer.Option(
        "-f", "--filename", help="File to read; - is standard input. Without: all of the snapshot or cluster."
    ),
]
Against = Annotated[
    list[Path] | None,
    typer.Option("--against", help="A second configuration: show what it would change; may be repeated, as -c."),
]


def preview(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: Filename = None,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: OutputOption = Output.DIFF,
    against: Against = None,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show for every workload the decision with its reasons, then the change; or what a second configuration changes.

    Exit status, as for kubectl diff: 0 nothing would change, 1 something would, 2 an error, or a pod that is refused.
    """
    if against and output is Output.PATCH:
        raise typer.BadParameter("--against has no patch to write; valid: -o diff, json, yaml")
    with failing_with(FAILED):
        setup = read_setup(config, sets)
        other = read_setup(against, sets) if against else None
        documents, cluster = read_scene(Sources(filename, snapshot, kubeconfig, context))
        try:
            if other is None:
                cases = list(previewed(documents, Question(namespace), setup, cluster))
            else:
                compared = compare(documents, Question(namespace), (setup, other), cluster)
        except UnreadableInputError as error:
            raise InputError(f"{filename or snapshot}: {error}") from error
    if other is not None:
        write(_comparison(compared, output))
        raise typer.Exit(CHANGED if any(each.consequence for each in compared) else 0)
    write(WRITERS[output](cases))
    raise typer.Exit(_status(cases))


def _comparison(compared: Sequence[Compared], output: Output) -> str:
    if output is Output.DIFF:
        return comparison_text(compared, _paint())
    items = comparison_items(compared)
    return _json(items) if output is Output.JSON else _yaml(items)


def _status(cases: Sequence[Case]) -> int:
    if not all(case.admission.allowed for case in cases):
        return FAILED
    return CHANGED if any(case.result is not case.document for case in cases) else 0


def _paint() -> Paint:
    return painted if sys.stdout.isatty() else plain


def _as_text(cases: Sequence[Case]) -> str:
    paint = _paint()
    return "".join(terminal_text(case, paint) for case in cases)


def _as_json(cases: Sequence[Case]) -> str:
    return _json([item_of(case) for case in cases])


def _as_yaml(cases: Sequence[Case]) -> str:
    return _yaml([item_of(case) for case in cases])


def _json(items: list[JsonObject]) -> str:
    return orjson.dumps(items, option=orjson.OPT_INDENT_2).decode() + "\n"


def _yaml(items: list[JsonObject]) -> str:
    return write_yaml(items)


def _as_patches(cases: Sequence[Case]) -> str:
    return "".join(orjson.dumps(diff(case.document, case.result)).decode() + "\n" for case in cases)


WRITERS: Mapping[Output, Callable[[Sequence[Case]], str]] = {
    Output.DIFF: _as_text,
    Output.JSON: _as_json,
    Output.YAML: _as_yaml,
    Output.PATCH: _as_patches,
}
