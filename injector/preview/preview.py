"""The whole way from a text to what would be done to each workload in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from injector.core.admission import Setup
from injector.core.model import Snapshot
from injector.preview.case import Case
from injector.preview.cases import WORKLOADS, case_of, namespace_of
from injector.preview.documents import Document
from injector.preview.surroundings import with_documents, with_namespace_labels

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beside the objects themselves.

    `namespace` holds for workloads that name none; `namespace_labels`, where given, are the labels of every namespace
    in which there is a workload.
    """

    namespace: str = DEFAULT_NAMESPACE
    namespace_labels: Mapping[str, str] | None = None


def preview(documents: list[Document], question: Question, setup: Setup, snapshot: Snapshot) -> Iterator[Case]:
    """The case of every workload among `documents`, in order, each worked on when it is asked for.

    Namespace and Node objects among them count as the cluster's. Raises UnreadableInputError for such an object that
    cannot be used.
    """
    known = with_documents(snapshot, documents)
    found = [document.object for document in documents if document.object["kind"] in WORKLOADS]
    if question.namespace_labels is not None:
        for namespace in {namespace_of(each, question.namespace) for each in found}:
            known = with_namespace_labels(known, namespace, question.namespace_labels)
    for document in found:
        yield case_of(document, setup, known, question.namespace)
