"""The workloads that a command is about, and the cluster around them: files, a snapshot, or a cluster itself."""

from dataclasses import dataclass
from pathlib import Path

from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.inventory import read_cluster, workloads
from injector.core.model import Pod, Snapshot
from injector.core.pod_schema import pod_faults
from injector.reports.documents import Document, UnreadableInputError, read_documents
from injector.runtime.errors import InputError, UsageError, as_input_error
from injector.runtime.loading import read_text, snapshot_of


@dataclass(frozen=True, slots=True)
class Sources:
    """What the options name."""

    filename: Path | None
    snapshot: Path | None
    kubeconfig: Path | None
    context: str | None

    @property
    def names_cluster(self) -> bool:
        """Whether a cluster is asked for."""
        return self.kubeconfig is not None or self.context is not None


def read_workloads(sources: Sources) -> tuple[list[Document], Snapshot]:
    """The objects to work on, and what is known of the cluster.

    The objects are those of the file; without one the snapshot's; without that all workloads of the cluster. Raises
    InputError, and UsageError where nothing is named.
    """
    if sources.names_cluster and not (sources.filename and sources.snapshot):
        return _with_cluster(sources)
    source = sources.filename or sources.snapshot
    if source is None:
        raise UsageError("name a file with -f, a --snapshot with workloads, or a cluster with --kubeconfig")
    return _documents(source), snapshot_of(sources.snapshot)


def pods_in(path: Path, expected: int | None = None) -> list[Pod]:
    """The pods that stand in a file, each with metadata; other objects are left out.

    Raises InputError where their number is not the `expected` one, or else where one has not the shape of a pod.
    """
    found: list[Pod] = [each.object for each in _documents(path) if each.object["kind"] == "Pod"]
    if expected is not None and len(found) != expected:
        raise InputError(f"{path}: holds {len(found)} pods, expected {expected}")
    faults = [f"{path}: {fault}" for pod in found for fault in pod_faults(pod)]
    if faults:
        raise InputError("\n".join(faults))
    return [{**pod, "metadata": pod.get("metadata") or {}} for pod in found]


def _with_cluster(sources: Sources) -> tuple[list[Document], Snapshot]:
    source = sources.filename or sources.snapshot
    with as_input_error(ClusterError):
        server = connect(sources.kubeconfig, sources.context)
        known = snapshot_of(sources.snapshot) if sources.snapshot else read_cluster(server)
        if source is not None:
            return _documents(source), known
        return [Document(str(server.url), each) for each in workloads(server)], known


def _documents(source: Path) -> list[Document]:
    try:
        return list(read_documents(read_text(source)))
    except UnreadableInputError as error:
        raise InputError(f"{source}: {error}") from error
