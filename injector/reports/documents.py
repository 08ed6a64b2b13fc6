"""The Kubernetes objects in a text: YAML or JSON, one or several documents, Lists opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from injector.core.errors import InjectorError, quoted
from injector.core.model import JsonObject
from injector.core.yaml.bounds import DOCUMENTS, Bounds
from injector.core.yaml.nodes import BYTE_ORDER_MARK
from injector.core.yaml.reader import read_manifest
from injector.manifests.files import kustomization_hint, template_hint
from injector.manifests.parsing import Piece, split


class UnreadableInputError(InjectorError, ValueError):
    """A text that holds something other than Kubernetes objects; the message is one line."""


@dataclass(frozen=True, slots=True)
class Document:
    """An object, the words that say where in the text it is, and the line on which its YAML document begins."""

    where: str
    object: JsonObject
    line: int = 1


def read_documents(text: str, bounds: Bounds = DOCUMENTS) -> Iterator[Document]:
    """Every object of `text` in order, the items of Lists in place of the Lists; read as they are asked for.

    `bounds` are those of each document.

    Raises UnreadableInputError for what is neither YAML nor JSON, or no object with a kind.
    """
    empty = True
    for piece, value in _values(text, bounds):
        if value is not None:
            empty = False
            yield from _objects(value, f"document {piece.number}", piece.line)
    if empty:
        raise UnreadableInputError("there is no document: expected Kubernetes objects in YAML or JSON")


def _values(text: str, bounds: Bounds) -> Iterator[tuple[Piece, Any]]:
    try:
        for piece in split(text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")):
            yield piece, _read(piece, bounds)
    except UnreadableInputError:
        raise
    except ValueError as error:
        raise UnreadableInputError(str(error)) from error


def _read(piece: Piece, bounds: Bounds) -> Any:
    try:
        return read_manifest(piece.text, bounds)
    except ValueError as error:
        raise UnreadableInputError(f"{piece.fault(error)}{template_hint(piece.text)}") from error


def _objects(value: Any, where: str, line: int) -> Iterator[Document]:
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _objects(item, f"{where}, item {number}", line)
        return
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind:
        hint = kustomization_hint(value)
        raise UnreadableInputError(f"{where}: expected a Kubernetes object with a kind, got {quoted(value)}{hint}")
    if kind.endswith("List") and isinstance(value.get("items"), list | None):
        # Items of a typed list come without the fields that say what they are.
        inherited = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
        for number, item in enumerate(value.get("items") or (), 1):
            whole = {**inherited, **item} if isinstance(item, dict) else item
            yield from _objects(whole, f"{where}, item {number}", line)
    else:
        yield Document(where, value, line)
