"""What an injection can change of a pod, so that nothing else is believed of a record or taken back with it.

A footprint is a shape laid over a pod. The shape of a mapping has a shape for each key that an injection can write, and
that of a list which is merged by key one for each identity. Where the shape says WHOLE, all of the value can be the
injection's.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from injector.core.merge import NOTHING_KEYED, POD_SCHEMA, PRIMITIVE, Schema, identity_of
from injector.core.model import (
    CORE_DUMP_CONTAINER,
    GRPC_BOOTSTRAP_CONTAINER,
    INIT_CONTAINER,
    INTERCEPTION_MODE_ANNOTATION,
    NETWORK_LABEL,
    PROXY_CONTAINER,
    VALIDATION_CONTAINER,
    Container,
    JsonObject,
)
from injector.core.pods import CONTAINER_LISTS
from injector.core.selection import REVISION_KEY

Shape: TypeAlias = "Mapping[Any, Shape] | None"

# The name of a container that stands for any of the application's.
ANY = "*"
WHOLE: Shape = None
NOTHING: Shape = {}


def _each(names: Iterable[str], shape: Shape) -> Shape:
    return dict.fromkeys(names, shape)


_TRAFFIC = "traffic.sidecar.istio.io/"
_HANDLERS = _each(("httpGet", "tcpSocket", "grpc"), WHOLE)

# Of any container of the application: the handlers of its probes and hooks (reference 11.4).
REWRITTEN: Shape = {
    **dict.fromkeys(("readinessProbe", "livenessProbe", "startupProbe"), _HANDLERS),
    "lifecycle": _each(("preStop", "postStart"), _HANDLERS),
}

# What Istio's templates give in one mode or another (reference 5.4, 5.5, 5.7, 5.13 and 7): a pod may have been injected
# in another mode than the one in force, or by another release.
ISTIO: Shape = {
    "metadata": {
        "labels": _each(
            (
                "security.istio.io/tlsMode",
                "networking.istio.io/tunnel",
                "service.istio.io/canonical-name",
                "service.istio.io/canonical-revision",
                NETWORK_LABEL,
            ),
            WHOLE,
        ),
        "annotations": _each(
            (
                REVISION_KEY,
                "kubectl.kubernetes.io/default-container",
                "kubectl.kubernetes.io/default-logs-container",
                "k8s.v1.cni.cncf.io/networks",
                INTERCEPTION_MODE_ANNOTATION,
                "sidecar.istio.io/rewriteAppHTTPProbers",
                "istio.io/reroute-virtual-interfaces",
                *(f"{_TRAFFIC}{side}clude{what}" for side in ("in", "ex") for what in ("OutboundIPRanges",)),
                *(f"{_TRAFFIC}{side}clude{way}boundPorts" for side in ("in", "ex") for way in ("In", "Out")),
                f"{_TRAFFIC}kubevirtInterfaces",
                f"{_TRAFFIC}excludeInterfaces",
            ),
            WHOLE,
        ),
    },
    "spec": {
        "containers": _each((PROXY_CONTAINER,), WHOLE),
        "initContainers": _each(
            (INIT_CONTAINER, VALIDATION_CONTAINER, PROXY_CONTAINER, CORE_DUMP_CONTAINER, GRPC_BOOTSTRAP_CONTAINER),
            WHOLE,
        ),
        "volumes": _each(
            "workload-socket credential-socket workload-certs gke-workload-certificate custom-bootstrap-volume "
            "istio-envoy istio-data istio-xds istio-podinfo istio-token istiod-ca-cert istio-ca-crl istio-certs "
            "lightstep-certs grpc-io-proxyless-bootstrap".split(),
            NOTHING,
        ),
    },
}


def footprint_of(overlays: Iterable[JsonObject]) -> Shape:
    """What an injection by these overlays can change, and what Istio's templates can change in other modes."""
    shape = ISTIO
    for overlay in overlays:
        shape = union(shape, shape_of(overlay))
    return shape


def shape_of(overlay: Any, schema: Schema = POD_SCHEMA) -> Shape:
    """What merging `overlay` can change. A container to which it gives an image is its own, whatever is in it."""
    if not isinstance(overlay, dict):
        return WHOLE
    if schema in _CONTAINERS and overlay.get("image"):
        return WHOLE
    shape: dict[Any, Shape] = {}
    for key, value in overlay.items():
        merge_key = schema.lists.get(key)
        if key[:1] == "$":
            continue
        if isinstance(value, list) and merge_key:
            items = ((identity_of(item, merge_key), item) for item in value)
            below = schema.below.get(key, NOTHING_KEYED)
            shape[key] = {identity: shape_of(item, below) for identity, item in items if identity is not None}
        elif isinstance(value, dict):
            shape[key] = shape_of(value, schema.below.get(key, NOTHING_KEYED))
        else:
            shape[key] = WHOLE
    return shape


