"""Where each kind of workload keeps its pod (reference section 14), and the pod that its controller would create."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from injector.core.errors import quoted
from injector.core.model import JsonObject, Pod

Keys: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PodPlace:
    """The way from an object to the metadata and to the spec of its pod. `needs_template`: it cannot be left out."""

    metadata: Keys
    spec: Keys
    needs_template: bool = False

    @property
    def path(self) -> str:
        """Where the pod template is, as in `spec.workers[0].template`; empty for a pod itself."""
        return path_text(self.spec[:-1])


_TEMPLATE = PodPlace(("spec", "template", "metadata"), ("spec", "template", "spec"))
_REQUIRED_TEMPLATE = PodPlace(_TEMPLATE.metadata, _TEMPLATE.spec, needs_template=True)

WORKLOAD_KINDS: Mapping[str, PodPlace] = {
    "Pod": PodPlace(("metadata",), ("spec",)),
    "Deployment": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "ReplicationController": _REQUIRED_TEMPLATE,
    "DeploymentConfig": _REQUIRED_TEMPLATE,
    # Istio reads and writes the metadata of the job template, not of the pod template inside it.
    "CronJob": PodPlace(("spec", "jobTemplate", "metadata"), ("spec", "jobTemplate", "spec", "template", "spec")),
}

# Controllers take a pod's metadata from the pod template, also where manual injection reads and writes elsewhere.
CREATED_FROM: Mapping[str, PodPlace] = {
    **WORKLOAD_KINDS,
    "CronJob": PodPlace(("spec", "jobTemplate", "spec", "template", "metadata"), WORKLOAD_KINDS["CronJob"].spec),
}


def title_of(document: JsonObject, name: str = "") -> str:
    """How messages name an object: `Deployment "shop/reviews"`, the namespace only where it has one."""
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    parts = [part for part in (metadata.get("namespace"), name or metadata.get("name")) if part]
    return f'{document["kind"]} "{"/".join(map(str, parts))}"'


def path_text(keys: Keys) -> str:
    """`keys` as messages write them: `spec.workers[0].template`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def pod_places(document: JsonObject) -> Iterator[PodPlace]:
    """Where the pods of an object of any kind come from, in order; nothing where it makes none.

    A kind that is not known here is searched for pod templates: mappings below a key such as `template` or
    `workerTemplate` that have `spec.containers`.
    """
    known = CREATED_FROM.get(document["kind"])
    if known:
        yield known
    else:
        yield from _templates_in(document)


def _templates_in(document: JsonObject) -> Iterator[PodPlace]:
    pending: list[tuple[Keys, str, Any]] = [((), "", document)]
    while pending:
        keys, name, value = pending.pop()
        if isinstance(value, list):
            pending += [((*keys, at), name, item) for at, item in reversed(list(enumerate(value)))]
        elif isinstance(value, dict):
            spec = value.get("spec")
            if "template" in name.lower() and isinstance(spec, dict) and isinstance(spec.get("containers"), list):
                yield PodPlace((*keys, "metadata"), (*keys, "spec"))
                continue
            pending += [((*keys, key), key, item) for key, item in reversed(value.items())]


def pod_of(document: JsonObject, place: PodPlace) -> Pod:
    """The pod at `place` of the workload in `document`; metadata and spec are the very objects of the document.

    Raises ValueError where there is no pod, or no mapping on the way to it.
    """
    spec = _at(document, place.spec)
    if spec is None:
        missing = path_text(place.spec[:-1] if place.needs_template else place.spec)
        raise ValueError(f"{missing} is required value")
    metadata = _at(document, place.metadata)
    return {"apiVersion": "v1", "kind": "Pod", **({} if metadata is None else {"metadata": metadata}), "spec": spec}


def with_pod(document: JsonObject, place: PodPlace, pod: Pod) -> JsonObject:
    """The document with `pod` in place of its own; parts that stay the same are the same objects.

    Metadata of which nothing is left is taken out: an injection has put it there.
    """
    changed: JsonObject = _replaced(document, place.spec, pod["spec"])
    if "metadata" not in pod:
        return changed
    if not pod["metadata"] and _at(document, place.metadata):
        changed = _without(changed, place.metadata)
    else:
        changed = _replaced(changed, place.metadata, pod["metadata"], before=str(place.spec[-1]))
    return changed


def _at(document: JsonObject, keys: Keys) -> JsonObject | None:
    value: Any = document
    for depth, key in enumerate(keys):
        value = value[key] if isinstance(key, int) else value.get(key)
        if value is None:
            return None
        holds_items = depth + 1 < len(keys) and isinstance(keys[depth + 1], int)
        if not isinstance(value, list if holds_items else dict):
            raise ValueError(f"{path_text(keys[: depth + 1])} must be a mapping, got {quoted(value)}")
    found: JsonObject = value
    return found


