"""`injector explain`: what was done to a pod, and whether the present configuration would do the same."""

from pathlib import Path
from typing import Annotated

import typer

from injector.cli.options import ConfigFiles, Context, Kubeconfig, Sets, SnapshotFile
from injector.cluster.api import PODS, ClusterError
from injector.cluster.client import connect
from injector.cluster.inventory import read_cluster
from injector.core.model import InjectionError, Pod, Snapshot
from injector.reports.evaluate import DEFAULT_NAMESPACE
from injector.reports.explain import explain as explained
from injector.reports.explain import explanation_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, as_input_error, failing_with
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.terminal import output_paint, write
from injector.runtime.workloads import pods_in

_DIFFERS, _FAILED = 1, 2


def explain(  # noqa: PLR0913, PLR0917 -- one parameter an option
    pod: Annotated[
        str | None, typer.Argument(metavar="POD", help="NAME or NAMESPACE/NAME of a pod in the cluster.")
    ] = None,
    filename: Annotated[
        Path | None, typer.Option("-f", "--filename", metavar="FILE", help="A file that holds the pod.")
    ] = None,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace of the pod.")
    ] = DEFAULT_NAMESPACE,
    digest: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Digest of an audit annotation or log line, shown beside the present one."),
    ] = None,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Hold the record that injection left in a pod against the present configuration.

    Exit status, as for a diff: 0 the pod would come out the same, 1 it would not, 2 an error.
    """
    if (pod is None) == (filename is None):
        raise typer.BadParameter("name a pod of the cluster, or a file with -f")
    with failing_with(_FAILED):
        setup, known = read_setup(config, sets, Connection(kubeconfig, context)), snapshot_of(snapshot)
        if filename is not None:
            (found,) = pods_in(str(filename), expected=1)
        else:
            own, _, name = str(pod).rpartition("/")
            namespace = own or namespace
            found, known = _pod_of_cluster(name, namespace, (kubeconfig, context), known if snapshot else None)
        namespace = found["metadata"].get("namespace") or namespace
        try:
            explanation = explained(found, namespace, setup, known)
        except InjectionError as error:
            raise InputError(f"{namespace}/{found['metadata'].get('name', '')}: {error}") from error
    write(explanation_text(found, explanation, output_paint()))
    if digest is not None:
        write(f"configuration: {digest} then, {setup.digest} now\n")
    raise typer.Exit(_DIFFERS if explanation.differs else 0)


def _pod_of_cluster(
    name: str, namespace: str, where: tuple[Path | None, str | None], snapshot: Snapshot | None
) -> tuple[Pod, Snapshot]:
    with as_input_error(ClusterError):
        server = connect(*where)
        return server.get(PODS, name, namespace), snapshot or read_cluster(server)
