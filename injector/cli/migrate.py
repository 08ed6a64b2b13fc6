"""`injector migrate`: what istiod injects in a cluster, and what would be injected here."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import orjson
import typer

from injector.cli.options import Command, ConfigFiles, Context, Group, Kubeconfig, ReleaseName, Sets, SnapshotFile
from injector.core.model import JsonObject
from injector.reports.documents import UnreadableInputError
from injector.reports.migration import plan_items, plan_text, plans_for, situation_items, situation_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import as_input_error
from injector.runtime.loading import read_setup
from injector.runtime.migration import Place, Surroundings, in_cluster, in_documents, setup_of_release, situation_in
from injector.runtime.terminal import output_paint, show, warn, write
from injector.runtime.workloads import documents_in

_FOUND = 1


class Output(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


_Output: TypeAlias = Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")]
_Files: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE",
        help="File or directory of objects that stands in for a cluster: namespaces, ConfigMaps, webhook "
        "configurations, workloads, pods. Repeatable.",
        show_default=False,
    ),
]
_Namespace: TypeAlias = Annotated[
    str,
    typer.Option(
        "--istio-namespace",
        metavar="NAME",
        help="Namespace of Istio, where no webhook configuration of it can be seen.",
        show_default=False,
    ),
]

migrate = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@migrate.callback()
def _migrate() -> None:
    """Say what istiod injects in a cluster, and what would be injected here."""


@migrate.command("check", cls=Command)
def check(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: _Files = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    istio_namespace: _Namespace = "",
    output: _Output = Output.TEXT,
) -> None:
    """Name the revisions of Istio, their namespaces, and which of their templates cannot be read here.

    Exit status: 0 all of it can be used here, 1 some cannot, or could not be seen.
    """
    place = Place(Connection(kubeconfig, context), istio_namespace)
    situation = situation_in(_surroundings(filename, snapshot, place))
    if output is Output.JSON:
        _write(situation_items(situation))
    else:
        show(situation_text(situation, output_paint()))
    raise typer.Exit(0 if situation.is_sound else _FOUND)


@migrate.command("plan", cls=Command)
def plan(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: _Files = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    istio_namespace: _Namespace = "",
    config: ConfigFiles = None,
    sets: Sets = None,
    release: ReleaseName = "",
    output: _Output = Output.TEXT,
) -> None:
    """Show for each workload what would be injected here otherwise than by istiod, and the commands for each namespace.

    The configuration here is that of -c, else of the installed release, else the ConfigMaps of each revision of Istio.
    Exit status: 0 the plan is whole, 1 some of it cannot be used here, or could not be seen.
    """
    place = Place(Connection(kubeconfig, context), istio_namespace, with_workloads=True)
    surroundings = _surroundings(filename, snapshot, place)
    situation = situation_in(surroundings)
    here = read_setup(config, sets, place.connection) if config else None
    if here is None and not (filename or snapshot):
        here, unseen = setup_of_release(place.connection, release, sets or ())
        situation = replace(situation, unseen=(*situation.unseen, *unseen))
    if here is None and sets:
        here = read_setup(None, sets)
    if here is None:
        warn(["configuration here: the ConfigMaps of each revision; name another with -c"])
    with as_input_error(UnreadableInputError):
        plans = plans_for(situation, here, list(surroundings.documents), surroundings.pods)
    if output is Output.JSON:
        _write(plan_items(plans, situation))
    else:
        show(plan_text(plans, situation, output_paint()))
    raise typer.Exit(0 if situation.is_sound else _FOUND)


def _surroundings(filename: list[str] | None, snapshot: Path | None, place: Place) -> Surroundings:
    files = [*(filename or ()), *([str(snapshot)] if snapshot else ())]
    return in_documents(documents_in(files)) if files else in_cluster(place)


def _write(items: JsonObject) -> None:
    write(orjson.dumps(items, option=orjson.OPT_INDENT_2).decode() + "\n")
