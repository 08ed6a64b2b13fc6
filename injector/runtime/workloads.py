"""The workloads that a command is about, and the cluster around them: files, a snapshot, or a cluster itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from injector.core.model import JsonObject, Pod, Snapshot
from injector.core.pod_schema import pod_faults
from injector.core.setup import Setup
from injector.reports.documents import Document, UnreadableInputError, read_documents
from injector.reports.evaluate import Preview
from injector.reports.references import added_references
from injector.runtime.config_sources import DEFAULT_CONNECTION, Connection
from injector.runtime.errors import ASK_PREVIEW, InputError, UsageError, as_input_error
from injector.runtime.inputs import read_inputs
from injector.runtime.loading import read_setup, snapshot_of
from injector.runtime.terminal import progress


@dataclass(frozen=True, slots=True)
class Sources:
    """What the options name."""

    filenames: tuple[str, ...] = ()
    recursive: bool = False
    snapshot: Path | None = None
    connection: Connection = DEFAULT_CONNECTION
    config: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    release: str = ""

    @property
    def names_cluster(self) -> bool:
        """Whether a cluster is asked for."""
        return self.connection != DEFAULT_CONNECTION

    @property
    def files(self) -> tuple[str, ...]:
        """The files that hold the workloads: those of `-f`, else the snapshot."""
        return self.filenames or ((str(self.snapshot),) if self.snapshot else ())


@dataclass(frozen=True, slots=True)
class Workloads:
    """The objects to work on, the configuration, what is known of the cluster, and what could not be read of it."""

    documents: list[Document]
    setup: Setup
    snapshot: Snapshot
    unread: tuple[str, ...] = ()


def read_workloads(sources: Sources) -> Workloads:
    """The objects are those of the files; without any the snapshot's; without that all workloads of the cluster.

    With a cluster the configuration is that of the installed release, unless one is named. Raises InputError, and
    UsageError where nothing is named.
    """
    if sources.names_cluster and not (sources.filenames and sources.snapshot):
        return _with_cluster(sources)
    if not sources.files:
        raise UsageError("name a file with -f, a --snapshot with workloads, or a cluster with --kubeconfig")
    setup = read_setup(sources.config, sources.sets, sources.connection)
    return Workloads(documents_in(sources.files, recursive=sources.recursive), setup, snapshot_of(sources.snapshot))


def documents_in(names: Sequence[str], *, recursive: bool = False) -> list[Document]:
    """The objects in the files that `names` stand for. Raises InputError with the faults of all files."""
    documents, faults = list[Document](), list[str]()
    for file in read_inputs(names, recursive=recursive):
        try:
            documents += [Document(f"{file.name}: {each.where}", each.object) for each in read_documents(file.text)]
        except UnreadableInputError as error:
            faults.append(f"{file.name}: {error}")
    if faults:
        raise InputError("\n".join(faults))
    return documents


def objects_in(name: str, kind: str) -> list[JsonObject]:
    """The objects of a kind in a file, whatever their shape. Raises InputError where the file cannot be read."""
    return [each.object for each in documents_in([name]) if each.object["kind"] == kind]


def pod_in(name: str) -> Pod:
    """The pod in a file, with metadata. Raises InputError where there is not just one, or it has not a pod's shape."""
    pods = objects_in(name, "Pod")
    if len(pods) != 1:
        hint = "" if pods else ASK_PREVIEW
        raise InputError(f"{name}: holds {len(pods) or 'no'} pods, expected 1{hint}")
    faults = pod_faults(pods[0])
    if faults:
        raise InputError("\n".join(f"{name}: {fault}" for fault in faults))
    return {**pods[0], "metadata": pods[0].get("metadata") or {}}


def missing_objects(sources: Sources, workloads: Workloads, previews: Iterable[Preview]) -> list[str]:
    """What injected pods of `previews` would wait for in vain in the cluster, one line a namespace.

    What the previewed files hold themselves is not missing. Raises InputError where the cluster cannot be asked.
    """
    if not sources.names_cluster:
        return []
    from injector.cluster.api import ClusterError  # noqa: PLC0415
    from injector.cluster.client import connect  # noqa: PLC0415
    from injector.cluster.references import missing_references  # noqa: PLC0415

    wanted = [
        (preview.namespace, each)
        for preview in previews
        if preview.is_injected
        for each in added_references(preview.pod, preview.admission.pod)
    ]
    with as_input_error(ClusterError):
        missing = missing_references(connect(*sources.connection), wanted)
    given = {(each.object["kind"], (each.object.get("metadata") or {}).get("name")) for each in workloads.documents}
    lines = [f"whether pods can start was not looked at: {each}" for each in missing.unread]
    for namespace, absent in missing.absent.items():
        named = [str(each) for each in absent if each not in given]
        if named:
            lines.append(f"namespace {namespace}: injected pods do not start without {', '.join(named)}, missing there")
    return lines


def _with_cluster(sources: Sources) -> Workloads:
    # The official client takes its time to load: not for files.
    from injector.cluster.api import ClusterError  # noqa: PLC0415
    from injector.cluster.client import connect  # noqa: PLC0415
    from injector.cluster.inventory import Inventory, read_cluster  # noqa: PLC0415
    from injector.runtime.releases import installed_setup  # noqa: PLC0415

    with as_input_error(ClusterError):
        server = connect(*sources.connection)
        setup = installed_setup(server, sources.connection, sources.config, sources.sets, sources.release)
        known = snapshot_of(sources.snapshot) if sources.snapshot else read_cluster(server)
        if sources.files:
            return Workloads(documents_in(sources.files, recursive=sources.recursive), setup, known)
        inventory = Inventory(server)
        objects = list(progress(inventory.workloads(), "objects read"))
        return Workloads([Document(server.url, each) for each in objects], setup, known, tuple(inventory.unread))
