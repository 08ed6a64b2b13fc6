"""Containers that the user defines under an injected name: the user's fields win (reference section 9)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from injector.core.errors import quoted
from injector.core.merge import POD_SCHEMA, strategic_merge
from injector.core.model import (
    OVERRIDES_ANNOTATION,
    PROBERS_ENV,
    PROMETHEUS_ENV,
    PROXY_CONTAINER,
    Container,
    InjectionError,
    JsonObject,
    Pod,
)
from injector.core.opaque import json_text
from injector.core.pod_schema import container_faults
from injector.core.pods import (
    CONTAINER_LISTS,
    ContainerList,
    all_containers,
    annotations,
    containers,
    with_containers,
    with_metadata,
)
from injector.core.quantity import canonical_quantities
from injector.core.reinjection.footprint import (
    ISTIO,
    ISTIO_CONTAINERS,
    footprint_of,
    is_own,
    restored_container,
    written_shape,
)
from injector.core.reinjection.status import Status
from injector.core.shared import without_directives

AUTO_IMAGE = "auto"
# Container list → name → the user's definition.
Definitions: TypeAlias = Mapping[ContainerList, Mapping[str, Container]]
NO_DEFINITIONS: Definitions = {list_name: {} for list_name in CONTAINER_LISTS}
# What the API server adds to an image without a tag, such as `auto`: nobody's wish for the image that is injected. With
# Istio it counts all the same, so that a container of Istio's name keeps it.
_DERIVED_PULL_POLICY = "Always"

# The order in which the Kubernetes API writes a container's fields.
CONTAINER_FIELDS = (
    "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules "
    "volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath "
    "terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"
).split()


@dataclass(frozen=True, slots=True)
class Override:
    """A user's definition of the container `name`, which the templates put into the list `list_name`."""

    list_name: ContainerList
    name: str
    definition: Container
    has_automatic_image: bool = False


def read_overrides(pod: Pod) -> Definitions:
    """The definitions in the overrides annotation. Raises InjectionError where it cannot be read."""
    text = annotations(pod).get(OVERRIDES_ANNOTATION)
    if text is None:
        return NO_DEFINITIONS
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(text, str(error)) from error
    if "$" in text:
        document = without_directives(document)
    if not isinstance(document, dict) or not all(
        isinstance(document.get(list_name) or [], list) for list_name in CONTAINER_LISTS
    ):
        raise _unreadable(text, "it holds no lists of containers")
    listed = {list_name: document.get(list_name) or [] for list_name in CONTAINER_LISTS}
    faults = [
        fault
        for list_name, definitions in listed.items()
        for index, each in enumerate(definitions)
        for fault in container_faults(each, f"{list_name}[{index}]")
    ]
    if faults:
        raise _unreadable(text, "; ".join(faults))
    return {
        list_name: {each["name"]: _untyped(each) for each in definitions} for list_name, definitions in listed.items()
    }


def credible_overrides(pod: Pod) -> tuple[Definitions, list[str]]:
    """The saved definitions that can be the pod's, and a warning for each other.

    A definition can be that of a container which the pod has, or which Istio's templates give; any other would add a
    container that nobody sees in the pod.
    """
    definitions = read_overrides(pod)
    if definitions is NO_DEFINITIONS:
        return definitions, []
    present = {container["name"] for _, _, container in all_containers(pod)}
    credible = {
        list_name: {name: each for name, each in saved.items() if name in present or name in ISTIO_CONTAINERS}
        for list_name, saved in definitions.items()
    }
    ignored = [name for list_name, saved in definitions.items() for name in saved if name not in credible[list_name]]
    return credible, [
        f"annotation {OVERRIDES_ANNOTATION!r}: ignored container {quoted(name)}, which the pod does not have"
        for name in ignored
    ]


def find_overrides(
    original: Pod, template_pod: Pod, status: Status | None, saved: Definitions, overlays: Sequence[JsonObject]
) -> list[Override]:
    """The user's definitions of the containers in `template_pod`, in its order (reference 9.1).

    `saved` are those of the overrides annotation. A container that an earlier injection put into the same list is the
    injector's own, not the user's; what the user had said about it then is saved, and counts again if this project
    wrote the status. What was saved about a container of the application counts as far as `overlays` write into it.
    """
    record = status.original if status else None
    if status is None and not any(saved.values()) and not _has_namesakes(original, template_pod):
        return []
    footprint = footprint_of(overlays) if record or any(saved.values()) else ISTIO
    present_in = _definitions_in(original)
    found = []
    for list_name in CONTAINER_LISTS:
        for name in (each["name"] for each in containers(template_pod, list_name)):
            injected_before = status is not None and status.lists(list_name, name)
            if injected_before and record is None:
                continue
            definition = _saved_definition(record, list_name, name, saved)
            present = present_in[list_name].get(name)
            if definition is not None and not is_own(footprint, name):
                shape = written_shape(footprint, name)
                definition = None if present is None else restored_container(present, definition, shape)
            if definition is None and not injected_before:
                definition = present
            if definition is not None:
                found.append(_override(list_name, name, definition))
    return found


