"""A file that stands in for the API server: Namespace, Node and ProxyConfig objects, as `kubectl get -o yaml` prints.

Source: contract, section Snapshot. Objects of other kinds are ignored.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from injector.core.errors import InjectorError, quoted
from injector.core.model import JsonObject, Snapshot
from injector.core.yaml.json_text import NotJsonError, parse_json
from injector.core.yaml.reader import read_all
from injector.manifests.contents import read_content

# The snapshot that a set of objects makes, wherever they come from.


def snapshot_of(
    namespaces: Iterable[JsonObject], nodes: Iterable[JsonObject] | None, proxy_configs: Iterable[JsonObject]
) -> Snapshot:
    """The snapshot of these objects; `nodes` is None where they are not known.

    Of two namespaces with one name the later counts. ProxyConfig resources are ordered by age, those without a time
    stamp first.
    """
    return Snapshot(
        namespaces={each["metadata"]["name"]: each for each in namespaces},
        nodes=None if nodes is None else tuple(nodes),
        proxy_configs=tuple(sorted(proxy_configs, key=_created)),
    )


def _created(resource: JsonObject) -> str:
    return str(resource["metadata"].get("creationTimestamp") or "")


_KINDS = ("Namespace", "Node", "ProxyConfig")
# What is read below the spec or status of an object.
_MAPPINGS = {("Node", "status"): ("nodeInfo",), ("ProxyConfig", "spec"): ("selector",)}
_PROXY_CONFIG_GROUP = "networking.istio.io/"


class SnapshotFaults(InjectorError, ValueError):  # noqa: N818 -- it holds several
    """A snapshot that cannot be used; each fault names file and document."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An object of the file, with the words that say where it stands."""

    where: str
    document: Any


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot that the file holds: a List, or several documents. Raises SnapshotFaults.

    ProxyConfig resources are ordered by age, those without a time stamp first; of two namespaces with one name the
    later counts. The file stands for the whole cluster: without a Node in it there are no nodes.
    """
    found = list(_objects(path))
    faults = [f"{path}: {one.where}: {message}" for one in found for message in _faults(one.document)]
    if faults:
        raise SnapshotFaults(*faults)
    return snapshot_of(*(_of_kind(found, kind) for kind in _KINDS))


def _objects(path: Path) -> Iterator[_Found]:
    for index, document in enumerate(_documents(path)):
        yield from _items(document, f"document {index + 1}")


def _documents(path: Path) -> list[Any]:
    try:
        text = read_content(path).decode("utf-8")
    except OSError as error:
        raise SnapshotFaults(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SnapshotFaults(f"{path}: cannot be read: it is not UTF-8 text") from None
    documents: list[Any] = []
    try:
        with suppress(NotJsonError):
            return [parse_json(text)]
        for document in read_all(text):
            documents.append(document)  # noqa: PERF402 -- how many there were before a fault is part of its message
    except ValueError as error:
        raise SnapshotFaults(f"{path}: document {len(documents) + 1}: {error}") from None
    return documents


def _items(document: Any, where: str) -> Iterator[_Found]:
    """The object itself, or the items of a list of any kind (`List`, `NamespaceList`)."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list | None):
        inherited = {"apiVersion": document.get("apiVersion"), "kind": kind.removesuffix("List")}
        for index, item in enumerate(document.get("items") or []):
            whole = {**inherited, **item} if isinstance(item, dict) else item
            yield from _items(whole, f"{where}, item {index + 1}")
    elif document is not None:
        yield _Found(where, document)


def _faults(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"must be a Kubernetes object, got {quoted(document)}"
        return
    kind = document.get("kind")
    if not isinstance(kind, str) or not kind:
        yield "has no kind; valid: List, " + ", ".join(_KINDS) + " (others are ignored)"
    if kind not in _KINDS:
        return
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str) or not name:
        yield f"{kind} without metadata.name"
        return
    for field in ("labels", "annotations"):
        if not _is_text_map(metadata.get(field)):
            yield f"{kind} {name!r}: metadata.{field} must map strings to strings, got {quoted(metadata[field])}"
    for field in ("spec", "status"):
        value = {} if document.get(field) is None else document[field]
        if not isinstance(value, dict):
            yield f"{kind} {name!r}: {field} must be a mapping, got {quoted(value)}"
            continue
        yield from (
            f"{kind} {name!r}: {field}.{inner} must be a mapping, got {quoted(value[inner])}"
            for inner in _MAPPINGS.get((kind, field), ())
            if not isinstance(value.get(inner), dict | None)
        )


def _is_text_map(value: Any) -> bool:
    if not isinstance(value, dict | None):
        return False
    return all(isinstance(part, str) for entry in (value or {}).items() for part in entry)


def _of_kind(found: Iterable[_Found], kind: str) -> Iterator[JsonObject]:
    group = _PROXY_CONFIG_GROUP if kind == "ProxyConfig" else "v1"
    for one in found:
        if one.document.get("kind") == kind and str(one.document.get("apiVersion", "")).startswith(group):
            yield one.document
