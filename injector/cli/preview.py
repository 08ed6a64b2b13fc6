"""`injector preview`: what would be done to workloads, and why; or what a second configuration would change."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from injector.cli.options import ConfigFiles, Context, Kubeconfig, Sets, SnapshotFile
from injector.core.model import JsonObject
from injector.core.patch import diff
from injector.core.yaml.writer import write as write_yaml
from injector.reports.compare import Comparison, compare, comparison_items, comparison_text
from injector.reports.documents import UnreadableInputError
from injector.reports.evaluate import DEFAULT_NAMESPACE, Preview, PreviewOptions, preview_documents
from injector.reports.render import preview_item, preview_text
from injector.runtime.errors import InputError, failing_with
from injector.runtime.loading import read_setup
from injector.runtime.terminal import output_paint, write
from injector.runtime.workloads import Sources, read_workloads

CHANGED, FAILED = 1, 2


class Output(StrEnum):
    """How the answer is written."""

    DIFF = "diff"
    JSON = "json"
    YAML = "yaml"
    PATCH = "patch"


NamespaceOption = Annotated[
    str, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace of workloads that name none.")
]
OutputOption = Annotated[
    Output,
    typer.Option("-o", "--output", help="Form of the result; patch writes one JSON Patch a line."),
]
Filename = Annotated[
    Path | None,
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE",
        help="File to read; - is standard input. Without: all of the snapshot or cluster.",
    ),
]
Against = Annotated[
    list[Path] | None,
    typer.Option(
        "--against", metavar="FILE", help="A second configuration: show what it would change; may be repeated, as -c."
    ),
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
        documents, cluster = read_workloads(Sources(filename, snapshot, kubeconfig, context))
        try:
            if other is None:
                previews = list(preview_documents(documents, PreviewOptions(namespace), setup, cluster))
            else:
                compared = compare(documents, PreviewOptions(namespace), (setup, other), cluster)
        except UnreadableInputError as error:
            raise InputError(f"{filename or snapshot}: {error}") from error
    if other is not None:
        write(_comparison(compared, output))
        raise typer.Exit(CHANGED if any(each.consequence for each in compared) else 0)
    write(WRITERS[output](previews))
    raise typer.Exit(_status(previews))


def _comparison(compared: Sequence[Comparison], output: Output) -> str:
    if output is Output.DIFF:
        return comparison_text(compared, output_paint())
    items = comparison_items(compared)
    return _json(items) if output is Output.JSON else _yaml(items)


def _status(previews: Sequence[Preview]) -> int:
    if not all(preview.admission.allowed for preview in previews):
        return FAILED
    return CHANGED if any(preview.result is not preview.document for preview in previews) else 0


def _as_text(previews: Sequence[Preview]) -> str:
    paint = output_paint()
    return "".join(preview_text(preview, paint) for preview in previews)


def _as_json(previews: Sequence[Preview]) -> str:
    return _json([preview_item(preview) for preview in previews])


def _as_yaml(previews: Sequence[Preview]) -> str:
    return _yaml([preview_item(preview) for preview in previews])


def _json(items: list[JsonObject]) -> str:
    return orjson.dumps(items, option=orjson.OPT_INDENT_2).decode() + "\n"


def _yaml(items: list[JsonObject]) -> str:
    return write_yaml(items)


def _as_patches(previews: Sequence[Preview]) -> str:
    return "".join(orjson.dumps(diff(preview.document, preview.result)).decode() + "\n" for preview in previews)


WRITERS: Mapping[Output, Callable[[Sequence[Preview]], str]] = {
    Output.DIFF: _as_text,
    Output.JSON: _as_json,
    Output.YAML: _as_yaml,
    Output.PATCH: _as_patches,
}
