"""Whole files: each document changed where it is a workload, and left as it is where it is not; all faults at once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.model import InjectionError, JsonObject, Pod
from injector.core.pod_schema import pod_faults
from injector.core.yaml.reader import read_manifest
from injector.manifests.editing import splice
from injector.manifests.parsing import Piece, split
from injector.manifests.workloads import WORKLOAD_KINDS, PodPlace, pod_of, with_pod

# Takes the workload's document and its pod; gives what the pod becomes (the very object where nothing changes) and
# what is to be told about it, one line each. Raises InjectionError.
PodChange: TypeAlias = Callable[[JsonObject, Pod], tuple[Pod, Sequence[str]]]
# Takes the text of a document before and after its pods were changed; gives the text to write.
TextChange: TypeAlias = Callable[[str, str], str]


def _as_changed(_: str, after: str) -> str:
    return after


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to a file: to each pod, and then to the text of each document in which a pod changed."""

    of_pod: PodChange
    of_text: TextChange = _as_changed


class ManualFaults(ValueError):  # noqa: N818 -- it holds several
    """A file that cannot be worked on; `faults` says everything that is wrong, each with file and document."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Hold `faults`; the text of the exception is one line for each."""
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text of a file, and what is to be told about it."""

    text: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object: the changed one, warnings, faults."""

    document: Any
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def rewrite(text: str, name: str, change: Change) -> Rewritten:
    """The text of file `name` with `change` made to the pod of every workload in it.

    Raises ManualFaults with all that is wrong in any document; nothing is written then.
    """
    line_feed = "\r\n" if 0 < text.count("\r\n") == text.count("\n") else "\n"
    written: list[str] = []
    warnings: list[str] = []
    faults: list[str] = []
    for piece in _pieces(text.replace(line_feed, "\n"), name):
        try:
            changed, outcome = _rewritten(piece, change)
        except ValueError as error:
            faults.append(f"{name}: document {piece.number}: {error}")
            continue
        written += [piece.separator, changed]
        warnings += outcome.warnings
        faults += [f"{name}: document {piece.number}: {fault}" for fault in outcome.faults]
    if faults:
        raise ManualFaults(faults)
    return Rewritten("".join(written).replace("\n", line_feed), tuple(warnings))


def _pieces(text: str, name: str) -> list[Piece]:
    try:
        return list(split(text))
    except ValueError as error:
        raise ManualFaults([f"{name}: {error}"]) from error


def _rewritten(piece: Piece, change: Change) -> tuple[str, Outcome]:
    whole = piece.text if piece.text.endswith("\n") else f"{piece.text}\n"
    changed, outcome = with_pods_changed(whole, change.of_pod)
    if changed == whole or outcome.faults:
        return piece.text, outcome
    changed = change.of_text(whole, changed)
    return changed if whole == piece.text else changed.removesuffix("\n"), outcome


def with_pods_changed(text: str, change: PodChange) -> tuple[str, Outcome]:
    """The text of one document, which ends with a line feed, after `change`; raises ValueError where it is no YAML."""
    document = read_manifest(text)
    outcome = _changed(document, change)
    if outcome.document is document or outcome.faults:
        return text, outcome
    return splice(text, document, outcome.document), outcome


def _changed(document: Any, change: PodChange) -> Outcome:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        return Outcome(document)
    if kind == "List" and isinstance(document.get("items"), list):
        return _changed_list(document, change)
    place = WORKLOAD_KINDS.get(kind)
    return Outcome(document) if place is None else _changed_workload(document, place, change)


def _changed_list(document: JsonObject, change: PodChange) -> Outcome:
    outcomes = [_changed(item, change) for item in document["items"]]
    faults = tuple(f"item {at}: {fault}" for at, one in enumerate(outcomes, 1) for fault in one.faults)
    warnings = tuple(warning for outcome in outcomes for warning in outcome.warnings)
    items = [outcome.document for outcome in outcomes]
    if all(new is old for new, old in zip(items, document["items"], strict=True)):
        return Outcome(document, warnings, faults)
    return Outcome({**document, "items": items}, warnings, faults)


def _changed_workload(document: JsonObject, place: PodPlace, change: PodChange) -> Outcome:
    title = title_of(document)
    try:
        pod = pod_of(document, place)
        faults = tuple(f"{title}: {fault}" for fault in pod_faults(pod))
        if faults:
            return Outcome(document, faults=faults)
        changed, warnings = change(document, pod)
    except (InjectionError, ValueError) as error:
        return Outcome(document, faults=(f"{title}: {error}",))
    result = document if changed is pod else with_pod(document, place, changed)
    return Outcome(result, tuple(warnings))


def title_of(document: JsonObject, name: str = "") -> str:
    """How messages name an object: `Deployment "shop/reviews"`, the namespace only where it has one."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    parts = [part for part in (metadata.get("namespace"), name or metadata.get("name")) if part]
    return f'{document["kind"]} "{"/".join(map(str, parts))}"'


def workloads(text: str, name: str) -> Iterator[tuple[JsonObject, Pod]]:
    """Every workload of the file with its pod, in order. Raises ManualFaults."""
    found: list[tuple[JsonObject, Pod]] = []

    def keep(document: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        found.append((document, pod))
        return pod, ()

    rewrite(text, name, Change(keep))
    yield from found
