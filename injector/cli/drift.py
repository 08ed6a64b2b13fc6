"""`injector drift`: which pods of a cluster are not what injection would make of them now."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import orjson
import typer

from injector.cli.options import ConfigFiles, Context, Kubeconfig, ReleaseName, Sets, SnapshotFile, namespace_option
from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.inventory import pods as pods_of
from injector.cluster.inventory import read_cluster
from injector.core.model import Pod, Snapshot
from injector.core.setup import Setup
from injector.reports.drift import drift as drift_of
from injector.reports.drift import drift_text, place_of, restart_names
from injector.runtime.config_sources import Connection
from injector.runtime.errors import as_input_error, failing_with
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.releases import installed_setup
from injector.runtime.terminal import output_paint, progress, show, warn, write
from injector.runtime.workloads import objects_in

_DRIFT, _FAILED = 1, 2


class Output(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    NAMES = "names"


class _Counted:
    """The pods that are looked at, and how many they were."""

    def __init__(self, pods: Iterable[Pod], namespace: str) -> None:
        self._pods, self._namespace = pods, namespace
        self.count = 0

    def __iter__(self) -> Iterator[Pod]:
        for pod in progress(self._pods, "pods looked at"):
            if self._namespace in ("", place_of(pod)[0]):
                self.count += 1
                yield pod


def drift(  # noqa: PLR0913, PLR0917 -- one parameter an option
    namespace: Annotated[str, namespace_option("Only pods of this namespace.", show_default=False)] = "",
    output: Annotated[
        Output,
        typer.Option("-o", "--output", help="Form of the result; names is for xargs -L1 kubectl rollout restart."),
    ] = Output.TEXT,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    release: ReleaseName = "",
) -> None:
    """Name pods that should carry a sidecar and do not, or carry one that differs from what would be injected now.

    The configuration is that of the installed release, unless -c names another. With a snapshot, which then holds pods
    too, no cluster is asked. Exit status: 0 no drift, 1 drift, 2 an error.
    """
    with failing_with(_FAILED), as_input_error(ClusterError):
        pods: Iterable[Pod]
        if snapshot:
            setup = read_setup(config, sets, Connection(kubeconfig, context))
            pods, known = objects_in(str(snapshot), "Pod"), snapshot_of(snapshot)
        else:
            pods, setup, known = _of_cluster(namespace, Connection(kubeconfig, context), config, sets, release)
        looked_at = _Counted(pods, namespace)
        findings = drift_of(looked_at, setup, known)
    if output is Output.JSON:
        write(orjson.dumps([asdict(each) for each in findings], option=orjson.OPT_INDENT_2).decode() + "\n")
    elif output is Output.NAMES:
        names, others = restart_names(findings)
        write("".join(f"{name}\n" for name in names))
        warn([f"not restarted by kubectl rollout: {', '.join(others)}"] if others else [])
    else:
        show(drift_text(findings, looked_at.count, output_paint()))
    raise typer.Exit(_DRIFT if findings else 0)


def _of_cluster(
    namespace: str, connection: Connection, config: list[str] | None, sets: list[str] | None, release: str
) -> tuple[Iterator[Pod], Setup, Snapshot]:
    server = connect(*connection)
    setup = installed_setup(server, connection, config, sets or (), release)
    return pods_of(server, namespace), setup, read_cluster(server)
