"""What becomes of all pods of one shape, worked out once.

Pods of one chart, or of one team's habit, have the same fields and differ in names, images and values. Of these an
injection looks at few. So one pod is injected with holes in the place of its texts (see `opaque`), and what was looked
at after all is left as it is: the answer, with other texts in its holes, is that to every pod whose values are the same
where they were looked at.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias, cast

import orjson

from injector.core.admission import Subject, admit
from injector.core.annotations import ANNOTATIONS
from injector.core.merge import MERGE_KEYS, PRIMITIVE
from injector.core.model import (
    CORE_DUMP_CONTAINER,
    GRPC_BOOTSTRAP_CONTAINER,
    INIT_CONTAINER,
    OVERRIDES_ANNOTATION,
    PROXY_CONTAINER,
    STATUS_ANNOTATION,
    VALIDATION_CONTAINER,
    Admission,
    JsonObject,
    Pod,
    Snapshot,
)
from injector.core.opaque import (
    LONGEST_PART,
    MARK,
    NAME,
    Inspected,
    ItemName,
    Opaque,
    Part,
    Text,
    Watch,
    literal_texts,
    marked_json,
    places_in,
)
from injector.core.pod_schema import PROBES
from injector.core.pods import CONTAINER_LISTS
from injector.core.prometheus import is_scrape_annotation
from injector.core.render import TemplateSet
from injector.core.setup import Setup

# The steps to a value, of which those that number the item of a list say nothing about what stands there.
Path: TypeAlias = tuple[str | int, ...]

_MAPS, _LISTS = ("labels", "annotations"), ("containers", "initContainers", "volumes")
_LABEL, _ANNOTATION, _WORKLOAD = ("metadata", "labels"), ("metadata", "annotations"), ("workload",)
# Mappings and lists whose values each have a place of their own.
_TAKEN_APART: frozenset[Path] = frozenset(
    ((), ("metadata",), ("spec",), _LABEL, _ANNOTATION, *(("spec", name) for name in _LISTS))
)
# What rules and the shipped templates read anyway: to find out takes an attempt for each.
_READ: frozenset[Path] = frozenset(
    (
        ("metadata", "namespace"),
        *(("spec", name) for name in ("securityContext", "affinity", "nodeSelector", "os", "nodeName")),
        *(
            ("spec", which, name)
            for which in CONTAINER_LISTS
            for name in ("ports", "securityContext", "lifecycle", *PROBES)
        ),
    )
)
# The names of containers that rules look for, beside those that templates give.
_KNOWN = frozenset(
    (PROXY_CONTAINER, INIT_CONTAINER, VALIDATION_CONTAINER, CORE_DUMP_CONTAINER, GRPC_BOOTSTRAP_CONTAINER)
)
# What an earlier injection noted: in these texts are names of containers, each of which may be that of another pod.
_RECORDS = frozenset((STATUS_ANNOTATION, OVERRIDES_ANNOTATION))
# By what the items of merged lists are told apart, and the lists whose items are plain values, also in directives.
_IDENTITIES = frozenset(MERGE_KEYS.values()) - {PRIMITIVE}
_PLAIN_LISTS = tuple(path.rpartition(".")[2] for path, key in MERGE_KEYS.items() if key == PRIMITIVE)
_MOST_ITEMS = 64
# To find out what counts of them takes about a unit each.
_MOST_VALUES = 300
_is_name = re.compile(NAME).fullmatch


@dataclass(frozen=True, slots=True)
class PodShape:
    """A pod in two halves: `key` has its fields and the types of their values, `values` what stands in them."""

    key: tuple[Any, ...]
    values: list[Any]


def shape_of(subject: Subject) -> PodShape | None:
    """The shape of the pod of `subject`, which was found to be one; None where it is not to be compared with others."""
    pod, workload = subject.pod, subject.workload
    metadata, spec = pod.get("metadata"), pod.get("spec")
    if not metadata or not spec:
        return None
    mappings = [pod, metadata, spec, *[metadata[name] for name in _MAPS if name in metadata]]
    lists = [spec.get(name) or () for name in _LISTS]
    for items in lists:
        if len(items) > _MOST_ITEMS:
            return None
        mappings += items
    if not all(mappings):
        return None
    values = [*chain.from_iterable(map(dict.values, mappings)), workload.name]
    texts = metadata.get("annotations")
    if len(values) > _MOST_VALUES:
        return None
    if texts and (not _RECORDS.isdisjoint(texts) or max(map(len, texts.values())) > LONGEST_PART):
        return None
    key = (
        *map(len, lists),
        *map(tuple, mappings),
        *map(type, values),
        workload.kind,
        workload.api_version,
        subject.namespace,
        subject.parameters,
    )
    if not all(values):
        key += tuple(place for place, value in enumerate(values) if not value)
    return PodShape(key, values)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of one shape stand, and which of them count.

    `paths` are those of the places. Of the values at `literal` places all counts, of those at `sized` places their
    size. Those of `texts` may be in answers, and `groups` are the names that must differ from one another. `namespace`
    and `node` are as for any answer that is remembered: no layout depends on either.
    """

    paths: tuple[Path, ...]
    literal: tuple[int, ...]
    sized: tuple[int, ...]
    texts: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    namespace: str = ""
    node: str = ""

    @property
    def counted(self) -> tuple[tuple[int, ...], ...]:
        """The places of what counts, which two layouts of a shape differ in."""
        return self.literal, self.sized

    def variant(self, values: Sequence[Any]) -> tuple[Any, ...] | None:
        """What counts of `values`; None where two items have one name."""
        for group in self.groups:
            if len({values[place] for place in group}) < len(group):
                return None
        counting: list[Any] = [
            value if type(value := values[place]) is str else orjson.dumps(value) for place in self.literal
        ]
        counting += [len(values[place]) for place in self.sized]
        counting += [None if _is_name(value := values[place]) else value for place in self.texts]
        return tuple(counting)

    def noting(self, looked: "Looked") -> "Layout":
        """The layout in which what was looked at counts, too, with what stands there in other items of a list."""
        literal = {*self.literal, *self._alike(looked.literal)}
        return replace(
            self,
            literal=tuple(sorted(literal)),
            sized=tuple(sorted({*self.sized, *self._alike(looked.sized)} - literal)),
            texts=tuple(place for place in self.texts if place not in literal),
        )

    def _alike(self, places: Collection[int]) -> Iterator[int]:
        fields = {_field_of(self.paths[place]) for place in places}
        return (place for place, path in enumerate(self.paths) if _field_of(path) in fields)