def apply_overrides(pod: Pod, overrides: list[Override]) -> Pod:
    """The pod with each definition merged over the container of its name."""
    for list_name in CONTAINER_LISTS:
        definitions = {each.name: each.definition for each in overrides if each.list_name == list_name}
        if definitions:
            schema = POD_SCHEMA.below["spec"].below[list_name]
            merged = []
            for container in containers(pod, list_name):
                definition = definitions.pop(container["name"], None)
                merged.append(strategic_merge(container, definition, schema) if definition else container)
            pod = with_containers(pod, list_name, merged)
    return pod


def definitions_to_keep(overrides: list[Override]) -> JsonObject:
    """The definitions as the status annotation keeps them, without what later steps append to a proxy."""
    kept: JsonObject = {}
    for override in overrides:
        env = [
            each for each in override.definition.get("env") or () if each["name"] not in (PROBERS_ENV, PROMETHEUS_ENV)
        ]
        own = {"env": env} if "env" in override.definition else {}
        kept.setdefault(override.list_name, {})[override.name] = {**override.definition, **own}
    return kept


def with_overrides_annotation(pod: Pod, overrides: list[Override]) -> Pod:
    """The pod with `overrides` kept in the annotation, for the next injection (reference 9.2)."""
    kept = {
        list_name: [_typed(override.definition) for override in overrides if override.list_name == list_name]
        for list_name in CONTAINER_LISTS
    }
    text = json_text({list_name: definitions for list_name, definitions in kept.items() if definitions})
    return with_metadata(pod, "annotations", {**annotations(pod), OVERRIDES_ANNOTATION: text})


def saved_form(override: Override) -> Container:
    """The user's definition as it can be read again from the overrides annotation and the record beside it."""
    image = {"image": AUTO_IMAGE} if override.has_automatic_image else {}
    return {**_untyped(_typed(override.definition)), **image}


def user_security_context(original: Pod, overrides: list[Override], status: Status | None) -> dict[str, Any]:
    """The security context that the user gave the proxy; after an injection by this project, the one kept then."""
    if status is not None and status.original is not None:
        definitions = [override.definition for override in overrides if override.name == PROXY_CONTAINER]
    else:
        definitions = [each for name in CONTAINER_LISTS for each in _named(original, name, PROXY_CONTAINER)]
    return (definitions[0].get("securityContext") or {}) if definitions else {}


def _saved_definition(
    record: JsonObject | None, list_name: ContainerList, name: str, saved: Definitions
) -> Container | None:
    """The saved definition; but what another injector saved counts as it did when this project took the pod over."""
    if record is not None and "definitions" in record:
        definition: Container | None = (record["definitions"].get(list_name) or {}).get(name)
        return definition
    return saved[list_name].get(name)


def _has_namesakes(original: Pod, template_pod: Pod) -> bool:
    """Whether any container of the user's has the name of one of the templates'."""
    names = {each["name"] for _, _, each in all_containers(template_pod)}
    return any(each["name"] in names for _, _, each in all_containers(original))


def _definitions_in(original: Pod) -> Definitions:
    """The pod's containers as definitions: for a list, by name the first of those lists that reference 9.1 names."""
    own = {list_name: _by_name(containers(original, list_name)) for list_name in CONTAINER_LISTS}
    return {"containers": own["containers"], "initContainers": {**own["initContainers"], **own["containers"]}}


def _by_name(items: list[Container]) -> dict[str, Container]:
    """The containers by name; of several with one name the first."""
    return {each["name"]: each for each in reversed(items)}


def _named(pod: Pod, list_name: ContainerList, name: str) -> Iterator[Container]:
    return (each for each in containers(pod, list_name) if each["name"] == name)


def _override(list_name: ContainerList, name: str, definition: Container) -> Override:
    automatic = definition.get("image") == AUTO_IMAGE
    cleaned = {
        key: value
        for key, value in definition.items()
        if value is not None and not key.startswith("$") and not (automatic and key == "image")
    }
    if automatic and name != PROXY_CONTAINER and cleaned.get("imagePullPolicy") == _DERIVED_PULL_POLICY:
        del cleaned["imagePullPolicy"]
    return Override(list_name, name, _without_directives(cleaned), automatic)


def _without_directives(definition: Container) -> Container:
    """What a user wrote is data, at any depth: it would be a directive for this injection, and not for the next."""
    with suppress(TypeError):
        if b'"$' not in orjson.dumps(definition):
            return definition
    found: Container = without_directives(definition)
    return found


def _typed(definition: Container) -> Container:
    ordered = {key: definition.get(key) for key in CONTAINER_FIELDS if key in definition or key == "resources"}
    ordered["resources"] = canonical_quantities(definition.get("resources") or {})
    return ordered


def _unreadable(text: str, why: str) -> InjectionError:
    return InjectionError(
        f"invalid value {quoted(text)} for annotation {OVERRIDES_ANNOTATION!r}: {why}; valid: the JSON that the "
        'injector writes, {"containers":[…],"initContainers":[…]}'
    )


def _untyped(definition: Container) -> Container:
    """The definition as its author may have written it: the annotation has `resources` even where there were none."""
    return {key: value for key, value in definition.items() if key != "resources" or value}
