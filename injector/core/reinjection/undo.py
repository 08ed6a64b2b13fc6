"""Injecting the injected, and undoing an injection: what was there before (reference section 10)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from injector.core.errors import quoted
from injector.core.merge import NOTHING_KEYED, POD_SCHEMA, Schema
from injector.core.model import PROXY_CONTAINER, STATUS_ANNOTATION, Container, InjectionError, JsonObject, Pod
from injector.core.pods import (
    CONTAINER_LISTS,
    ContainerList,
    annotations,
    containers,
    labels,
    with_containers,
    with_metadata,
)
from injector.core.quantity import canonical_quantity
from injector.core.reinjection.footprint import (
    REWRITTEN,
    Shape,
    below,
    is_own,
    restored,
    restored_container,
    restored_fields,
    union,
    written_shape,
)
from injector.core.reinjection.overrides import AUTO_IMAGE, Definitions, credible_overrides
from injector.core.reinjection.record import LISTS_OF_SPEC, OWN_ANNOTATIONS
from injector.core.reinjection.status import Status, without_listed_containers


def template_view(pod: Pod, status: Status | None, saved: Definitions) -> Pod:
    """The pod as its author wrote it, as far as is known: without an injection, with the saved overrides."""
    view, record = pod, (status.original or {}) if status else {}
    if status:
        rest = {name: value for name, value in annotations(pod).items() if name != STATUS_ANNOTATION}
        view = with_metadata(without_listed_containers(pod, status), "annotations", rest)
        saved = _with_recorded(record, saved)
    view = _with_own_handlers(view, record)
    if not any(saved.values()):
        return view
    saved = _with_automatic_images(saved, None if status is None or status.original is None else record)
    return {**view, "spec": {**(view.get("spec") or {}), **_put_back(view, saved, record.get("order") or {})}}


def _with_own_handlers(pod: Pod, record: JsonObject) -> Pod:
    """The pod whose probes and hooks ask the application again, not the agent."""
    for list_name in CONTAINER_LISTS:
        recorded = record.get(list_name)
        if recorded:
            items = [
                restored_fields(each, recorded[each["name"]], REWRITTEN) if each["name"] in recorded else each
                for each in containers(pod, list_name)
            ]
            pod = with_containers(pod, list_name, items)
    return pod


@dataclass(frozen=True, slots=True)
class Removal:
    """A pod without its injection, and what of its annotations was ignored, one line each."""

    pod: Pod
    warnings: tuple[str, ...] = ()


def uninject(pod: Pod, status: Status, footprint: Shape) -> Removal:
    """Take the injection that `status` tells of out of `pod`.

    Only what is in `footprint` is taken out or brought back, whatever the annotations say. Where another injector left
    no record, containers, volumes and pull secrets are taken out and overrides put back; its other traces are those of
    `istio_removal`. An overrides annotation that cannot be read is one of the things ignored.
    """
    try:
        saved, warnings = credible_overrides(pod)
    except InjectionError as error:
        saved, warnings = {list_name: {} for list_name in CONTAINER_LISTS}, [f"ignored: {error}"]
    if status.original is None:
        saved = _as_written(saved)
    claims = _Claims(status, status.original or {}, saved, footprint)
    warnings += [f"annotation {STATUS_ANNOTATION!r}: ignored {fault}" for fault in status.faults]
    warnings += [
        f"annotation {STATUS_ANNOTATION!r}: ignored {path}, which no template in force gives"
        for path in claims.out_of_reach(pod)
    ]
    metadata = dict(pod.get("metadata") or {})
    for field, present in (("annotations", annotations(pod)), ("labels", labels(pod))):
        own = {name: value for name, value in present.items() if name not in OWN_ANNOTATIONS}
        metadata[field] = claims.fields_before(own, field, below(footprint, "metadata", field))
        if not metadata[field]:
            del metadata[field]
    return Removal({**pod, "metadata": metadata, "spec": claims.spec_before(pod.get("spec") or {})}, tuple(warnings))


def _as_written(saved: Definitions) -> Definitions:
    """What Istio saved, as the user wrote it: Istio leaves out the image `auto`, and files the proxy where it went."""
    listed: dict[ContainerList, dict[str, Container]] = {list_name: {} for list_name in CONTAINER_LISTS}
    for list_name, definitions in _with_automatic_images(saved, None).items():
        for name, definition in definitions.items():
            is_moved = name == PROXY_CONTAINER and "restartPolicy" not in definition
            home = "containers" if is_moved else list_name
            listed[home][name] = definition
    return listed


def _with_automatic_images(saved: Definitions, record: JsonObject | None) -> Definitions:
    """The saved definitions with the image `auto` where it was left out: where the record says so, if there is one."""

    def completed(name: str, definition: Container) -> Container:
        automatic = record is None or name in (record.get("automatic") or ())
        return (
            {"name": name, "image": AUTO_IMAGE, **definition}
            if automatic and not definition.get("image")
            else definition
        )

    return {
        list_name: {name: completed(name, each) for name, each in definitions.items()}
        for list_name, definitions in saved.items()
    }


@dataclass(frozen=True, slots=True)
class _Claims:
    """What the annotations of an injected pod say that was there before, and how far it is believed."""

    status: Status
    record: JsonObject
    saved: Definitions
    footprint: Shape

    def fields_before(
        self, present: JsonObject, field: str, shape: Shape, schema: Schema = NOTHING_KEYED
    ) -> JsonObject:
        """The mapping `present` with what the record has under `field` brought back, as far as `shape` goes."""
        claimed = self.record.get(field) or {}
        reached = claimed if shape is None else claimed.keys() & shape.keys()
        fields = {key: below(shape, key) for key in reached}
        result: JsonObject = restored(present, {**present, **claimed}, fields, schema)
        return result

    def spec_before(self, spec: JsonObject) -> JsonObject:
        """The pod's spec."""
        shape = below(self.footprint, "spec")
        rest = {field: value for field, value in spec.items() if field not in LISTS_OF_SPEC}
        before: JsonObject = self.fields_before(rest, "spec", shape, POD_SCHEMA.below["spec"])
        before |= self._containers_before(spec)
        before["imagePullSecrets"] = self._secrets_before(spec.get("imagePullSecrets") or ())
        before["volumes"] = self._volumes_before(spec.get("volumes") or (), _mounted(before))
        for list_name, names in (self.record.get("order") or {}).items():
            if list_name in LISTS_OF_SPEC:
                before[list_name] = _in_order(before[list_name], names)
        present = before.keys() - {name for name in LISTS_OF_SPEC if not before[name] and name != "containers"}
        return {field: before[field] for field in dict.fromkeys((*spec, *before)) if field in present}

    def out_of_reach(self, pod: Pod) -> Iterator[str]:
        """What the status says was injected or rewritten, and cannot have been."""
        spec = pod.get("spec") or {}
        for list_name in CONTAINER_LISTS:
            known = below(self.footprint, "spec", list_name)
            present = {container["name"] for container in spec.get(list_name) or ()}
            defined = self.saved[list_name]
            unknown = (
                name
                for name in self._injected(list_name)
                if name in present and name not in defined and not _reaches(known, name)
            )
            yield from (f"{list_name} {quoted(name)}" for name in unknown)
            for name, fields in (self.record.get(list_name) or {}).items():
                shape = self._shape(name)
                yield from (f"{field} of {list_name} {quoted(name)}" for field in fields if not _reaches(shape, field))
        for volume in self.record.get("volumes") or ():
            if not below(self.footprint, "spec", "volumes", volume["name"]):
                yield f"volumes {quoted(volume['name'])}"
        for path in (("metadata", "annotations"), ("metadata", "labels"), ("spec",)):
            shape = below(self.footprint, *path)
            claimed = self.record.get(path[-1]) or {}
            yield from (f"{path[-1]} {quoted(name)}" for name in claimed if not _reaches(shape, name))

    def _shape(self, name: str) -> Shape:
        """What an injection can change of the container `name`."""
        return union(written_shape(self.footprint, name), REWRITTEN)

    def _containers_before(self, spec: JsonObject) -> JsonObject:
        kept: JsonObject = {}
        definitions: dict[ContainerList, dict[str, Container]] = {list_name: {} for list_name in CONTAINER_LISTS}
        saved = _with_recorded(self.record, self.saved)
        present = {each["name"]: each for list_name in CONTAINER_LISTS for each in spec.get(list_name) or ()}
        for list_name in CONTAINER_LISTS:
            for name, definition in saved[list_name].items():
                if name in present:
                    definitions[list_name][name] = restored_container(present[name], definition, self._shape(name))
            injected = {name for name in self._injected(list_name) if is_own(self.footprint, name)}
            defined = {name for names in definitions.values() for name in names}
            kept[list_name] = [each for each in spec.get(list_name) or () if each["name"] not in injected | defined]
        lists = _put_back({"spec": kept}, definitions, self.record.get("order") or {})
        return {
            list_name: [self._container_before(each, list_name) for each in lists[list_name]] for list_name in lists
        }

    def _container_before(self, container: Container, list_name: ContainerList) -> Container:
        name = container["name"]
        if name in (self.record.get("automatic") or ()) and "image" not in container:
            container = {"name": name, "image": AUTO_IMAGE, **container}
        before = (self.record.get(list_name) or {}).get(name)
        return restored_fields(container, before, self._shape(name)) if before else container

    def _volumes_before(self, volumes: Iterable[JsonObject], mounted: set[str]) -> list[JsonObject]:
        """Without the injected ones; a volume that a container of the user's still mounts is none of them."""
        own = {volume["name"]: volume for volume in self.record.get("volumes") or ()}
        injected = {*self._injected("volumes")} - mounted
        return [
            restored(volume, own[volume["name"]], below(self.footprint, "spec", "volumes", volume["name"]))
            if volume["name"] in own
            else volume
            for volume in volumes
            if volume["name"] in own or volume["name"] not in injected
        ]

    def _secrets_before(self, secrets: Iterable[JsonObject]) -> list[JsonObject]:
        """Without the injected ones: which names those may have, no template says, but the values."""
        injected = {*self._injected("imagePullSecrets")} - {*(self.record.get("imagePullSecrets") or ())}
        return [secret for secret in secrets if secret["name"] not in injected]

    def _injected(self, list_name: str) -> Iterator[str]:
        """The names that were injected, by the injector before as well."""
        return chain(self.status.names[list_name], (self.record.get("earlier") or {}).get(list_name, ()))


