"""Reading the files of `-c`: every document of every file as a layer, whatever kind of document it is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from injector.config.config_maps import read_config_map
from injector.config.faults import ConfigFaults, Fault
from injector.config.istio_operator import read_operator
from injector.config.layers import Layer
from injector.config.text import Place, Source, TextFault, parse_documents
from injector.core.model import JsonObject

_READERS: Mapping[str, Callable[[JsonObject, Place], Layer]] = {
    "IstioOperator": read_operator,
    "IstioControlPlane": read_operator,
    "ConfigMap": read_config_map,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: layers, and the faults of documents that are none."""

    layers: tuple[Layer, ...] = ()
    faults: tuple[Fault, ...] = ()


def read_file(path: FilePath) -> Reading:
    """Every document of a configuration file, in order."""
    try:
        text = path.read_text(encoding="utf-8")
        documents = parse_documents(text)
    except OSError as error:
        return _at_fault(Fault(str(path), None, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        return _at_fault(Fault(str(path), None, "", "cannot be read: it is not UTF-8 text"))
    except TextFault as fault:
        return _at_fault(Fault(str(path), fault.line + 1, "", str(fault)))
    several = len(documents) > 1
    sources = (Source(str(path), text, index if several else None) for index in range(len(documents)))
    return _together(_read(document, Place(source)) for document, source in zip(documents, sources, strict=True))


def _at_fault(fault: Fault) -> Reading:
    return Reading((), (fault,))


def _together(readings: Iterable[Reading]) -> Reading:
    found = list(readings)
    return Reading(
        tuple(layer for reading in found for layer in reading.layers),
        tuple(fault for reading in found for fault in reading.faults),
    )


def _read(document: Any, place: Place) -> Reading:
    if not isinstance(document, dict | None):
        return _at_fault(place.fault(f"a configuration has to be a mapping, not {document!r:.80}"))
    kind = document.get("kind") if document else None
    if kind == "List":
        items = (document or {}).get("items") or []
        return _together(_read(item, place.below("items", index)) for index, item in enumerate(items))
    if kind is None:
        return Reading((Layer(document, {(): place}),)) if document else Reading()
    return _read_foreign(document or {}, place)


def _read_foreign(document: JsonObject, place: Place) -> Reading:
    kind = document["kind"]
    if kind not in _READERS:
        valid = ", ".join([*_READERS, "List"])
        return _at_fault(place.below("kind").fault(f"kind {kind!r} is not read; valid: {valid}, or no kind"))
    try:
        return Reading((_READERS[kind](document, place),))
    except ConfigFaults as found:
        return Reading((), found.faults)
