"""The status annotation: what an injection added, and what is needed to repeat or undo it (reference 10.1).

Istio's five keys come first and in its order. The key `original` is this project's own, the record: with it a second
injection gives the same pod again, the user's overrides included, and `uninject` restores what was rewritten.

The annotation is a claim. Whoever may write pods may write it too, so that it is checked whole against one schema here,
and what it says counts only as far as `footprint` allows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import Any

import orjson

from injector.core.errors import Path, format_path, quoted
from injector.core.merge import PATCH
from injector.core.model import STATUS_ANNOTATION, InjectionError, JsonObject, Pod
from injector.core.opaque import json_text
from injector.core.pod_schema import container_faults
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers
from injector.core.validation import MAPPING, STRING, Finding, Mapped, Message, Scalar, read

NAME_LISTS = ("initContainers", "containers", "volumes", "imagePullSecrets")
ORIGINAL = "original"
_MOST_FAULTS = 5
# A record of a pod with a hundred containers has fewer entries; what is longer was not written by an injector.
_MOST_ENTRIES = 500
# Injection refuses a pod with as many containers, as too much work.
_MOST_CONTAINERS = 100
_NAME = itemgetter("name")


@dataclass(frozen=True, slots=True)
class _Containers:
    """Container name → the container, which has that name; or, with `parts`, some of its fields, of which any is null.

    What is put back has to be a container that the rest of the core can read.
    """

    parts: bool = False
    expected = "a mapping of container names to containers"
    schema: JsonObject = field(default_factory=dict)

    def read(self, value: Any, path: Path, findings: list[Finding]) -> Any:
        """The mapping; a finding for each container that is none, or has another name than its key."""
        if not isinstance(value, dict):
            findings.append(Finding(path, f"must be {self.expected}, got {quoted(value)}"))
            return None
        for name, container in value.items():
            whole = {"name": name, **container} if self.parts and isinstance(container, dict) else container
            faults = container_faults(whole, "container")
            if not faults and whole["name"] != name:
                faults = [f"must be named {quoted(name)}, got {quoted(whole['name'])}"]
            findings += (Finding((*path, name), fault) for fault in faults)
        return value


def _all_are(kinds: set[type], values: Iterable[Any]) -> bool:
    # By the types that there are, rather than value by value: lists of names may be long.
    return {*map(type, values)} <= kinds


_NAMES = Scalar("a list of strings", lambda value: isinstance(value, list) and _all_are({str}, value))
_BEFORE = Scalar(
    "a mapping to strings or null", lambda value: isinstance(value, dict) and _all_are({str, NoneType}, value.values())
)
_NAMED = Scalar(
    "a list of mappings that have a name",
    lambda value: (
        isinstance(value, list) and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value)
    ),
)

# Each key is there only where there is something to remember. A value of null stands for a field that was absent.
RECORD = Message(
    {
        # What the injection depended on, beside the pod: see `injection.fingerprint_of`.
        "configuration": STRING,
        # Name → the value before.
        "annotations": _BEFORE,
        "labels": _BEFORE,
        # Container name → field → the value before; of a container whose definition is in the overrides annotation,
        # only the fields that are written otherwise there.
        "containers": _Containers(parts=True),
        "initContainers": _Containers(parts=True),
        # Field of the pod's spec → the value before.
        "spec": MAPPING,
        # The user's own volumes, and the names of the user's own pull secrets, that carry an injected name.
        "volumes": _NAMED,
        "imagePullSecrets": _NAMES,
        # List → the names in the user's order, where injection changed it or took one of the user's own out of it.
        "order": Mapped(_NAMES),
        # The containers whose image was `auto`.
        "automatic": _NAMES,
        # Where another injector had injected the pod before: list → container name → what was merged over the
        # template's container, and list → the names that the other injector had put there.
        "definitions": Message(dict.fromkeys(CONTAINER_LISTS, _Containers())),
        "earlier": Mapped(_NAMES),
        # Of manual injection only: how lines of the file were written (see `manifests.formatting`).
        "text": MAPPING,
    }
)


@dataclass(frozen=True, slots=True)
class Status:
    """A status annotation that can be read. `names` maps each of NAME_LISTS to the names that were injected there.

    `original` is the record, None where another injector wrote the annotation or the record has `faults`.
    """

    names: dict[str, tuple[str, ...]]
    revision: str
    original: JsonObject | None = None
    faults: tuple[str, ...] = ()

    def lists(self, list_name: ContainerList, name: str) -> bool:
        """Whether the container `name` was injected under `list_name`."""
        return name in self.names[list_name]

    def absent_containers(self, pod: Pod) -> list[str]:
        """The containers that are said to be injected and that `pod` does not have."""
        present = {container["name"] for list_name in CONTAINER_LISTS for container in containers(pod, list_name)}
        return [name for list_name in CONTAINER_LISTS for name in self.names[list_name] if name not in present]


def read_status(pod: Pod) -> Status | None:
    """The pod's status; None where it has none or it is not of Istio's form, which counts as never injected."""
    text = annotations(pod).get(STATUS_ANNOTATION)
    if text is None:
        return None
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    names = {list_name: document.get(list_name) or () for list_name in NAME_LISTS}
    if not all(isinstance(each, (list, tuple)) and _all_are({str}, each) for each in names.values()):
        return None
    if sum(map(len, names.values())) > _MOST_ENTRIES:
        return None
    original, faults = _record(document[ORIGINAL]) if ORIGINAL in document else (None, ())
    return Status(
        names={list_name: tuple(each) for list_name, each in names.items()},
        revision=str(document.get("revision") or ""),
        original=original,
        faults=faults,
    )


def _record(value: Any) -> tuple[JsonObject | None, tuple[str, ...]]:
    """The record in `value`, or what is wrong with it."""
    if _entries(value, 3) > _MOST_ENTRIES:
        return None, (f"{ORIGINAL}: it has more than {_MOST_ENTRIES} entries",)
    if isinstance(value, dict) and containers_in(value) > _MOST_CONTAINERS:
        return None, (f"{ORIGINAL}: it tells of more than {_MOST_CONTAINERS} containers",)
    record, findings = read(RECORD, value)
    faults = tuple(f"{format_path((ORIGINAL, *each.path))}: {each.message}" for each in findings[:_MOST_FAULTS])
    return (None if faults else record), faults


def containers_in(record: JsonObject) -> int:
    """How many containers a record tells of, before or after it is known to be one."""
    definitions = record.get("definitions")
    parts = [record, definitions] if isinstance(definitions, dict) else [record]
    named = [part.get(list_name) for part in parts for list_name in CONTAINER_LISTS]
    return sum(len(each) for each in named if isinstance(each, dict))


def _entries(value: Any, depth: int) -> int:
    """How many entries a record has, but for the lines of a file, and the values that were there before."""
    if not isinstance(value, dict | list) or depth == 0:
        return 0
    inside = [each for key, each in value.items() if key != "text"] if isinstance(value, dict) else ()
    if len(value) > _MOST_ENTRIES:
        return len(value)
    return len(value) + sum(_entries(each, depth - 1) for each in inside)


def refuse_foreign_status(pod: Pod, status: Status) -> None:
    """Raise InjectionError where `status` has a record, and `pod` is none that it can be about.

    An annotation that was copied, or made up, is no reason to change a pod that was never injected.
    """
    if status.original is None and not status.faults:
        return
    absent = status.absent_containers(pod)
    if absent:
        faults = "".join(f"; {fault}" for fault in status.faults)
        raise InjectionError(
            f"annotation {STATUS_ANNOTATION!r} says that container {quoted(absent[0])} was injected, and the pod has "
            f"no such container{faults}; valid: a pod without this annotation, or one as the injector made it"
        )


def injected_names(overlay: JsonObject) -> JsonObject:
    """`overlay` reduced to the names in the lists that a status records; directives stay, for merging.

    Raises InjectionError for an item without a name.
    """
    spec = overlay.get("spec") or {}
    items = {list_name: spec[list_name] for list_name in NAME_LISTS if spec.get(list_name)}
    for each in chain(*items.values()):
        if not isinstance(each.get("name"), str):
            raise InjectionError(f"an item of a list that is merged by 'name' has none: {quoted(each)}")
    if "$" not in "".join(chain(overlay, spec)) and not any(PATCH in each for each in chain(*items.values())):
        return {"spec": {list_name: [{"name": each["name"]} for each in found] for list_name, found in items.items()}}
    directives = {key: value for key, value in spec.items() if key[:1] == "$"}
    rest = {key: value for key, value in overlay.items() if key[:1] == "$"}
    names = {list_name: [_name_and_directives(each) for each in found] for list_name, found in items.items()}
    return {**rest, "spec": {**directives, **names}}


def _name_and_directives(item: JsonObject) -> JsonObject:
    return {key: value for key, value in item.items() if key == "name" or key[:1] == "$"}


def names_in(template_pod: Pod) -> dict[str, tuple[str, ...]]:
    """What a status lists for `template_pod`, all templates merged: each of NAME_LISTS with its names."""
    spec: JsonObject = template_pod.get("spec") or {}
    return {list_name: tuple(map(_NAME, spec.get(list_name) or ())) for list_name in NAME_LISTS}


def status_text(names: Mapping[str, tuple[str, ...]], revision: str, original: JsonObject) -> str:
    """The annotation's text where templates gave these names. A list without any is null in it."""
    listed = {list_name: found or None for list_name, found in names.items()}
    status = {**listed, "revision": revision or "default", ORIGINAL: original}
    try:
        return orjson.dumps(status).decode()
    except TypeError:
        return json_text(status)


def without_listed_containers(pod: Pod, status: Status) -> Pod:
    """The pod without the containers that its status lists, or that of the injector before."""
    spec = dict(pod.get("spec") or {})
    earlier = (status.original or {}).get("earlier") or {}
    for list_name in CONTAINER_LISTS:
        if list_name in spec:
            injected = {*status.names[list_name], *earlier.get(list_name, ())}
            spec[list_name] = [each for each in spec[list_name] or () if each["name"] not in injected]
    return {**pod, "spec": spec}
