"""Reading and copy-on-write changing of plain pods: what several steps of the core have in common.

A function here never changes the pod it is given; parts that stay the same are the same objects in the result, so that
the patch can skip them by identity.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from injector.core.model import PROXY_CONTAINER, Container, Pod

ContainerList: TypeAlias = Literal["containers", "initContainers"]
CONTAINER_LISTS: tuple[ContainerList, ...] = ("containers", "initContainers")
# A container behind its list and its place there.
Placed: TypeAlias = tuple[ContainerList, int, Container]

_NAME = itemgetter("name")
_BOOLEANS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


def parse_boolean(text: str) -> bool | None:
    """The boolean that Go's strconv.ParseBool reads from `text`, or None where it reads none (reference 11.2)."""
    return _BOOLEANS.get(text)


def annotations(pod: Pod) -> Mapping[str, str]:
    """The pod's annotations; empty where it has none."""
    return (pod.get("metadata") or {}).get("annotations") or {}


def labels(pod: Pod) -> Mapping[str, str]:
    """The pod's labels; empty where it has none."""
    return (pod.get("metadata") or {}).get("labels") or {}


def containers(pod: Pod, which: ContainerList = "containers") -> list[Container]:
    """The pod's containers or init containers; empty where it has none."""
    return (pod.get("spec") or {}).get(which) or []


def all_containers(pod: Pod) -> list[Placed]:
    """Every container with its list and its place there: `containers` first, then `initContainers`."""
    spec = pod.get("spec") or {}
    placed: list[Placed] = []
    for which in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(which) or ()):
            placed.append((which, index, container))
    return placed


def container_names(pod: Pod) -> set[str]:
    """The names of all containers and init containers."""
    spec = pod.get("spec") or {}
    return {*map(_NAME, spec.get("containers") or ()), *map(_NAME, spec.get("initContainers") or ())}


def find_sidecar(pod: Pod) -> Placed | None:
    """The proxy container with its list and place: the first of containers, else of initContainers (reference 9.4)."""
    for placed in all_containers(pod):
        if placed[2].get("name") == PROXY_CONTAINER:
            return placed
    return None


def with_container(pod: Pod, which: ContainerList, index: int, container: Container) -> Pod:
    """The pod with the container at `index` of list `which` replaced."""
    replaced = list(containers(pod, which))
    replaced[index] = container
    return with_containers(pod, which, replaced)


def with_containers(pod: Pod, which: ContainerList, replaced: list[Container]) -> Pod:
    """The pod with the whole list `which` replaced."""
    return {**pod, "spec": {**(pod.get("spec") or {}), which: replaced}}


def with_metadata(pod: Pod, field: Literal["annotations", "labels"], replaced: dict[str, str]) -> Pod:
    """The pod with all its annotations or labels replaced."""
    return {**pod, "metadata": {**(pod.get("metadata") or {}), field: replaced}}


def with_env(container: Container, name: str, value: str) -> Container:
    """The container with environment variable `name` set: in place where it exists, else appended."""
    env: list[dict[str, Any]] = list(container.get("env") or [])
    entry = {"name": name, "value": value}
    for index, existing in enumerate(env):
        if existing.get("name") == name:
            env[index] = existing if existing == entry else entry
            return {**container, "env": env}
    return {**container, "env": [*env, entry]}
