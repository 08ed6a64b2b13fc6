"""What becomes of all pods that differ in a few texts alone, such as the replicas of a workload, worked out once.

The texts are holes in the pod (see `opaque`). Where a template or a rule looks into one there is no such answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from injector.core.admission import Subject, admit
from injector.core.model import Admission, JsonObject, Pod, Snapshot, Workload
from injector.core.opaque import MARK, Inspected, Nonce, Opaque, filled, literal_texts
from injector.core.pods import workload_of
from injector.core.render import TemplateSet
from injector.core.setup import Setup

# The volume of a service account's token, whose name ends in random characters. Source: the prefix in
# https://github.com/kubernetes/kubernetes/blob/v1.37.0/plugin/pkg/admission/serviceaccount/admission.go
TOKEN_VOLUME = "kube-api-access-"  # noqa: S105 -- the name of a volume


@dataclass(frozen=True, slots=True)
class Owned:
    """What a pod's workload follows from, `pod` with holes, and the workload, whose name may be one of the texts."""

    pod: Pod
    workload: Workload

    def holds(self, texts: Mapping[str, str]) -> bool:
        """Whether the pod with these texts belongs to that workload."""
        found = workload_of(filled(self.pod, texts), self.workload.namespace)
        return found == replace(self.workload, name=filled(self.workload.name, texts))


def admit_alike(pod: Any, like: Subject, setup: Setup, snapshot: Snapshot) -> tuple[Admission, Owned | None] | None:
    """What becomes of all pods with the marks of holes in `pod`, of which that of `like` is one: with these holes.

    With it comes what the pods have to belong to, where that is to be looked at. None where the admission depends on
    the texts in the holes in another way than by copying them.
    """
    watched = _Watched(setup.templates)
    try:
        holed: Pod = _with_holes(pod, watched)
        workload, owned = _workload(holed, like)
        subject = replace(like, pod=holed, workload=workload)
        admission = admit(subject, replace(setup, templates=cast("TemplateSet", watched)), snapshot)
    except (Inspected, Exception):  # noqa: BLE001 -- holes may break anything: then each pod is worked out by itself
        return None
    return admission, owned


def _workload(holed: Pod, like: Subject) -> tuple[Workload, Owned | None]:
    """The workload of a pod with holes; what it follows from, too, where that is to be looked at for each of the pods.

    The name of a Job tells whether a CronJob runs it: the workload is the Job of that name, or the same CronJob.
    """
    try:
        return workload_of(holed, like.namespace), None
    except (Inspected, TypeError):
        metadata, name = holed["metadata"], like.workload.name
        for before, owner in zip(like.pod["metadata"]["ownerReferences"], metadata["ownerReferences"], strict=True):
            name = owner["name"] if before.get("name") == like.workload.name else name
        workload = replace(like.workload, name=name)
        naming = {"metadata": {name: metadata[name] for name in _NAMING if name in metadata}}
        return workload, Owned(naming, workload)


# What `workload_of` reads.
_NAMING = ("name", "generateName", "labels", "ownerReferences")


class _Watched:
    """Templates that give nothing by which the name of a token's volume could be told from another."""

    def __init__(self, templates: TemplateSet) -> None:
        self._templates = templates
        self.is_rendering = False

    @property
    def names(self) -> tuple[str, ...]:
        return self._templates.names

    def render(self, *arguments: Any, **options: Any) -> JsonObject:
        self.is_rendering = True
        overlay = self._templates.render(*arguments, **options)
        self.is_rendering = False
        _refuse_token_volumes(overlay)
        return overlay


def _with_holes(value: Any, watched: _Watched) -> Any:
    """A JSON value with a text with holes for each marked one. Raises Inspected where a key is one, too."""
    if isinstance(value, dict):
        if any(MARK in key for key in value):
            raise Inspected
        return {key: _with_holes(item, watched) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_holes(item, watched) for item in value]
    if not isinstance(value, str) or MARK not in value:
        _refuse_token_volumes(value)
        return value
    if value.startswith(TOKEN_VOLUME + MARK):
        return Nonce(value, TOKEN_VOLUME, lambda: watched.is_rendering)
    return Opaque(value)


def _refuse_token_volumes(value: Any) -> None:
    """Raise Inspected where a text could be the name of a token's volume."""
    if any(TOKEN_VOLUME in text for text in literal_texts(value)):
        raise Inspected
