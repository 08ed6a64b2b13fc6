"""`injector explain`: what was done to a pod, and whether the present configuration would do the same."""

from typing import Annotated

import typer

from injector.cli.options import ConfigFiles, Context, Kubeconfig, ReleaseName, Sets, SnapshotFile, namespace_option
from injector.core.model import InjectionError, Pod, Snapshot
from injector.core.setup import Setup
from injector.reports.evaluate import DEFAULT_NAMESPACE
from injector.reports.explain import explain as explanation_of
from injector.reports.explain import explanation_text
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, UsageError, as_input_error, failing_with
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.terminal import output_paint, show
from injector.runtime.workloads import pod_in

_DIFFERS, _FAILED = 1, 2


def explain(  # noqa: PLR0913, PLR0917 -- one parameter an option
    pod: Annotated[
        str | None, typer.Argument(metavar="POD", help="NAME or NAMESPACE/NAME of a pod in the cluster.")
    ] = None,
    filename: Annotated[
        str, typer.Option("-f", "--filename", metavar="FILE", help="A file that holds the pod.", show_default=False)
    ] = "",
    namespace: Annotated[str, namespace_option("Namespace of the pod.")] = DEFAULT_NAMESPACE,
    digest: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Digest of an audit annotation or log line, shown beside the present one."),
    ] = None,
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    release: ReleaseName = "",
) -> None:
    """Hold the record that injection left in a pod against the present configuration.

    For a pod of a cluster that is the configuration of the installed release, unless -c names another.

    Exit status, as for a diff: 0 the pod would come out the same, 1 it would not, 2 an error.
    """
    if (pod is None) == (not filename):
        raise UsageError("name a pod of the cluster, or a file with -f")
    connection = Connection(kubeconfig, context)
    with failing_with(_FAILED):
        known = snapshot_of(snapshot) if snapshot or filename else None
        if pod is None:
            setup = read_setup(config, sets, connection)
            subject = pod_in(filename)
        else:
            own, _, name = pod.rpartition("/")
            namespace = own or namespace
            subject, setup, known = _of_cluster((name, namespace), connection, config, sets, release, known)
        namespace = subject["metadata"].get("namespace") or namespace
        try:
            explanation = explanation_of(subject, namespace, setup, known or snapshot_of(None))
        except InjectionError as error:
            raise InputError(f"{namespace}/{subject['metadata'].get('name', '')}: {error}") from error
    show(explanation_text(subject, explanation, output_paint()))
    if digest is not None:
        show(f"configuration: {digest} then, {setup.digest} now\n")
    raise typer.Exit(_DIFFERS if explanation.differs else 0)


def _of_cluster(  # noqa: PLR0913, PLR0917 -- what the options say
    pod: tuple[str, str],
    connection: Connection,
    config: list[str] | None,
    sets: list[str] | None,
    release: str,
    snapshot: Snapshot | None,
) -> tuple[Pod, Setup, Snapshot]:
    # The official client takes its time to load: not for a pod in a file.
    from injector.cluster.api import PODS, ClusterError  # noqa: PLC0415
    from injector.cluster.client import connect  # noqa: PLC0415
    from injector.cluster.inventory import read_cluster  # noqa: PLC0415
    from injector.runtime.releases import installed_setup  # noqa: PLC0415

    with as_input_error(ClusterError):
        server = connect(*connection)
        setup = installed_setup(server, connection, config, sets or (), release)
        return server.get(PODS, *pod), setup, snapshot or read_cluster(server)