def _field_of(path: Path) -> Path:
    return tuple(step for step in path if type(step) is str)


def layout_of(pod: Pod, values: Sequence[Any]) -> Layout:
    """The layout of `pod`, whose `values` these are, before any of them was looked at."""
    paths = (*_paths(pod), _WORKLOAD)
    literal, texts, names = [], [], dict[bool, list[int]]()
    for place, (path, value) in enumerate(zip(paths, values, strict=True)):
        if _counts(path) or not isinstance(value, str | list | dict):
            literal.append(place)
        elif path in (("metadata", "name"), _WORKLOAD) or path[:-1] == _LABEL:
            texts.append(place)
        elif path[0] == "spec" and path[-1] == "name" and path[:-2] in _TAKEN_APART:
            texts.append(place)
            names.setdefault("volumes" in path, []).append(place)
    return Layout(paths, tuple(literal), (), tuple(texts), tuple(map(tuple, names.values())))


def _counts(path: Path) -> bool:
    """Whether rules read what stands there."""
    name = str(path[-1])
    return _field_of(path) in _READ or (
        path[:-1] == _ANNOTATION and (name in ANNOTATIONS or is_scrape_annotation(name))
    )


def _paths(pod: Pod) -> Iterator[Path]:
    """The paths of the values of a shape, in their order."""
    metadata, spec = pod["metadata"], pod["spec"]
    yield from ((name,) for name in pod)
    yield from (("metadata", name) for name in metadata)
    yield from (("spec", name) for name in spec)
    for map_name in _MAPS:
        yield from (("metadata", map_name, name) for name in metadata.get(map_name) or ())
    for list_name in _LISTS:
        for index, item in enumerate(spec.get(list_name) or ()):
            yield from (("spec", list_name, index, name) for name in item)


@dataclass(frozen=True, slots=True)
class Alike:
    """What becomes of every pod of a variant; the patch of `admission` has the marks of holes.

    `counted` is that of the layout: variants of different layouts may look the same. The holes are those of the places
    in `texts`. None of the values at the places of `different` equals the one there, and no name at the places of
    `names` is one of those `known`.
    """

    admission: Admission
    counted: tuple[tuple[int, ...], ...]
    texts: tuple[int, ...]
    different: tuple[tuple[int, Any], ...]
    names: tuple[int, ...]
    known: frozenset[str]

    def holds(self, values: Sequence[Any]) -> bool:
        """Whether a pod of the variant with these values is one of them."""
        for place, other in self.different:
            if values[place] == other:
                return False
        return self.known.isdisjoint([values[place] for place in self.names])


