"""The cluster around previewed workloads: a snapshot, with what the input itself says of namespaces and nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from injector.core.model import JsonObject, Snapshot
from injector.preview.documents import Document, UnreadableInputError


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
            raise ValueError(f"namespace labels have to be written key=value,key=value, not {part!r}")
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
            raise UnreadableInputError(f"{what} {name!r}: metadata.{field} has to map texts to texts")
    for field in ("spec", "status"):
        if not isinstance(document.object.get(field), dict | None):
            raise UnreadableInputError(f"{what} {name!r}: {field} has to be a mapping")
    return name


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for entry in value.items() for text in entry)