def _replaced(holder: Any, keys: Keys, value: JsonObject, before: str = "") -> Any:
    """`holder`, a mapping or a list, with `value` at `keys`; a new last key goes in front of the key `before`."""
    key, *rest = keys
    if rest:
        return _with_item(holder, key, _replaced(holder[key], tuple(rest), value, before))
    if holder.get(key) is value:
        return holder
    if key in holder or before not in holder:
        return {**holder, key: value}
    items = list(holder.items())
    at = list(holder).index(before)
    return dict([*items[:at], (key, value), *items[at:]])


def _with_item(holder: Any, key: str | int, item: Any) -> Any:
    if isinstance(key, int):
        return [*holder[:key], item, *holder[key + 1 :]]
    return {**holder, key: item}


def _without(holder: Any, keys: Keys) -> Any:
    """`holder`, a mapping or a list, without the key at `keys`."""
    key, *rest = keys
    if rest:
        return _with_item(holder, key, _without(holder[key], tuple(rest)))
    return {name: value for name, value in holder.items() if name != key}


# The pod that a workload's controller would create, as the API server sends it to a webhook.

_HASH = "0"
_RUN = "00000000"
_UID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class _Owner:
    """The object that owns the pods of a kind: `suffix` is what its name adds to the workload's."""

    kind: str
    api_version: str
    suffix: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


# Kinds whose pods belong to an object between them and the workload; pods of other kinds belong to the workload itself.
_OWNERS: Mapping[str, _Owner] = {
    "Deployment": _Owner("ReplicaSet", "apps/v1", f"-{_HASH}", {"pod-template-hash": _HASH}),
    "CronJob": _Owner("Job", "batch/v1", f"-{_RUN}"),
    "DeploymentConfig": _Owner("ReplicationController", "v1", "-1"),
    "Rollout": _Owner("ReplicaSet", "apps/v1", f"-{_HASH}", {"rollouts-pod-template-hash": _HASH}),
    # Knative, the only kind of this name that has a pod template, makes a Deployment for each revision. Source:
    # https://github.com/knative/specs/blob/main/specs/serving/overview.md
    "Service": _Owner("ReplicaSet", "apps/v1", f"-00001-deployment-{_HASH}", {"pod-template-hash": _HASH}),
}
# The name that Knative gives a container without one (https://knative.dev/docs/serving/configuration/config-defaults/).
_KNATIVE_CONTAINER = "user-container"


def pod_template(document: JsonObject, place: PodPlace) -> Pod:
    """The pod template at `place` as its controller reads it. Raises ValueError, as `pod_of` does."""
    template = pod_of(document, place)
    listed = template["spec"].get("containers")
    if document["kind"] != "Service" or not isinstance(listed, list):
        return template
    named = [{"name": _KNATIVE_CONTAINER, **each} if isinstance(each, dict) else each for each in listed]
    return template if named == listed else {**template, "spec": {**template["spec"], "containers": named}}


def created_pod(document: JsonObject, place: PodPlace | None = None) -> Pod:
    """The pod that the workload in `document` leads to by its template at `place`, by default its first one.

    A Pod leads to itself. Metadata and spec have to be there.
    """
    if document["kind"] == "Pod":
        return {"apiVersion": "v1", "kind": "Pod", "metadata": document.get("metadata") or {}, "spec": document["spec"]}
    template = pod_template(document, place or next(pod_places(document)))
    metadata = template.get("metadata") or {}
    name = (document.get("metadata") or {}).get("name") or ""
    owner = _OWNERS.get(document["kind"]) or _Owner(document["kind"], document.get("apiVersion") or "")
    added: dict[str, Any] = {
        "generateName": f"{name}{owner.suffix}-",
        "labels": {**(metadata.get("labels") or {}), **owner.labels, **_deployment_config_label(document, name)},
        "ownerReferences": [
            {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": f"{name}{owner.suffix}",
                "controller": True,
                "uid": _UID,
            }
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, **added}, "spec": template["spec"]}


def with_created_pod(document: JsonObject, pod: Pod, place: PodPlace | None = None) -> JsonObject:
    """The workload whose controller would create `pod`: the inverse of `created_pod`, after a change of the pod."""
    place = place or next(pod_places(document))
    if document["kind"] == "Pod":
        return with_pod(document, place, pod)
    template = pod_of(document, place).get("metadata") or {}
    added = created_pod(document, place)["metadata"]
    metadata = _without_added(pod["metadata"], template, added)
    if "labels" in metadata:
        labels = _without_added(metadata["labels"], template.get("labels") or {}, added["labels"])
        metadata = {**metadata, "labels": labels} if labels else _without_key(metadata, "labels")
    return with_pod(document, place, {"metadata": metadata, "spec": pod["spec"]})


def _without_added(mapping: JsonObject, own: JsonObject, added: JsonObject) -> JsonObject:
    """`mapping` without the keys that only the controller adds, and with the template's own value of those it sets."""
    return {
        key: own.get(key) if key in own and value == added.get(key) else value
        for key, value in mapping.items()
        if key in own or key not in added or value != added[key]
    }


def _without_key(mapping: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in mapping.items() if name != key}


def _deployment_config_label(document: JsonObject, name: str) -> Mapping[str, str]:
    return {"deploymentconfig": name} if document["kind"] == "DeploymentConfig" else {}
