"""Containers that the user defines under an injected name: the user's fields win (reference section 9)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from injector.core.merge import strategic_merge
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
from injector.core.pod_schema import container_faults
from injector.core.pods import CONTAINER_LISTS, ContainerList, all_containers, annotations, containers, with_metadata
from injector.core.quantity import canonical_quantities
from injector.core.reinjection.status import Status

AUTO_IMAGE = "auto"

# The order in which the Kubernetes API writes a container's fields.
CONTAINER_FIELDS = (
    "name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules "
    "volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath "
    "terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty"
).split()


@dataclass(frozen=True, slots=True)
class Override:
    """A user's definition of the container `name`, which the templates put into the list `which`."""

    which: ContainerList
    name: str
    definition: Container
    has_automatic_image: bool = False


def saved_overrides(pod: Pod) -> dict[ContainerList, dict[str, Container]]:
    """The definitions in the overrides annotation, by list and name. Raises InjectionError where it cannot be read."""
    text = annotations(pod).get(OVERRIDES_ANNOTATION)
    if text is None:
        return {which: {} for which in CONTAINER_LISTS}
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(text, str(error)) from error
    if not isinstance(document, dict) or not all(
        isinstance(document.get(which) or [], list) for which in CONTAINER_LISTS
    ):
        raise _unreadable(text, "it holds no lists of containers")
    listed = {which: document.get(which) or [] for which in CONTAINER_LISTS}
    faults = [
        fault
        for which, definitions in listed.items()
        for index, each in enumerate(definitions)
        for fault in container_faults(each, f"{which}[{index}]")
    ]
    if faults:
        raise _unreadable(text, "; ".join(faults))
    return {which: {each["name"]: _untyped(each) for each in definitions} for which, definitions in listed.items()}


def find_overrides(original: Pod, template_pod: Pod, status: Status | None) -> list[Override]:
    """The user's definitions of the containers in `template_pod`, in its order (reference 9.1).

    A container that an earlier injection put into the same list is the injector's own, not the user's; what the user
    had said about it then is in the annotation, and counts again if this project wrote the status.
    """
    saved = saved_overrides(original)
    own = status.original if status else None
    if status is None and not any(saved.values()) and not _has_namesakes(original, template_pod):
        return []
    found = []
    for which in CONTAINER_LISTS:
        for name in (each["name"] for each in containers(template_pod, which)):
            injected_before = status is not None and status.lists(which, name)
            if injected_before and own is None:
                continue
            definition = _kept_definition(own, which, name, saved[which].get(name))
            if definition is None and not injected_before:
                definition = next(_defined(original, which, name), None)
            if definition is not None:
                found.append(_override(which, name, definition))
    return found


def apply_overrides(pod: Pod, overrides: list[Override]) -> Pod:
    """The pod with each definition merged over the container of its name."""
    for override in overrides:
        pod = strategic_merge(pod, {"spec": {override.which: [override.definition]}})
    return pod


def definitions_to_keep(overrides: list[Override]) -> JsonObject:
    """The definitions as the status annotation keeps them, without what later steps append to a proxy."""
    kept: JsonObject = {}
    for override in overrides:
        env = [
            each for each in override.definition.get("env") or () if each["name"] not in (PROBERS_ENV, PROMETHEUS_ENV)
        ]
        own = {"env": env} if "env" in override.definition else {}
        kept.setdefault(override.which, {})[override.name] = {**override.definition, **own}
    return kept


def with_overrides_annotation(pod: Pod, overrides: list[Override]) -> Pod:
    """The pod with `overrides` kept in the annotation, for the next injection (reference 9.2)."""
    kept = {
        which: [_typed(override.definition) for override in overrides if override.which == which]
        for which in CONTAINER_LISTS
    }
    text = orjson.dumps({which: definitions for which, definitions in kept.items() if definitions}).decode()
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
        definitions = [each for which in CONTAINER_LISTS for each in _named(original, which, PROXY_CONTAINER)]
    return (definitions[0].get("securityContext") or {}) if definitions else {}


def _kept_definition(
    own: JsonObject | None, which: ContainerList, name: str, saved: Container | None
) -> Container | None:
    """The saved definition; but what another injector saved counts as it did when this project took the pod over."""
    if own is None:
        return saved
    known = saved if "definitions" not in own else (own["definitions"].get(which) or {}).get(name)
    covered: Container | None = ((own.get("covered") or {}).get(which) or {}).get(name)
    return covered if known is None else known


def _has_namesakes(original: Pod, template_pod: Pod) -> bool:
    """Whether any container of the user's has the name of one of the templates'."""
    names = {each["name"] for _, _, each in all_containers(template_pod)}
    return any(each["name"] in names for _, _, each in all_containers(original))


def _defined(original: Pod, which: ContainerList, name: str) -> Iterator[Container]:
    yield from _named(original, "containers", name)
    if which == "initContainers":
        yield from _named(original, which, name)


def _named(pod: Pod, which: ContainerList, name: str) -> Iterator[Container]:
    return (each for each in containers(pod, which) if each["name"] == name)


def _override(which: ContainerList, name: str, definition: Container) -> Override:
    automatic = definition.get("image") == AUTO_IMAGE
    cleaned = {
        key: value
        for key, value in definition.items()
        if value is not None and not key.startswith("$") and not (automatic and key == "image")
    }
    return Override(which, name, cleaned, automatic)


def _typed(definition: Container) -> Container:
    ordered = {key: definition.get(key) for key in CONTAINER_FIELDS if key in definition or key == "resources"}
    ordered["resources"] = canonical_quantities(definition.get("resources") or {})
    return ordered


def _unreadable(text: str, why: str) -> InjectionError:
    return InjectionError(
        f"invalid value {_brief(text)} for annotation {OVERRIDES_ANNOTATION!r}: {why}; valid: the JSON that the "
        'injector writes, {"containers":[…],"initContainers":[…]}'
    )


def _untyped(definition: Container) -> Container:
    """The definition as its author may have written it: the annotation has `resources` even where there were none."""
    return {key: value for key, value in definition.items() if key != "resources" or value}


def _brief(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")  # noqa: PLR2004