def _reaches(shape: Shape, name: str) -> bool:
    return shape is None or name in shape


def _mounted(spec: JsonObject) -> set[str]:
    """The names of the volumes that containers mount."""
    every = (container for list_name in CONTAINER_LISTS for container in spec[list_name])
    names = (mount.get("name") for container in every for mount in container.get("volumeMounts") or ())
    return {name for name in names if isinstance(name, str)}


def _with_recorded(record: JsonObject, saved: Definitions) -> Definitions:
    """The saved definitions, with those in the record that were the user's own, not what another injector had made."""
    earlier = record.get("earlier") or {}
    injected = {name for list_name in CONTAINER_LISTS for name in earlier.get(list_name, ())}
    recorded = record.get("definitions") or {}
    return {
        list_name: {
            **{name: each for name, each in (recorded.get(list_name) or {}).items() if name not in injected},
            **saved[list_name],
        }
        for list_name in CONTAINER_LISTS
    }


def _put_back(view: Pod, saved: Definitions, order: Mapping[str, list[str]]) -> dict[ContainerList, list[Container]]:
    """The container lists of `view` with the saved definitions in them: where `order` has them, else at the end."""
    lists = {list_name: {each["name"]: each for each in containers(view, list_name)} for list_name in CONTAINER_LISTS}
    for list_name in CONTAINER_LISTS:
        for name, definition in saved[list_name].items():
            home = next((each for each in CONTAINER_LISTS if name in order.get(each, ())), list_name)
            lists[home].setdefault(name, definition)
    return {list_name: _in_order(list(found.values()), order.get(list_name, [])) for list_name, found in lists.items()}


