"""Reading and copy-on-write changing of plain pods, and which workload a pod belongs to.

A function here never changes the pod it is given; parts that stay the same are the same objects in the result, so that
the patch can skip them by identity.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, Literal, TypeAlias

from injector.core.model import NATIVE_SIDECAR_ANNOTATION, PROXY_CONTAINER, Container, Pod, Workload

ContainerList: TypeAlias = Literal["containers", "initContainers"]
CONTAINER_LISTS: tuple[ContainerList, ...] = ("containers", "initContainers")
# A container behind its list and its place there.
Placed: TypeAlias = tuple[ContainerList, int, Container]

_NAME = itemgetter("name")
_BOOLEANS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)


def text_of(value: Any) -> str:
    """A text itself, empty for null, and what Python writes for anything else."""
    return value if isinstance(value, str) else str(value or "")


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
    spec = pod.get("spec") or {}
    for which in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(which) or ()):
            if container.get("name") == PROXY_CONTAINER:
                return which, index, container
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


def is_native(own: Mapping[str, str], *, by_default: bool) -> bool:
    """Whether sidecars are native: only the exact texts true and false override the default (1.2 step 13.4)."""
    asked = own.get(NATIVE_SIDECAR_ANNOTATION)
    return asked == "true" if asked in ("true", "false") else by_default


# Which workload a pod belongs to (reference section 4).

# A pod has one controller, and garbage collection looks at few others.
_MOST_OWNERS = 100
_CRON_JOB_RUN = re.compile(r"(?P<name>.+)-\d{8,10}")


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """How the name of a pod's controller leads to the workload behind it.

    `find` gets the owner's name and the pod's labels and gives the workload's name, or None where the rule does not
    apply. An empty `api_version` means the owner's.
    """

    owner_kind: str
    find: Callable[[str, Mapping[str, str]], str | None]
    kind: str
    api_version: str = ""


def _without_hash(label: str) -> Callable[[str, Mapping[str, str]], str | None]:
    def find(owner: str, pod_labels: Mapping[str, str]) -> str | None:
        pod_hash = pod_labels.get(label)
        return owner.removesuffix(f"-{pod_hash}") if pod_hash and owner.endswith(pod_hash) else None

    return find


def _deployment_config(_: str, pod_labels: Mapping[str, str]) -> str | None:
    return pod_labels.get("deploymentconfig") or None


def _cron_job(owner: str, _: Mapping[str, str]) -> str | None:
    run = _CRON_JOB_RUN.fullmatch(owner)
    return run["name"] if run else None


OWNER_RULES = (
    OwnerRule("ReplicaSet", _without_hash("pod-template-hash"), "Deployment"),
    OwnerRule("ReplicaSet", _without_hash("rollouts-pod-template-hash"), "Rollout", "v1alpha1"),
    OwnerRule("ReplicationController", _deployment_config, "DeploymentConfig"),
    OwnerRule("Job", _cron_job, "CronJob", "batch/v1"),
)


def workload_of(pod: Pod, namespace: str) -> Workload:
    """The workload of `pod`, which lives in `namespace`: its controller's, if it has one, else the pod itself."""
    metadata = pod.get("metadata") or {}
    name = text_of(metadata.get("name"))
    owner = _controller(metadata) if metadata.get("generateName") else None
    if owner is None:
        return Workload(name, namespace, "Pod", "v1")
    owner_kind, owner_name, api_version = (text_of(owner.get(key)) for key in ("kind", "name", "apiVersion"))
    for rule in OWNER_RULES:
        found = rule.find(owner_name, labels(pod)) if rule.owner_kind == owner_kind else None
        if found is not None:
            return Workload(found or name, namespace, rule.kind, rule.api_version or api_version)
    return Workload(owner_name or name, namespace, owner_kind, api_version)


def _controller(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    references = islice(metadata.get("ownerReferences") or [], _MOST_OWNERS)
    return next((reference for reference in references if reference.get("controller") is True), None)
