"""Whole files: each document changed where it is a workload, and left as it is where it is not; all faults at once."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.errors import InjectorError
from injector.core.model import InjectionError, JsonObject, Pod
from injector.core.pod_schema import pod_faults
from injector.core.yaml.nodes import BYTE_ORDER_MARK
from injector.manifests.editing import splice
from injector.manifests.parsing import Manifest, Piece, read, split
from injector.manifests.workloads import WORKLOAD_KINDS, PodPlace, pod_of, pod_places, title_of, with_pod

# Takes the workload's document and its pod; gives what the pod becomes (the very object where nothing changes) and
# warnings about it, one line each. Raises InjectionError.
PodChange: TypeAlias = Callable[[JsonObject, Pod], tuple[Pod, Sequence[str]]]
# Takes a document before and after its pods were changed; gives the document to write.
TextChange: TypeAlias = Callable[[Manifest, Manifest], Manifest]


def _as_changed(_: Manifest, after: Manifest) -> Manifest:
    return after


@dataclass(frozen=True, slots=True)
class Change:
    """What to do to a file: to each pod, and then to the text of each document in which a pod changed."""

    of_pod: PodChange
    of_text: TextChange = _as_changed


class ManualFaults(InjectorError, ValueError):  # noqa: N818 -- it holds several
    """A file that cannot be worked on; each fault names file and document."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text of a file, warnings about its pods, and what was left alone: objects that are no workloads."""

    text: str
    warnings: tuple[str, ...]
    left_alone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object: the changed one, warnings, faults, and the titles of what was left alone."""

    document: Any
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()


def rewrite(text: str, name: str, change: Change) -> Rewritten:
    """The text of file `name` with `change` made to the pod of every workload in it.

    Line ends and a byte order mark stay as they are. Raises ManualFaults with all that is wrong in any document;
    nothing is written then.
    """
    line_feed = "\r\n" if 0 < text.count("\r\n") == text.count("\n") else "\n"
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    written: list[str] = []
    outcomes: list[Outcome] = []
    faults: list[str] = []
    for piece in _pieces(text.removeprefix(mark).replace(line_feed, "\n"), name):
        try:
            changed, outcome = _rewritten(piece, change)
        except ValueError as error:
            faults.append(f"{name}: {piece.fault(error)}{template_hint(piece.text)}")
            continue
        written += [piece.separator, changed]
        outcomes.append(outcome)
        faults += [f"{name}: document {piece.number}: {fault}" for fault in outcome.faults]
    if faults:
        raise ManualFaults(*faults)
    return Rewritten(
        mark + "".join(written).replace("\n", line_feed),
        tuple(warning for outcome in outcomes for warning in outcome.warnings),
        tuple(title for outcome in outcomes for title in outcome.left_alone),
    )


def _pieces(text: str, name: str) -> list[Piece]:
    try:
        return list(split(text))
    except ValueError as error:
        raise ManualFaults(f"{name}: {error}") from error


def _rewritten(piece: Piece, change: Change) -> tuple[str, Outcome]:
    before = read(piece.text if piece.text.endswith("\n") else f"{piece.text}\n")
    changed, outcome = with_pods_changed(before, change.of_pod)
    if changed is before or outcome.faults:
        return piece.text, outcome
    text = change.of_text(before, changed).text
    return text if before.text == piece.text else text.removesuffix("\n"), outcome


def with_pods_changed(manifest: Manifest, change: PodChange) -> tuple[Manifest, Outcome]:
    """The document after `change`; the very object where nothing changes, or where there are faults."""
    outcome = _changed(manifest.value, change)
    if outcome.document is manifest.value or outcome.faults:
        return manifest, outcome
    return splice(manifest, outcome.document), outcome


def _changed(document: Any, change: PodChange) -> Outcome:
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        return Outcome(document, left_alone=(_untyped_title(document),) if document else ())
    if kind == "List" and isinstance(document.get("items"), list):
        return _changed_list(document, change)
    place = WORKLOAD_KINDS.get(kind)
    return _untouched(document) if place is None else _changed_workload(document, place, change)


def _changed_list(document: JsonObject, change: PodChange) -> Outcome:
    outcomes = [_changed(item, change) for item in document["items"]]
    items = [outcome.document for outcome in outcomes]
    is_same = all(new is old for new, old in zip(items, document["items"], strict=True))
    return Outcome(
        document if is_same else {**document, "items": items},
        tuple(warning for outcome in outcomes for warning in outcome.warnings),
        tuple(f"item {at}: {fault}" for at, one in enumerate(outcomes, 1) for fault in one.faults),
        tuple(title for outcome in outcomes for title in outcome.left_alone),
    )


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


def _untouched(document: JsonObject) -> Outcome:
    title = title_of(document)
    if not next(pod_places(document), None):
        return Outcome(document, left_alone=(title,))
    warning = f"{title} stays as it is: its kind is not injected in files; the webhook injects its pods"
    return Outcome(document, (warning,))


def workloads(text: str, name: str) -> Iterator[tuple[JsonObject, Pod]]:
    """Every workload of the file with its pod, in order. Raises ManualFaults."""
    found: list[tuple[JsonObject, Pod]] = []

    def keep(document: JsonObject, pod: Pod) -> tuple[Pod, Sequence[str]]:
        found.append((document, pod))
        return pod, ()

    rewrite(text, name, Change(keep))
    yield from found


# Files that manifests are made from, given in place of the manifests.

_TEMPLATE_ACTION = re.compile(r"\{\{-?[^{}\n]*-?\}\}")
_KUSTOMIZATION_KEYS = frozenset(("resources", "bases", "patches", "patchesStrategicMerge", "generators", "namePrefix"))
_KUSTOMIZE_KINDS = ("Kustomization", "Component")


def template_hint(text: str) -> str:
    """What to do with a text that is no YAML, as far as it shows: empty, or a remark to put behind the fault."""
    if not _TEMPLATE_ACTION.search(text):
        return ""
    return "; it looks like a Helm template: render it first, as in: helm template NAME CHART | injector ... -f -"


def kustomization_hint(document: Any) -> str:
    """The same for a document that is a kustomization."""
    if not isinstance(document, dict):
        return ""
    kind, group = document.get("kind"), str(document.get("apiVersion") or "").partition("/")[0]
    is_kustomization = kind in _KUSTOMIZE_KINDS and group == "kustomize.config.k8s.io"
    if not is_kustomization and (kind is not None or not _KUSTOMIZATION_KEYS & document.keys()):
        return ""
    return "; it is a kustomization: build it first, as in: kubectl kustomize DIRECTORY | injector ... -f -"


def _untyped_title(document: Any) -> str:
    return f"a document without a kind{kustomization_hint(document)}"