_CONTAINERS = tuple(POD_SCHEMA.below["spec"].below[list_name] for list_name in CONTAINER_LISTS)


def union(one: Shape, other: Shape) -> Shape:
    """What either of two shapes allows."""
    if one is None or other is None:
        return WHOLE
    return {**one, **other, **{key: union(one[key], other[key]) for key in one.keys() & other.keys()}}


def below(shape: Shape, *path: Any) -> Shape:
    """The part of a shape at `path`; NOTHING where the shape does not reach it."""
    for step in path:
        if shape is None:
            return WHOLE
        shape = shape.get(step, NOTHING)
    return shape


def written_shape(footprint: Shape, name: str) -> Shape:
    """What templates can write into the container `name`, under whichever list it is."""
    shape = NOTHING
    for list_name in CONTAINER_LISTS:
        for each in (name, ANY):
            shape = union(shape, below(footprint, "spec", list_name, each))
    return shape


def is_own(footprint: Shape, name: str) -> bool:
    """Whether the container `name` is one that templates add, rather than one that they only write into."""
    return written_shape(footprint, name) is None


ISTIO_CONTAINERS = frozenset(
    name
    for list_name in CONTAINER_LISTS
    for name, shape in (below(ISTIO, "spec", list_name) or {}).items()
    if shape is WHOLE
)
"""The containers that Istio's templates add."""


def restored(now: Any, before: Any, shape: Shape, schema: Schema = NOTHING_KEYED) -> Any:
    """The value `now` as it was before an injection, if `before` is what is said of it.

    Elsewhere than in `shape` the value stays. None is a value that is absent, here and in the result.
    """
    if shape is None:
        return before
    if isinstance(now, dict) and isinstance(before, dict | None):
        claimed = before or {}
        result = {}
        for key in dict.fromkeys((*claimed, *now)):
            value = _restored_field(now.get(key), claimed.get(key), key, shape, schema)
            if value is not None:
                result[key] = value
        return result if result or before is not None else None
    return now


def _restored_field(now: Any, before: Any, key: str, shape: Mapping[Any, Shape], schema: Schema) -> Any:
    if key not in shape:
        return now
    merge_key = schema.lists.get(key)
    allowed = shape[key]
    if merge_key and merge_key != PRIMITIVE and allowed is not None and isinstance(now, list):
        claimed = before if isinstance(before, list) else []
        items = _restored_items(now, claimed, merge_key, allowed, schema.below.get(key, NOTHING_KEYED))
        return items if items or before is not None else None
    return restored(now, before, allowed, schema.below.get(key, NOTHING_KEYED))


def _restored_items(
    now: list[Any], before: list[Any], key: str, shape: Mapping[Any, Shape], schema: Schema
) -> list[Any]:
    # An identity may be there several times, such as a port of two protocols: the first is the first, and so on.
    claimed: dict[Any, deque[tuple[int, Any]]] = {}
    for place, item in enumerate(before):
        if isinstance(item, dict):
            claimed.setdefault(identity_of(item, key), deque()).append((place, item))
    placed = []
    for item in now:
        identity = identity_of(item, key)
        known = claimed.get(identity)
        place, was = known.popleft() if known else (len(before), None)
        if identity not in shape:
            placed.append((place, item))
        elif place < len(before):
            placed.append((place, restored(item, was, shape[identity], schema)))
    return [item for _, item in sorted(placed, key=itemgetter(0))]


def restored_container(container: Container, before: Container, shape: Shape) -> Container:
    """The container as it was, if `before` is what the user defined under its name."""
    definition: Container = restored(container, before, shape, _CONTAINERS[0])
    return {**definition, "name": container["name"]}


def restored_fields(container: Container, before: JsonObject, shape: Shape) -> Container:
    """The container with its fields as they were, if `before` says of each what it was; null stands for absent."""
    fields = dict.fromkeys(before, WHOLE) if shape is None else {key: shape[key] for key in before if key in shape}
    result: Container = restored(container, {**container, **before}, fields, _CONTAINERS[0])
    return {**result, "name": container["name"]}
