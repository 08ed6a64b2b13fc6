"""How much work a pod asks for, counted before the work is done: what would take too much is refused.

Whoever may create pods decides what is in them, and the webhook answers everybody's. A unit is about a hundred bytecode
instructions; `tests/fuzz/test_effort.py` holds the weights to what is measured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from injector.core.merge import CONTAINER_MERGE_KEYS, begins_with, identity_of
from injector.core.model import (
    OVERRIDES_ANNOTATION,
    PROXY_CONFIG_ANNOTATION,
    STATUS_ANNOTATION,
    InjectionError,
    JsonObject,
    Pod,
)
from injector.core.opaque import most_characters
from injector.core.pods import all_containers, annotations, container_names

MOST_UNITS = 1_900
# What is counted is shown in a message by these words: a few of them, the dearest first.
_MOST_SHOWN = 3
# All of a pod's annotations together, names and values:
# https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/
MOST_ANNOTATION_BYTES = 256 * 1024

CONTAINER, HANDLER, PORT, NAME, MISSPELT, RECORDED, SAVED = 11.0, 8.0, 1.35, 0.55, 100.0, 10.0, 5.0
_REMOVAL, _REPLACED_ENTRY, _USUAL_ENTRIES = 150.0, 3.0, 60
# A template has the containers of a sidecar; each more costs as much as a small template does. Of a template beside
# another one the text was hardly ever read before.
TEMPLATE, FURTHER_TEMPLATE, METADATA, TEMPLATE_CONTAINER, ENTRY = 250.0, 80.0, 0.6, 26.0, 4.2
# A longer text has more to be read; most are shorter.
USUAL_LENGTH, CHARACTER = 5_000, 0.08
_USUAL_CONTAINERS = 2
_LISTS = (("volumes", "volumes", 2.0), ("imagePullSecrets", "pull secrets", 0.3))
_HANDLERS = frozenset(("readinessProbe", "livenessProbe", "startupProbe", "lifecycle"))
# A pod that took less, and whose author defined no proxy, never takes more than all once it is injected.
_SURELY_REPEATABLE = 0.45 * MOST_UNITS
# What the injected pod itself does not tell.
_SAME_AGAIN = frozenset(("further templates", "entries of proxyMetadata", "characters of templates", "misspelt names"))
_SAVED = "saved containers"
_TRAFFIC = "traffic.sidecar.istio.io/"
# Annotation → the characters that its parts are counted by, and the units of one part.
_PARTS: Mapping[str, Mapping[str, float]] = {
    PROXY_CONFIG_ANNOTATION: {",": 4.3, "\n": 4.3, "{": 4.5, "[": 4.5},
    OVERRIDES_ANNOTATION: {"{": 3},
    STATUS_ANNOTATION: {},
    "sidecar.istio.io/userVolume": {"{": 9, ",": 0.2},
    "sidecar.istio.io/userVolumeMount": {"{": 12, ",": 0.2},
    **{f"{_TRAFFIC}{side}clude{way}boundPorts": {",": 0.5} for side in ("in", "ex") for way in ("In", "Out")},
    **{f"{_TRAFFIC}{side}cludeOutboundIPRanges": {",": 3} for side in ("in", "ex")},
    **{f"{_TRAFFIC}{name}": {",": 0.3} for name in ("excludeInterfaces", "kubevirtInterfaces")},
    "istio.io/reroute-virtual-interfaces": {",": 0.3},
    "prometheus.istio.io/scrape-targets": {",": 2.5},
    "apm.datadoghq.com/env": {",": 5},
    "k8s.v1.cni.cncf.io/networks": {"{": 1, ",": 0.3},
}


class Effort:
    """What the work on one pod has come to so far. Raises InjectionError where it comes to too much."""

    __slots__ = ("_most", "_parts", "units")

    def __init__(self, most: float = MOST_UNITS) -> None:
        """Begin with nothing."""
        self.units = 0.0
        self._most = most
        self._parts: list[tuple[str, int, float]] = []

    @property
    def is_spent(self) -> bool:
        """Whether there is nothing left."""
        return self.units >= self._most

    def with_reserve(self, reserved: float) -> "Effort":
        """An effort that may take what is left here, but for `reserved` units."""
        return Effort(self._most - self.units - reserved)

    @property
    def taken(self) -> float:
        """The units of the work that was done, rather than refused."""
        return min(self.units, self._most)

    def add(self, noun: str, count: int, weight: float) -> None:
        """Count work on `count` things, of `weight` units each."""
        self._parts.append((noun, count, weight))
        self.units += count * weight
        if self.units > self._most:
            raise InjectionError(
                f"the pod is too much work to inject: {self.units:,.0f} units, at most {self._most:,.0f}; "
                f"most of it for {self._dearest()}"
            )

    def is_repeatable(self, pod: Pod) -> bool:
        """Whether injecting `pod`, the result of this work, once more surely takes no more than is allowed."""
        return self.units < _SURELY_REPEATABLE and OVERRIDES_ANNOTATION not in annotations(pod)

    def refuse_unrepeatable(
        self, pod: Pod, overlays: Sequence[JsonObject], recorded: int, saved: int | None, *, is_known: bool
    ) -> None:
        """Raise InjectionError where injecting `pod`, the result of this work, once more would take too much.

        The API server sends a pod again when another webhook has changed it, and a refusal would come too late then.
        `recorded` is how many containers the record of the pod tells of, `saved` those in its overrides annotation:
        None where that is still the one that was counted. `is_known`: a single template gives the same lists again,
        which the pod has then.
        """
        again = Effort()
        for noun, count, weight in self._parts:
            if noun in _SAME_AGAIN or (noun == _SAVED and saved is None):
                again.add(noun, count, weight)
        count_pod(pod, again)
        again.add("containers in a record", recorded, RECORDED)
        if saved is not None:
            again.add(_SAVED, saved, SAVED)
        again.add("templates", len(overlays), TEMPLATE)
        if len(overlays) == 1 and is_known:
            count_overlay(overlays[0], pod, again)
        else:
            again.add("entries of injected containers", _entries_merged(pod, overlays), ENTRY)
            for overlay in overlays:
                _count_containers(overlay, again)

    def _dearest(self) -> str:
        counts, units = Counter[str](), Counter[str]()
        for noun, count, weight in self._parts:
            counts[noun] += count
            units[noun] += round(count * weight)
        return ", ".join(f"{counts[noun]:,} {noun}" for noun, _ in units.most_common(_MOST_SHOWN))


class ReadingEffort:
    """The characters of one rendered text that are read: those of items that are all alike are read once."""

    __slots__ = ("_effort", "characters")

    def __init__(self, effort: Effort | None) -> None:
        """Count them in `effort` too, where they are more than usual."""
        self.characters = 0
        self._effort = effort

    def spend(self, characters: int) -> None:
        """Count so many more. Raises InjectionError where the pod asks for too much."""
        counted = max(self.characters, USUAL_LENGTH)
        self.characters += characters
        if self._effort and self.characters > counted:
            self._effort.add("characters of templates", self.characters - counted, CHARACTER)


def count_pod(pod: Pod, effort: Effort) -> None:
    """Count what `pod` itself asks for. Raises InjectionError where that is too much."""
    spec, metadata = pod.get("spec") or {}, pod.get("metadata") or {}
    own: Mapping[str, str] = metadata.get("annotations") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    effort.add("containers", len(containers), CONTAINER)
    effort.add("labels and annotations", len(own) + len(metadata.get("labels") or ()), NAME)
    for field, noun, weight in _LISTS:
        if field in spec:
            effort.add(noun, len(spec[field] or ()), weight)
    if own:
        _count_annotations(own, effort)
    for container in containers:
        if "ports" in container:
            effort.add("ports", len(container["ports"] or ()), PORT)
        if not _HANDLERS.isdisjoint(container):
            handlers = len(_HANDLERS & container.keys()) + ("lifecycle" in container)
            effort.add("probes and hooks", handlers, HANDLER)


def _count_annotations(own: Mapping[str, str], effort: Effort) -> None:
    size = len("".join(own)) + most_characters(own.values())
    if size > MOST_ANNOTATION_BYTES:
        raise InjectionError(
            f"the annotations have {size:,} characters, API servers take at most {MOST_ANNOTATION_BYTES:,} bytes"
        )
    for name in own.keys() & _PARTS.keys():
        for separator, weight in _PARTS[name].items():
            effort.add(f"parts of {name}", own[name].count(separator), weight)


def count_removal(overlays: Iterable[JsonObject], effort: Effort) -> None:
    """Count what taking out an earlier injection asks for, in whose place `overlays` come: their lists are compared.

    Raises InjectionError where that is too much.
    """
    effort.add("removals of an injection", 1, _REMOVAL)
    parts = [container for overlay in overlays for _, _, container in all_containers(overlay)]
    entries = sum(len(container.get(field) or ()) for container in parts for field in CONTAINER_MERGE_KEYS)
    effort.add("entries in place of others", max(0, entries - _USUAL_ENTRIES), _REPLACED_ENTRY)


def count_overlay(overlay: JsonObject, pod: Pod, effort: Effort) -> None:
    """Count what merging `overlay` into `pod` asks for, of whose lists those that it has already take next to nothing.

    Raises InjectionError where that is too much.
    """
    parts, given = _count_containers(overlay, effort)
    if given.isdisjoint(container_names(pod)):
        return
    by_name: dict[Any, list[JsonObject]] = {}
    for container in parts:
        by_name.setdefault(container.get("name"), []).append(container)
    for _, _, container in all_containers(pod):
        for other in by_name.get(container["name"], ()):
            for field in CONTAINER_MERGE_KEYS.keys() & container.keys():
                there = container[field] or []
                if not begins_with(there, other.get(field) or []):
                    effort.add("entries of injected containers", len(there), ENTRY)


def _count_containers(overlay: JsonObject, effort: Effort) -> tuple[list[JsonObject], set[Any]]:
    """Count the containers of `overlay`: they, and their names."""
    parts = [container for _, _, container in all_containers(overlay)]
    given = {container.get("name") for container in parts}
    effort.add("containers in templates", max(0, len(given) - _USUAL_CONTAINERS), TEMPLATE_CONTAINER)
    return parts, given


def _entries_merged(pod: Pod, overlays: Sequence[JsonObject]) -> int:
    """At most how many entries of `pod` are looked at while several overlays are merged into it once more.

    What one of them takes out of a list another may bring back, so that a list can have what any of them gives. A
    container that is in both lists of some, as a proxy that is native or not, may be there several times meanwhile.
    """
    entries = Counter[Any]()
    known = defaultdict[tuple[Any, str], set[Any]](set)
    homes = defaultdict[Any, set[str]](set)
    for source in (pod, *overlays):
        for list_name, _, container in all_containers(source):
            homes[container.get("name")].add(list_name)
    looked_at = 0
    for source in (pod, *overlays):
        parts = [(container.get("name"), container) for _, _, container in all_containers(source)]
        if source is not pod:
            looked_at += sum(entries[name] for name, _ in parts)
        for name, container in parts:
            for field, key in CONTAINER_MERGE_KEYS.items():
                items = container.get(field) or ()
                there = known[name, field]
                new = {identity_of(item, key) for item in items} - there
                entries[name] += len(items) if source is pod or len(homes[name]) > 1 else len(new)
                there |= new
    return looked_at
