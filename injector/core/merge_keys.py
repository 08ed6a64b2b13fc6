"""Which lists of a Pod are merged, and by which key: the rest of the lists are replaced whole.

Source: the patchMergeKey of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (reference
section 8.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PRIMITIVE = ""
"""In place of a key: the list holds plain values and is merged as a set."""

_IN_ANY_CONTAINER = {
    "ports": "containerPort",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}

# path of the list in a Pod → the key that identifies its items
MERGE_KEYS: Mapping[str, str] = {
    "metadata.ownerReferences": "uid",
    "metadata.finalizers": PRIMITIVE,
    "spec.containers": "name",
    "spec.initContainers": "name",
    "spec.ephemeralContainers": "name",
    **{
        f"spec.{which}.{name}": key
        for which in ("containers", "initContainers", "ephemeralContainers")
        for name, key in _IN_ANY_CONTAINER.items()
    },
    "spec.volumes": "name",
    "spec.resourceClaims": "name",
    "spec.imagePullSecrets": "name",
    "spec.schedulingGates": "name",
    "spec.hostAliases": "ip",
    "spec.topologySpreadConstraints": "topologyKey",
}


@dataclass(frozen=True, slots=True)
class Schema:
    """How one mapping of a Pod is merged: the keys of its merge lists, and the schemas of what is below it."""

    lists: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    below: Mapping[str, "Schema"] = field(default_factory=lambda: MappingProxyType({}))


def _schema(keys: Mapping[str, str]) -> Schema:
    lists = {path: key for path, key in keys.items() if "." not in path}
    heads = dict.fromkeys(path.partition(".")[0] for path in keys if "." in path)
    below = {
        head: _schema({path.removeprefix(f"{head}."): key for path, key in keys.items() if path.startswith(f"{head}.")})
        for head in heads
    }
    return Schema(MappingProxyType(lists), MappingProxyType(below))


NOTHING_KEYED = Schema()
POD_SCHEMA = _schema(MERGE_KEYS)
