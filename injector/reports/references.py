"""What a pod needs in its namespace: ConfigMaps, Secrets and its ServiceAccount, by name."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from injector.core.model import JsonObject, Pod
from injector.core.pods import all_containers


class Reference(NamedTuple):
    """An object without which a pod does not start: its kind and its name."""

    kind: str
    name: str

    def __str__(self) -> str:
        """As it is called in messages."""
        return f"{self.kind} {self.name}"


def added_references(before: Pod, after: Pod) -> list[Reference]:
    """What `after`, the injected pod, needs that `before` did not."""
    known = set(_references(before))
    return [each for each in dict.fromkeys(_references(after)) if each not in known]


def _references(pod: Pod) -> Iterator[Reference]:
    spec: JsonObject = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        yield Reference("ServiceAccount", spec["serviceAccountName"])
    for volume in spec.get("volumes") or ():
        yield from _needed("Secret", volume.get("secret"), "secretName")
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            yield from _needed("ConfigMap", source.get("configMap"))
            if source is not volume:
                yield from _needed("Secret", source.get("secret"))
    for _, _, container in all_containers(pod):
        for each in container.get("envFrom") or ():
            yield from _needed("ConfigMap", each.get("configMapRef"))
            yield from _needed("Secret", each.get("secretRef"))
        for each in container.get("env") or ():
            value = each.get("valueFrom") or {}
            yield from _needed("ConfigMap", value.get("configMapKeyRef"))
            yield from _needed("Secret", value.get("secretKeyRef"))


def _needed(kind: str, source: Mapping[str, Any] | None, key: str = "name") -> Iterator[Reference]:
    """The object that a source names, unless a pod starts without it."""
    if source and source.get(key) and not source.get("optional"):
        yield Reference(kind, str(source[key]))