def _in_order(items: list[JsonObject], names: list[str]) -> list[JsonObject]:
    """The items that have one of `names`, in that order, then the others in theirs."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(items, key=lambda item: places.get(item["name"], len(places)))


# What the API server fills in or writes its own way between two injections is no change (reference, conventions).
# Templates name quantities and leave out defaults as their authors like; a pod that comes back from the API server
# has canonical quantities and all defaults. Where both mean the same, what came back stays. Source:
# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (defaults of the fields below)

# Fields whose zero is the default: absent means the same.
_ZERO_FIELDS = frozenset(("initialDelaySeconds",))
_QUANTITY_MAPPINGS = frozenset(("limits", "requests"))


def with_defaults_kept(before: Any, after: Any) -> Any:
    """`after`, in which every part that means the same as in `before` is that part; `before` itself if all do."""
    if before is after:
        return before
    if isinstance(before, dict) and isinstance(after, dict):
        return _kept_mapping(before, after)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        kept = [with_defaults_kept(one, other) for one, other in zip(before, after, strict=True)]
        return before if all(one is other for one, other in zip(before, kept, strict=True)) else kept
    return before if before.__class__ is after.__class__ and before == after else after


def _kept_mapping(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    if before.get("name") != after.get("name"):
        return after
    kept = {key: _kept(key, before, value) for key, value in after.items() if not _is_default_zero(key, value, before)}
    for key, value in before.items():
        if key not in kept and _is_default(key, value, after):
            kept[key] = value
    same = len(kept) == len(before) and all(key in before and before[key] is value for key, value in kept.items())
    return before if same else kept


def _kept(key: str, before: Mapping[str, Any], value: Any) -> Any:
    if key not in before:
        return value
    if key in _QUANTITY_MAPPINGS and isinstance(before[key], dict) and isinstance(value, dict):
        return before[key] if _quantities(before[key]) == _quantities(value) else value
    return with_defaults_kept(before[key], value)


def _is_default_zero(key: str, value: Any, before: Mapping[str, Any]) -> bool:
    return key in _ZERO_FIELDS and value == 0 and key not in before


def _is_default(key: str, value: Any, after: Mapping[str, Any]) -> bool:
    """Whether the API server would fill in `key` of `after` with `value`."""
    if key == "emptyDir":
        return value == {} and after.keys() == {"name"}
    return key == "apiVersion" and value == "v1" and "fieldPath" in after


def _quantities(mapping: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {name: canonical_quantity(str(value)) for name, value in mapping.items()}
    except ValueError:
        return dict(mapping)
