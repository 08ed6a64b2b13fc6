"""`injector drift`: which pods of a cluster are not what injection would make of them now."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from injector.cli.options import ConfigFiles, Context, Kubeconfig, Sets, SnapshotFile
from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.inventory import pods as pods_of
from injector.cluster.inventory import read_cluster
from injector.core.model import Pod, Snapshot
from injector.reports.drift import drift as drift_of
from injector.reports.drift import drift_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import as_input_error, failing_with
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.terminal import output_paint, write
from injector.runtime.workloads import pods_in

_FOUND, _FAILED = 1, 2


class Output(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"


def drift(  # noqa: PLR0913, PLR0917 -- one parameter an option
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", metavar="NAME", help="Only pods of this namespace.", show_default=False)
    ] = "",
    output: Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")] = Output.TEXT,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Name pods that should carry a sidecar and do not, or carry one that differs from what would be injected now.

    With a snapshot, which then holds pods too, no cluster is asked. Exit status: 0 no drift, 1 drift, 2 an error.
    """
    with failing_with(_FAILED):
        setup = read_setup(config, sets, Connection(kubeconfig, context))
        if snapshot:
            found, known = pods_in(str(snapshot)), snapshot_of(snapshot)
        else:
            found, known = _of_cluster(namespace, kubeconfig, context)
    chosen = [pod for pod in found if namespace in ("", pod["metadata"].get("namespace") or "default")]
    findings = drift_of(chosen, setup, known)
    if output is Output.JSON:
        write(orjson.dumps([asdict(each) for each in findings], option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        write(drift_text(findings, len(chosen), output_paint()))
    raise typer.Exit(_FOUND if findings else 0)


def _of_cluster(namespace: str, kubeconfig: Path | None, context: str | None) -> tuple[list[Pod], Snapshot]:
    with as_input_error(ClusterError):
        server = connect(kubeconfig, context)
        return pods_of(server, namespace), read_cluster(server)
