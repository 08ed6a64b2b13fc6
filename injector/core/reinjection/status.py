"""The status annotation: what an injection added, and what is needed to repeat or undo it (reference 10.1).

Istio's five keys come first and in its order. The key `original` is this project's own, the record: with it a second
injection gives the same pod again, the user's overrides included, and `uninject` restores what was rewritten.

The annotation is a claim. Whoever may write pods may write it too, so that it is checked whole against one schema here,
and what it says counts only as far as `footprint` allows.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

from injector.core.errors import Path, format_path, quoted
from injector.core.model import STATUS_ANNOTATION, InjectionError, JsonObject, Pod
from injector.core.pod_schema import container_faults
from injector.core.pods import CONTAINER_LISTS, ContainerList, annotations, containers
from injector.core.shared import SharedList, SharedMapping
from injector.core.validation import MAPPING, STRING, STRINGS, Finding, Mapped, Message, Scalar, read

NAME_LISTS = ("initContainers", "containers", "volumes", "imagePullSecrets")
ORIGINAL = "original"
_MOST_FAULTS = 5


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


_STRING_OR_NULL = Scalar("a string or null", lambda value: value is None or isinstance(value, str))
_NAMED = Scalar(
    "a list of mappings that have a name",
    lambda value: (
        isinstance(value, list) and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value)
    ),
)

# Each key is there only where there is something to remember. A value of null stands for a field that was absent.
RECORD = Message(
    {
        # What the injection depended on, beside the pod: see `admission.fingerprint_of`.
        "configuration": STRING,
        # Name → the value before.
        "annotations": Mapped(_STRING_OR_NULL),
        "labels": Mapped(_STRING_OR_NULL),
        # Container name → field → the value before; of a container whose definition is in the overrides annotation,
        # only the fields that are written otherwise there.
        "containers": _Containers(parts=True),
        "initContainers": _Containers(parts=True),
        # Field of the pod's spec → the value before.
        "spec": MAPPING,
        # The user's own volumes, and the names of the user's own pull secrets, that carry an injected name.
        "volumes": _NAMED,
        "imagePullSecrets": STRINGS,
        # List → the names in the user's order, where injection changed it or took one of the user's own out of it.
        "order": Mapped(STRINGS),
        # The containers whose image was `auto`.
        "automatic": STRINGS,
        # Where another injector had injected the pod before: list → container name → what was merged over the
        # template's container, and list → the names that the other injector had put there.
        "definitions": Message(dict.fromkeys(CONTAINER_LISTS, _Containers())),
        "earlier": Mapped(STRINGS),
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
    if not all(isinstance(each, (list, tuple)) and set(map(type, each)) <= {str} for each in names.values()):
        return None
    original, findings = read(RECORD, document[ORIGINAL]) if ORIGINAL in document else (None, [])
    faults = tuple(map(_fault, findings[:_MOST_FAULTS]))
    return Status(
        names={list_name: tuple(each) for list_name, each in names.items()},
        revision=str(document.get("revision") or ""),
        original=None if faults else original,
        faults=faults,
    )


def _fault(finding: Finding) -> str:
    return f"{format_path((ORIGINAL, *finding.path))}: {finding.message}"


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
    lists = {list_name: SharedList(map(_named, spec[list_name])) for list_name in NAME_LISTS if spec.get(list_name)}
    kinds = {type(each) for names in lists.values() for each in names}
    if kinds <= {SharedMapping} and not _is_directed(overlay) and not _is_directed(spec):
        return {"spec": SharedMapping(lists)}
    directives = {key: value for key, value in spec.items() if key[:1] == "$"}
    rest = {key: value for key, value in overlay.items() if key[:1] == "$"}
    return {**rest, "spec": {**directives, **{list_name: [*names] for list_name, names in lists.items()}}}


def _named(item: JsonObject) -> JsonObject:
    if _is_directed(item):
        return {key: value for key, value in item.items() if key == "name" or key[:1] == "$"}
    if not isinstance(item.get("name"), str):
        raise InjectionError(f"an item of a list that is merged by 'name' has none: {quoted(item)}")
    return SharedMapping(name=item["name"])


def _is_directed(mapping: JsonObject) -> bool:
    return type(mapping) is not SharedMapping and any(key[:1] == "$" for key in mapping)


def names_in(template_pod: Pod) -> dict[str, list[str]]:
    """What a status lists for `template_pod`, all templates merged: each of NAME_LISTS with its names."""
    spec: JsonObject = template_pod.get("spec") or {}
    return {list_name: [item["name"] for item in spec.get(list_name) or ()] for list_name in NAME_LISTS}


def status_text(template_pod: Pod, revision: str, original: JsonObject) -> str:
    """The annotation's text for a pod into which `template_pod` was merged. A list without names is null in it."""
    names = {list_name: found or None for list_name, found in names_in(template_pod).items()}
    return orjson.dumps({**names, "revision": revision or "default", ORIGINAL: original}).decode()


def without_listed_containers(pod: Pod, status: Status) -> Pod:
    """The pod without the containers that its status lists, or that of the injector before."""
    spec = dict(pod.get("spec") or {})
    earlier = (status.original or {}).get("earlier") or {}
    for list_name in CONTAINER_LISTS:
        if list_name in spec:
            injected = {*status.names[list_name], *earlier.get(list_name, ())}
            spec[list_name] = [each for each in spec[list_name] or () if each["name"] not in injected]
    return {**pod, "spec": spec}
