"""From a workload to its preview: the pod that its controller would create goes the webhook's own way."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.core.admission import admit_request
from injector.core.model import Admission, AdmissionRequest, JsonObject, Pod, Snapshot
from injector.core.pod_schema import pod_faults
from injector.core.setup import Setup
from injector.manifests.workloads import PodPlace, created_pod, pod_places, pod_template, with_created_pod
from injector.reports.documents import Document, UnreadableInputError

# One previewed workload: what went in, what came out, where it stands.


@dataclass(frozen=True, slots=True)
class Preview:
    """A workload and what becomes of the pod that its controller would create from the pod template at `place`.

    `document` is the workload as given, `result` the workload whose pods come out injected (the very same object where
    nothing changes), `pod` the created pod, `admission` what becomes of that. `namespace_object` is None where the
    namespace is not known.
    """

    document: JsonObject
    place: PodPlace
    result: JsonObject
    namespace: str
    namespace_object: JsonObject | None
    pod: Pod
    admission: Admission

    @property
    def is_injected(self) -> bool:
        """Whether pods of this workload get a sidecar."""
        return self.admission.allowed and self.admission.decision is not None and self.admission.decision.inject


def preview_workload(
    document: JsonObject, setup: Setup, snapshot: Snapshot, default_namespace: str, place: PodPlace | None = None
) -> Preview:
    """The preview of a workload by its pod template at `place`, by default its first one.

    It is in `default_namespace` where it names no namespace. A workload from which no pod can be made is not allowed,
    with no decision.
    """
    place = place or next(pod_places(document))
    namespace = namespace_of(document, default_namespace)
    namespace_object = snapshot.namespaces.get(namespace)
    faults = _faults(document, place)
    if faults:
        refused = Admission(allowed=False, decision=None, pod={}, message="; ".join(faults))
        return Preview(document, place, document, namespace, namespace_object, {}, refused)
    pod = created_pod(document, place)
    admission = admit_request(request_for(pod, namespace), setup, snapshot)
    changed = admission.allowed and admission.pod is not pod
    result = with_created_pod(document, admission.pod, place) if changed else document
    return Preview(document, place, result, namespace, namespace_object, pod, admission)


def namespace_of(document: JsonObject, default: str) -> str:
    """The namespace that `document` names, else `default`."""
    metadata = document.get("metadata")
    named = metadata.get("namespace") if isinstance(metadata, dict) else None
    return named if isinstance(named, str) and named else default


def request_for(pod: Pod, namespace: str) -> AdmissionRequest:
    """The request in which an API server would send `pod` on its creation in `namespace`."""
    return AdmissionRequest(
        uid="preview",
        api_version="admission.k8s.io/v1",
        kind="AdmissionReview",
        operation="CREATE",
        namespace=namespace,
        name="",
        dry_run=True,
        pod=pod,
    )


def _faults(document: JsonObject, place: PodPlace) -> list[str]:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict | None):
        return [f"metadata: must be a mapping, got {metadata!r:.60}"]
    for field in ("name", "namespace"):
        value = (metadata or {}).get(field)
        if not isinstance(value, str | None):
            return [f"metadata.{field}: must be a string, got {value!r:.60}"]
    try:
        return pod_faults(pod_template(document, place))
    except ValueError as error:
        return [str(error)]


# The cluster around previewed workloads: a snapshot, with what the input itself says of namespaces and nodes.

CLUSTER_KINDS = ("Namespace", "Node")


def with_documents(snapshot: Snapshot, documents: Iterable[Document]) -> Snapshot:
    """`snapshot` with the Namespace and Node objects among `documents` in place of its own of the same names.

    Raises UnreadableInputError for such an object without a name, or with labels that are not texts.
    """
    namespaces, nodes = dict(snapshot.namespaces), {_name(node): node for node in snapshot.nodes or ()}
    for document in documents:
        kept = {"Namespace": namespaces, "Node": nodes}.get(document.object["kind"])
        if kept is not None:
            kept[_checked_name(document)] = document.object
    known = tuple(nodes.values()) if nodes or snapshot.nodes is not None else None
    return replace(snapshot, namespaces=namespaces, nodes=known)


def with_namespace_labels(snapshot: Snapshot, namespace: str, labels: Mapping[str, str]) -> Snapshot:
    """`snapshot` in which `namespace` exists and has just these labels; its annotations stay."""
    metadata = (snapshot.namespaces.get(namespace) or {}).get("metadata") or {}
    changed: JsonObject = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {**metadata, "name": namespace, "labels": dict(labels)},
    }
    return replace(snapshot, namespaces={**snapshot.namespaces, namespace: changed})


def parse_labels(text: str) -> dict[str, str]:
    """Labels written as `key=value,key=value`; empty text is none. Raises ValueError."""
    labels = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"namespace labels must be written key=value,key=value, got {part!r}")
        labels[key.strip()] = value.strip()
    return labels


def _name(document: JsonObject) -> str:
    return str((document.get("metadata") or {}).get("name") or "")


def _checked_name(document: Document) -> str:
    metadata: Any = document.object.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    what = f"{document.where}: {document.object['kind']}"
    if not isinstance(name, str) or not name:
        raise UnreadableInputError(f"{what} without metadata.name")
    for field in ("labels", "annotations"):
        texts = metadata.get(field)
        if texts is not None and not _is_text_map(texts):
            raise UnreadableInputError(f"{what} {name!r}: metadata.{field} must map strings to strings")
    for field in ("spec", "status"):
        if not isinstance(document.object.get(field), dict | None):
            raise UnreadableInputError(f"{what} {name!r}: {field} must be a mapping")
    return name


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for entry in value.items() for text in entry)


# The whole way from a text to what would be done to each workload in it.

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """What is asked beside the objects themselves.

    `namespace` holds for workloads that name none; `namespace_labels`, where given, are the labels of every namespace
    in which there is a workload.
    """

    namespace: str = DEFAULT_NAMESPACE
    namespace_labels: Mapping[str, str] | None = None


def preview_documents(
    documents: list[Document], options: PreviewOptions, setup: Setup, snapshot: Snapshot
) -> Iterator[Preview]:
    """The preview of every pod template of every workload among `documents`, in order, each made when it is asked for.

    Namespace and Node objects among them count as the cluster's. Raises UnreadableInputError for such an object that
    cannot be used.
    """
    known = cluster_around(documents, options, snapshot)
    for document, place in pod_templates_in(documents):
        yield preview_workload(document.object, setup, known, options.namespace, place)


def pod_templates_in(documents: Iterable[Document]) -> Iterator[tuple[Document, PodPlace]]:
    """Every place among `documents` from which pods are made, in order."""
    return ((each, place) for each in documents for place in pod_places(each.object))


def cluster_around(documents: list[Document], options: PreviewOptions, snapshot: Snapshot) -> Snapshot:
    """`snapshot` with what `documents` and `options` say of namespaces and nodes. Raises UnreadableInputError."""
    known = with_documents(snapshot, documents)
    if options.namespace_labels is not None:
        namespaces = {namespace_of(each.object, options.namespace) for each, _ in pod_templates_in(documents)}
        for namespace in namespaces:
            known = with_namespace_labels(known, namespace, options.namespace_labels)
    return known


def without_pods(documents: Iterable[Document]) -> list[Document]:
    """Those of `documents` that make no pods, and say nothing of the cluster either."""
    return [each for each in documents if each.object["kind"] not in CLUSTER_KINDS and not _makes_pods(each.object)]


def _makes_pods(document: JsonObject) -> bool:
    return next(pod_places(document), None) is not None