@dataclass(frozen=True, slots=True)
class Looked:
    """What an attempt looked at and did not count yet: places of which all counts, or the size."""

    literal: Collection[int] = ()
    sized: Collection[int] = ()


def admit_all(
    layout: Layout, values: Sequence[Any], like: Subject, setup: Setup, snapshot: Snapshot
) -> Alike | Looked | None:
    """What becomes of all pods of the shape and variant of the one of `like`, whose `values` these are.

    Where more was looked at than counts in `layout`, what that was; None where nobody can tell.
    """
    if MARK.encode()[:1] in orjson.dumps(like.pod):
        return None
    watch = Watch()
    templates = _Watched(setup.templates, watch)
    holes = _holes(layout, values, watch)
    workload = replace(like.workload, name=holes.get(_WORKLOAD, like.workload.name))
    subject = replace(like, pod=_filled(like.pod, (), holes), workload=workload)
    try:
        admission = admit(subject, replace(setup, templates=cast("TemplateSet", templates)), snapshot)
        patch = tuple(map(marked_json, admission.patch))
    except Inspected as looked:
        return _looked_at(*looked.args)
    except Exception:  # noqa: BLE001 -- holes may break anything: most likely an annotation that a template reads
        unread = {place for place, path in enumerate(layout.paths) if path[:-1] == _ANNOTATION} - {*layout.literal}
        return Looked(literal=unread) if unread else None
    names = [place for place in chain(*layout.groups) if place in layout.texts]
    # Whatever a name may have been looked up in.
    known = templates.known | _names_in([values[place] for place in layout.literal])
    taken = [place for place in names if values[place] in known]
    if taken:
        return Looked(literal=taken)
    different = {(place, type(other), other): (place, other) for place, other in watch.different}
    admission = replace(admission, pod={}, patch=patch)
    return Alike(admission, layout.counted, layout.texts, tuple(different.values()), tuple(names), known)


def _looked_at(marked: Any = None, what: str = "") -> Looked | None:
    """The places in what `Inspected` says."""
    places = places_in(marked) if isinstance(marked, str) else []
    if not places:
        return None
    return Looked(sized=places) if what == "size" else Looked(literal=places)


def _holes(layout: Layout, values: Sequence[Any], watch: Watch) -> dict[Path, Any]:
    """What stands for the values that do not count, by their paths."""
    literal, sized, texts, names = map(set, (layout.literal, layout.sized, layout.texts, chain(*layout.groups)))
    holes: dict[Path, Any] = {}
    for place, (path, value) in enumerate(zip(layout.paths, values, strict=True)):
        if place in literal or path in _TAKEN_APART:
            continue
        if place not in texts:
            holes[path] = Part(place, value, watch, is_sized=place in sized)
        elif _is_name(value):
            holes[path] = (ItemName if place in names else Text)(place, value, watch)
    return holes


def _filled(value: Any, path: Path, holes: Mapping[Path, Any]) -> Any:
    """A part of a pod with holes in it."""
    if path in holes:
        return holes[path]
    # Items of lists are taken apart, as the lists themselves.
    if path not in _TAKEN_APART and not (path[:-1] in _TAKEN_APART and type(path[-1]) is int):
        return value
    if isinstance(value, dict):
        return {key: _filled(item, (*path, key), holes) for key, item in value.items()}
    if value is None:
        return None
    return [_filled(item, (*path, index), holes) for index, item in enumerate(value)]


class _Watched:
    """Templates that give no items that are told apart by holes. Whatever name they write is `known` then."""

    def __init__(self, templates: TemplateSet, watch: Watch) -> None:
        self._templates, self._watch = templates, watch
        self.known = _KNOWN

    @property
    def names(self) -> tuple[str, ...]:
        return self._templates.names

    def render(self, *arguments: Any, **options: Any) -> JsonObject:
        self._watch.is_rendering = True
        overlay = self._templates.render(*arguments, **options)
        self._watch.is_rendering = False
        for identity in _identities_in(overlay):
            if issubclass(type(identity), Opaque):
                raise Inspected(identity.marked)
        self.known |= _names_in(overlay)
        return overlay


def _identities_in(value: Any) -> Iterator[Any]:
    """By what the items of merged lists are told apart in an overlay."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith(_PLAIN_LISTS) and isinstance(item, list):
                yield from item
            yield from _identities_in(item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from (item[key] for key in _IDENTITIES if key in item)
            yield from _identities_in(item)


def _names_in(value: Any) -> frozenset[str]:
    """What a name in a hole may be equal to."""
    return frozenset(filter(_is_name, literal_texts(value)))
