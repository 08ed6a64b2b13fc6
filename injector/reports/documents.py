"""The Kubernetes objects in a text: YAML or JSON, one or several documents, Lists opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from injector.core.model import JsonObject
from injector.core.yaml.nodes import BYTE_ORDER_MARK
from injector.core.yaml.reader import read_manifest
from injector.manifests.files import kustomization_hint, template_hint
from injector.manifests.parsing import Piece, split

# What a YAML document is to an API server: the JSON that kubectl makes of it.


def json_copy(value: Any) -> Any:
    """`value`, parsed from YAML or JSON, as JSON writes it: keys are texts, nothing is shared.

    It can stand in an answer. Raises ValueError where it cannot be written: values that JSON has not, or nested deeper
    than JSON parsers follow.
    """
    try:
        # An answer holds it some levels further in.
        [[[copy]]] = orjson.loads(orjson.dumps([[[value]]], option=orjson.OPT_NON_STR_KEYS))
    except TypeError as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from error
    return copy


class UnreadableInputError(ValueError):
    """A text that holds something other than Kubernetes objects; the message is one line."""


@dataclass(frozen=True, slots=True)
class Document:
    """An object, and the words that say where in the text it stands."""

    where: str
    object: JsonObject


def read_documents(text: str) -> Iterator[Document]:
    """Every object of `text` in order, the items of Lists in place of the Lists; read as they are asked for.

    Raises UnreadableInputError for what is neither YAML nor JSON, or no object with a kind.
    """
    empty = True
    for where, value in _values(text):
        if value is not None:
            empty = False
            yield from _objects(value, where)
    if empty:
        raise UnreadableInputError("there is no document: expected Kubernetes objects in YAML or JSON")


def _values(text: str) -> Iterator[tuple[str, Any]]:
    text = text.removeprefix(BYTE_ORDER_MARK)
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            # YAML has braces too; if it is not that either, its parser says where the fault is.
            pass
        else:
            yield "document 1", _as_written(value)
            return
    try:
        for piece in split(text.replace("\r\n", "\n")):
            yield f"document {piece.number}", _parsed(piece)
    except UnreadableInputError:
        raise
    except ValueError as error:
        raise UnreadableInputError(str(error)) from error


def _as_written(value: Any) -> Any:
    try:
        return json_copy(value)
    except ValueError as error:
        raise UnreadableInputError(f"document 1: {error}") from error


def _parsed(piece: Piece) -> Any:
    try:
        return json_copy(read_manifest(piece.text if piece.text.endswith("\n") else f"{piece.text}\n"))
    except ValueError as error:
        raise UnreadableInputError(f"{piece.fault(error)}{template_hint(piece.text)}") from error


def _objects(value: Any, where: str) -> Iterator[Document]:
    if isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _objects(item, f"{where}, item {number}")
        return
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or not kind:
        hint = kustomization_hint(value)
        raise UnreadableInputError(f"{where}: expected a Kubernetes object with a kind, got {_brief(value)}{hint}")
    if kind.endswith("List") and isinstance(value.get("items"), list | None):
        # Items of a typed list come without the fields that say what they are.
        inherited = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
        for number, item in enumerate(value.get("items") or (), 1):
            whole = {**inherited, **item} if isinstance(item, dict) else item
            yield from _objects(whole, f"{where}, item {number}")
    else:
        yield Document(where, value)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004
