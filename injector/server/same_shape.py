"""Answers to pods of one shape: what was worked out for one of them is, with its texts, the answer to the next.

`core/shapes` says what counts of a pod; here it is kept, within the budget of a cache, from the second such pod on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from injector.core.admission import Subject
from injector.core.effort import MOST_UNITS
from injector.core.model import PROXY_CONFIG_ANNOTATION, Admission, AdmissionRequest
from injector.core.opaque import letter_of
from injector.core.pods import annotations
from injector.core.shapes import Alike, Layout, Looked, PodShape, admit_all, layout_of, shape_of
from injector.server.answer_cache import Stencil, stencil_of, told_of_admission
from injector.server.state import State

# What an attempt costs beside an answer, and for a pod with a ProxyConfig of its own, whose text is read each time.
_ATTEMPT, _ATTEMPT_WITH_PROXY_CONFIG = 2.5, 4.0
# What needs no escapes in JSON.
_UID = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A pod that asks, by what it has in common with others; `request` is what its answer repeats beside that."""

    subject: Subject
    request: tuple[Any, ...]
    shape: PodShape

    @property
    def key(self) -> tuple[Any, ...]:
        """What all pods of the shape have in common."""
        return self.request + self.shape.key


@dataclass(frozen=True, slots=True)
class SharedAnswer:
    """The answer to all pods of one variant of a shape, the texts at `places` in its holes."""

    alike: Alike
    stencil: Stencil
    places: Mapping[str, int]
    admission: Admission
    namespace: str
    node: str

    def filled(self, uid: str, values: Sequence[Any]) -> bytes | None:
        """The answer to a pod with these values; None where they are not those of the variant."""
        if not self.alike.holds(values):
            return None
        return self.stencil.filled(uid, {letter: values[place].encode() for letter, place in self.places.items()})


def read_shaped(request: AdmissionRequest, subject: Subject) -> Shaped | None:
    """The pod of a request by its shape; None where it is not to be compared with others."""
    shape = shape_of(subject) if _UID.fullmatch(request.uid) else None
    return None if shape is None else Shaped(subject, (request.api_version, request.operation), shape)


def find_shared(shaped: Shaped, uid: str, state: State) -> tuple[bytes, Admission] | None:
    """The answer to a pod from memory, and what became of it; None where it has to be worked out."""
    key, values = shaped.key, shaped.shape.values
    layout: Layout | None = state.shapes.find(key, is_counted=False)
    shared: SharedAnswer | None = state.shapes.find((key, layout.variant(values) if layout else None))
    if layout is None or shared is None or shared.alike.counted != layout.counted:
        return None
    body = shared.filled(uid, values)
    return None if body is None else (body, shared.admission)


def remember(shaped: Shaped, body: bytes, request: AdmissionRequest, admission: Admission, state: State) -> None:
    """Keep what was answered, with holes, when a pod of this shape and variant comes for the second time.

    To find out what counts takes several attempts. With them a review takes no more work than one pod may: what is
    missing is left to the next one.
    """
    key, values = shaped.key, shaped.shape.values
    layout = _wanted_layout(key, shaped, state)
    if layout is None:
        return
    found: Alike | Looked | None = Looked()
    has_config = PROXY_CONFIG_ANNOTATION in annotations(request.pod)
    attempt = _ATTEMPT_WITH_PROXY_CONFIG if has_config else _ATTEMPT
    for _ in range(int((MOST_UNITS / admission.units - 1) / attempt)):
        found = admit_all(layout, values, shaped.subject, state.setup, state.snapshot)
        if not isinstance(found, Looked):
            break
        layout = layout.noting(found)
    shared = _shared(found, shaped, body, request, admission) if isinstance(found, Alike) else None
    if shared is None and not isinstance(found, Looked):
        state.unlike.add(key)
        return
    state.shapes.keep(key, layout)
    if shared is not None:
        state.shapes.keep((key, layout.variant(values)), shared)


def _wanted_layout(key: tuple[Any, ...], shaped: Shaped, state: State) -> Layout | None:
    """The layout of a shape; None where the pod is the first of its shape or variant, or nothing is to be kept."""
    values = shaped.shape.values
    layout: Layout | None = state.shapes.find(key, is_counted=False)
    wanted = key if layout is None else (key, layout.variant(values))
    if not state.shapes.was_wanted(wanted) or key in state.unlike:
        return None
    layout = layout or layout_of(shaped.subject.pod, values)
    return None if layout.variant(values) is None else layout


def _shared(
    alike: Alike, shaped: Shaped, body: bytes, request: AdmissionRequest, admission: Admission
) -> SharedAnswer | None:
    """The answer with the holes of its patch, if it gives what was answered to this pod."""
    found = alike.admission
    if (found.allowed, found.decision, found.warnings) != (admission.allowed, admission.decision, admission.warnings):
        return None
    stencil = stencil_of(body, request.uid)
    if found.patch:
        stencil = stencil.with_patch(found.patch)
    letters = {letter.decode() for letter in stencil.patch[1::2]}
    values = shaped.shape.values
    places = {letter: place for place in alike.texts if (letter := letter_of(place)) in letters}
    if letters != places.keys():  # the configuration has the mark of a hole in it
        return None
    node = (request.pod.get("spec") or {}).get("nodeName") or ""
    kept = replace(alike, admission=Admission(allowed=True, decision=None, pod={}))
    shared = SharedAnswer(kept, stencil, places, told_of_admission(admission), shaped.subject.namespace, node)
    return shared if shared.filled(request.uid, values) == body else None
