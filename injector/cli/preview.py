"""`injector preview`: what would be done to workloads, and why; or what a second configuration would change."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from injector.cli.options import (
    ConfigFiles,
    Context,
    Kubeconfig,
    Recursive,
    ReleaseName,
    Sets,
    SnapshotFile,
    namespace_option,
)
from injector.core.errors import InjectorError
from injector.core.model import JsonObject, Snapshot
from injector.core.patch import diff
from injector.core.setup import Setup
from injector.core.yaml.writer import write as write_yaml
from injector.manifests.workloads import title_of
from injector.policy import policies
from injector.reports.compare import Comparison, compare, comparison_items, comparison_text
from injector.reports.documents import Document, UnreadableInputError
from injector.reports.evaluate import (
    DEFAULT_NAMESPACE,
    Preview,
    PreviewOptions,
    cluster_around,
    preview_documents,
    without_pods,
)
from injector.reports.origins import origin_items, origins_text
from injector.reports.policies import patch_lines, policies_text, policy_previews
from injector.reports.render import head_lines, preview_item, preview_text, summary, summary_text, table_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, UsageError, failing_with
from injector.runtime.loading import read_setup
from injector.runtime.terminal import output_paint, progress, show, warn, write
from injector.runtime.workloads import Sources, missing_objects, read_workloads

CHANGED, FAILED = 1, 2


class Output(StrEnum):
    """How the answer is written."""

    DIFF = "diff"
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    PATCH = "patch"
    ORIGINS = "origins"


NamespaceOption = Annotated[str, namespace_option("Namespace of workloads that name none.")]
OutputOption = Annotated[
    Output,
    typer.Option(
        "-o",
        "--output",
        help="Form of the result; patch writes one JSON Patch a line, origins where each added field comes from.",
    ),
]
Filenames = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE",
        help="File to read, directory of manifests, or - for standard input. Repeatable. "
        "By default all workloads of the snapshot or the cluster.",
        show_default=False,
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="FILE",
        help="A second configuration, whole as with -c: show what it would change. Repeatable.",
        show_default=False,
    ),
]


class Via(StrEnum):
    """What injects."""

    WEBHOOK = "webhook"
    POLICY = "policy"


ViaOption = Annotated[
    Via,
    typer.Option(
        "--via",
        help="What injects. policy: the admission policies of the default templates, with their conditions.",
    ),
]
Summary = Annotated[bool, typer.Option("--summary", help="Count the workloads by decision instead of listing them.")]


def preview(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: Filenames = None,
    recursive: Recursive = False,  # noqa: FBT002 -- an option
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    output: OutputOption = Output.DIFF,
    summary: Summary = False,  # noqa: FBT002 -- an option
    against: Against = None,
    via: ViaOption = Via.WEBHOOK,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    release: ReleaseName = "",
) -> None:
    """Show for every workload the decision with its reasons, then the change; or what a second configuration changes.

    With a cluster the configuration is that of the installed release, unless -c names another.

    Exit status, as for kubectl diff: 0 nothing would change, 1 something would, 2 an error, or a pod that is refused.
    """
    _check_form(output, via, against=bool(against), summary=summary)
    connection = Connection(kubeconfig, context)
    with failing_with(FAILED):
        other = read_setup(against, sets, connection) if against else None
        sources = Sources(
            tuple(filename or ()), recursive, snapshot, connection, tuple(config or ()), tuple(sets or ()), release
        )
        workloads = read_workloads(sources)
        documents, setup, cluster = workloads.documents, workloads.setup, workloads.snapshot
        options = PreviewOptions(namespace)
        try:
            if other is not None:
                compared = list(progress(compare(documents, options, (setup, other), cluster), "workloads compared"))
            else:
                previews = list(progress(preview_documents(documents, options, setup, cluster), "workloads previewed"))
        except UnreadableInputError as error:
            raise InputError(str(error)) from error
        warn(missing_objects(sources, workloads, [] if other is not None else previews))
    warn(f"not previewed, since it cannot be read: {each}" for each in workloads.unread)
    if sources.filenames:
        _name_others(documents)
    if other is not None:
        _out(output)(_comparison(compared, output, is_summary=summary))
        raise typer.Exit(CHANGED if any(each.consequence for each in compared) else 0)
    if via is Via.POLICY:
        raise typer.Exit(_write_policies(previews, setup, output))
    if summary:
        _out(output)(_summary(previews, output))
    elif output is Output.ORIGINS:
        show(_origins(previews, setup, cluster_around(documents, options, cluster)))
    else:
        _out(output)(WRITERS[output](previews))
    raise typer.Exit(_status(previews))


def _out(output: Output) -> Callable[[str], None]:
    """How what is written in that form gets to standard output."""
    return show if output in (Output.DIFF, Output.TABLE) else write


def _check_form(output: Output, via: Via, *, against: bool, summary: bool) -> None:
    """Raise UsageError where what is asked for has no such form."""
    if via is Via.POLICY and (against or summary or output in (Output.TABLE, Output.ORIGINS)):
        raise UsageError("--via policy is shown as -o diff, json, yaml or patch, without --against and --summary")
    if (against or summary) and output in (Output.PATCH, Output.TABLE, Output.ORIGINS):
        raise UsageError(
            f"{'--against' if against else '--summary'} cannot be shown as {output}; valid: -o diff, json, yaml"
        )


def _write_policies(previews: Sequence[Preview], setup: Setup, output: Output) -> int:
    """Write what the policies of the default templates do, and give the exit status."""
    with failing_with(FAILED):
        try:
            found = list(policy_previews(previews, policies(setup.config)))
        except InjectorError as error:
            raise InputError(str(error)) from error
    items = [each.as_json() for each in found]
    match output:
        case Output.JSON:
            write(_json(items))
        case Output.YAML:
            write(write_yaml(items))
        case Output.PATCH:
            write("".join(f"{line}\n" for each in found for line in patch_lines(each)))
        case _:
            show(policies_text(found, output_paint()))
    if any(each.is_refused for each in found):
        return FAILED
    return CHANGED if any(each.patch for each in found) else 0


def _name_others(documents: Sequence[Document]) -> None:
    """Say which objects are not previewed, since they make no pods that are known here."""
    others = [title_of(each.object) for each in without_pods(documents)]
    if others:
        warn([f"not previewed, without a pod template: {', '.join(others)}"])


def _comparison(compared: Sequence[Comparison], output: Output, *, is_summary: bool) -> str:
    if output is Output.DIFF:
        return comparison_text(compared, output_paint(), is_summary=is_summary)
    items = comparison_items(compared)
    return _json(items) if output is Output.JSON else write_yaml(items)


def _summary(previews: Sequence[Preview], output: Output) -> str:
    counts = summary(previews)
    if output in (Output.JSON, Output.YAML):
        return _json(counts) if output is Output.JSON else write_yaml(counts)
    return summary_text(counts, output_paint())


def _status(previews: Sequence[Preview]) -> int:
    if not all(preview.admission.allowed for preview in previews):
        return FAILED
    return CHANGED if any(preview.result is not preview.document for preview in previews) else 0


def _origins(previews: Sequence[Preview], setup: Setup, cluster: Snapshot) -> str:
    """For each workload the decision, then each field that is added and where it comes from."""
    paint, texts = output_paint(), list[str]()
    for preview in previews:
        head = "".join(f"{line}\n" for line in head_lines(preview, paint))
        texts.append(head + origins_text(origin_items(preview, setup, cluster), paint))
    return "\n".join(texts)


def _as_text(previews: Sequence[Preview]) -> str:
    paint = output_paint()
    return "".join(preview_text(preview, paint) for preview in previews)


def _as_table(previews: Sequence[Preview]) -> str:
    return table_text(previews, output_paint())


def _as_json(previews: Sequence[Preview]) -> str:
    return _json([preview_item(preview) for preview in previews])


def _as_yaml(previews: Sequence[Preview]) -> str:
    return write_yaml([preview_item(preview) for preview in previews])


def _json(value: JsonObject | list[JsonObject]) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n"


def _as_patches(previews: Sequence[Preview]) -> str:
    return "".join(orjson.dumps(diff(preview.document, preview.result)).decode() + "\n" for preview in previews)


WRITERS: Mapping[Output, Callable[[Sequence[Preview]], str]] = {
    Output.DIFF: _as_text,
    Output.TABLE: _as_table,
    Output.JSON: _as_json,
    Output.YAML: _as_yaml,
    Output.PATCH: _as_patches,
}
