"""What the API server would refuse in a pod, said before it says so, and in the words of whoever made the pod.

Only rules that every Kubernetes version has and that an injection can break: names, unions, references, ranges, limits
and requests, labels. Source: validation of pods in Kubernetes v1.37,
https://github.com/kubernetes/kubernetes/blob/v1.37.0/pkg/apis/core/validation/validation.go
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from injector.core.errors import quoted, suggestion
from injector.core.model import Container, JsonObject, Pod
from injector.core.opaque import Inspected, is_name, most_characters
from injector.core.pods import CONTAINER_LISTS, ContainerList, all_containers, annotations, containers, labels
from injector.core.resources import pod_resource_refusals, requests_above_limits, resource_refusals

# A pod with more faults than this needs to be looked at as a whole.
MOST_REFUSALS = 10

_LONGEST_QUOTED = 80
_LONGEST_LABEL = 63
_LONGEST_NAME = 253
_ANNOTATION_BYTES = 262_144
_HIGHEST_PORT = 65_535
_LONGEST_PORT_NAME = 15
_HIGHEST_ID = 2_147_483_647
_SHORTEST_TOKEN_SECONDS = 600

_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
# What injection changes in a container of the user.
_ALIVE = frozenset((*_PROBES, "lifecycle"))
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_WORDS: Mapping[str, tuple[str, ...]] = {
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
}
_POD_WORDS: Mapping[str, tuple[str, ...]] = {
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
}


def refusals(pod: Pod) -> list[str]:
    """Why the API server would refuse `pod`, one line each with path and value, the first MOST_REFUSALS of them.

    The pod has the shape of one; fields without a rule here are not looked at.
    """
    return list(islice(_refusals(pod), MOST_REFUSALS))


def refusals_by_injection(received: Pod, merged: Pod) -> list[str]:
    """The same, as far as the injection that made `merged` of `received` is the cause: quick, for every review.

    Parts that are as they were received are left out, and parts that the user has no share in are held against those
    rules only that an annotation's value can break: the others were when the templates were checked.
    """
    return list(islice(_refusals_by_injection(received, merged), MOST_REFUSALS))


def refusal_warning(refusal: str) -> str:
    """How a review, a preview and a command say `refusal`."""
    return f"will be refused: {refusal}"


def _refusals(pod: Pod) -> Iterator[str]:
    yield from _metadata(labels(pod), annotations(pod))
    spec: JsonObject = pod.get("spec") or {}
    yield from _words(spec, _POD_WORDS, "spec")
    volumes = spec.get("volumes") or ()
    yield from _volumes(volumes)
    names = {volume["name"] for volume in volumes}
    for which in CONTAINER_LISTS:
        for container in containers(pod, which):
            yield from _container(container, which, names)
    yield from _repeated([each["name"] for which in CONTAINER_LISTS for each in containers(pod, which)], "containers")
    yield from _host_ports(pod)
    yield from pod_resource_refusals(pod)


def _refusals_by_injection(received: Pod, merged: Pod) -> Iterator[str]:
    spec = merged.get("spec") or {}
    own_labels, own_annotations = labels(merged), annotations(merged)
    is_annotated = bool((received.get("metadata") or {}).get("annotations"))
    before = labels(received)
    changed = {name: value for name, value in own_labels.items() if before.get(name) is not value}
    if not all(map(_is_label_value, changed.values())) or _size(own_annotations) > _ANNOTATION_BYTES:
        yield from _metadata(changed, own_annotations)
    volumes = spec.get("volumes") or ()
    if volumes and max(map(len, volumes)) > _NAME_AND_SOURCE:
        yield from _volumes(volumes)
    kept = [container for _, _, container in all_containers(received)]
    users = {container["name"]: container for container in kept}
    names: list[str] = []
    for which in CONTAINER_LISTS:
        for container in spec.get(which) or ():
            names.append(container["name"])
            if container["name"] not in users:
                yield from _container_of_templates(container, which, is_annotated=is_annotated)
            elif not any(container is each for each in kept):
                before = users[container["name"]]
                if _ALIVE.issuperset(field for field in container if container[field] is not before.get(field)):
                    yield from _life_cycle(container, which)
                else:
                    yield from _container(container, which, {volume["name"] for volume in volumes})
    if len(set(names)) < len(names):
        yield from _repeated(names, "containers")
    if "resources" in spec:
        yield from pod_resource_refusals(merged)


def _metadata(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        if _is_label_value(value):
            continue
        if len(value) > _LONGEST_LABEL:
            yield f"metadata.labels[{name}]: must have at most {_LONGEST_LABEL} characters, got {quoted(value)}"
        else:
            yield (
                f"metadata.labels[{name}]: {quoted(value)} is not a label value; "
                "valid: letters, digits, '-', '_' and '.', the first and last a letter or digit"
            )
    if _size(annotations) > _ANNOTATION_BYTES:
        yield f"metadata.annotations: {_size(annotations):,} bytes together; at most {_ANNOTATION_BYTES:,} are valid"


def _size(annotations: Mapping[str, str]) -> int:
    try:
        return sum(map(len, annotations)) + sum(map(len, annotations.values()))
    except Inspected:
        return sum(map(len, annotations)) + most_characters(annotations.values())


def _volumes(volumes: Sequence[JsonObject]) -> Iterator[str]:
    yield from _repeated([volume.get("name") for volume in volumes], "volumes")
    for volume in volumes:
        name = volume.get("name")
        if not _is_dns_label(str(name)):
            yield f"spec.volumes[{name}]: the name is not a DNS label of at most {_LONGEST_LABEL} characters"
        # Most have a name and a source: what follows costs nothing for them.
        if len(volume) > _NAME_AND_SOURCE:
            yield from _one_of(
                volume, [key for key in volume if key != "name"], f"spec.volumes[{name}]", "volume types"
            )
        for kind in volume:
            field, source = _VOLUME_FIELDS.get(kind), volume[kind]
            if field and isinstance(source, dict) and not source.get(field):
                yield f"spec.volumes[{name}].{kind}.{field}: is required"
        projected = volume.get("projected")
        sources = projected.get("sources") if isinstance(projected, dict) else None
        for at, source in enumerate(sources if isinstance(sources, list) else ()):
            yield from _projection(source, f"spec.volumes[{name}].projected.sources[{at}]")


_NAME_AND_SOURCE = 2
_VOLUME_FIELDS: Mapping[str, str] = {
    "configMap": "name",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
    "csi": "driver",
}


def _projection(source: Any, path: str) -> Iterator[str]:
    if not isinstance(source, dict):
        return
    yield from _one_of(source, list(source), path, "sources", is_required=True)
    token = source.get("serviceAccountToken")
    if isinstance(token, dict):
        if not token.get("path"):
            yield f"{path}.serviceAccountToken.path: is required"
        seconds = token.get("expirationSeconds")
        if isinstance(seconds, int) and seconds < _SHORTEST_TOKEN_SECONDS:
            where = f"{path}.serviceAccountToken.expirationSeconds"
            yield f"{where}: must be at least {_SHORTEST_TOKEN_SECONDS}, got {seconds}"


def _container(container: Container, which: ContainerList, volumes: Collection[Any]) -> Iterator[str]:
    path = f"spec.{which}[{container['name']}]"
    if not _is_dns_label(container["name"]):
        yield f"{path}: the name is not a DNS label of at most {_LONGEST_LABEL} characters"
    yield from _words(container, _WORDS, path)
    yield from _environment(container.get("env") or (), f"{path}.env")
    yield from _security(container.get("securityContext") or {}, f"{path}.securityContext")
    yield from _life_cycle(container, which)
    yield from resource_refusals(container.get("resources") or {}, f"{path}.resources")
    if not container.get("image"):
        yield f"{path}.image: is required"
    yield from _ports(container.get("ports") or (), f"{path}.ports")
    yield from _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)


def _container_of_templates(container: Container, which: ContainerList, *, is_annotated: bool) -> Iterator[str]:
    """What the value of an annotation can break in a container that a template gives as a whole."""
    if not container.get("image"):
        yield f"spec.{which}[{container['name']}].image: is required"
    ports, resources, mounts = container.get("ports"), container.get("resources"), container.get("volumeMounts")
    if ports and not all(map(_is_port, [port.get("containerPort") for port in ports])):
        yield from _ports(ports, f"spec.{which}[{container['name']}].ports")
    if resources and is_annotated:
        yield from requests_above_limits(resources, f"spec.{which}[{container['name']}].resources")
    places = [mount.get("mountPath") for mount in mounts] if mounts else []
    if mounts and (not all(places) or len(set(map(str, places))) < len(places)):
        names = {str(mount.get("name")) for mount in mounts}
        yield from _mounts(mounts, f"spec.{which}[{container['name']}].volumeMounts", names)


def _ports(ports: Sequence[JsonObject], path: str) -> Iterator[str]:
    yield from _repeated([str(port["name"]) for port in ports if port.get("name")], path, "port names")
    for port in ports:
        number, name, protocol = port.get("containerPort"), str(port.get("name") or ""), port.get("protocol")
        where = f"{path}[{name or number}]"
        if not _is_port(number):
            yield f"{where}.containerPort: must be a number from 1 to {_HIGHEST_PORT}, got {quoted(number)}"
        if port.get("hostPort") and not _is_port(port["hostPort"]):
            yield f"{where}.hostPort: must be a number from 1 to {_HIGHEST_PORT}, got {quoted(port['hostPort'])}"
        if name and (len(name) > _LONGEST_PORT_NAME or not _PORT_NAME.fullmatch(name)):
            yield (
                f"{where}.name: must be at most {_LONGEST_PORT_NAME} lower-case letters, digits and single '-', "
                f"with a letter among them, got {quoted(name)}"
            )
        if protocol and protocol not in _PROTOCOLS:
            yield f"{where}.protocol: must be one of {', '.join(_PROTOCOLS)}, got {quoted(protocol)}"


def _environment(env: Sequence[JsonObject], path: str) -> Iterator[str]:
    names = [variable["name"] for variable in env]
    if "" in names or "=" in "".join(names):
        yield from (
            f"{path}: {quoted(name)} is not the name of a variable" for name in names if not name or "=" in name
        )
    for variable in [each for each in env if "valueFrom" in each]:
        source = variable["valueFrom"]
        if not isinstance(source, dict):
            continue
        if variable.get("value"):
            yield f"{path}[{variable['name']}]: has both value and valueFrom; one of them is valid"
        if len(source) != 1:
            yield from _one_of(
                source, list(source), f"{path}[{variable['name']}].valueFrom", "sources", is_required=True
            )


def _security(context: JsonObject, path: str) -> Iterator[str]:
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged") is True:
            yield f"{path}: privileged needs allowPrivilegeEscalation, which is false"
        capabilities = context.get("capabilities")
        added = capabilities.get("add") if isinstance(capabilities, dict) else None
        if isinstance(added, list) and "CAP_SYS_ADMIN" in added:
            yield f"{path}: CAP_SYS_ADMIN needs allowPrivilegeEscalation, which is false"
    for field in ("runAsUser", "runAsGroup"):
        number = context.get(field)
        if isinstance(number, int) and not 0 <= number <= _HIGHEST_ID:
            yield f"{path}.{field}: must be a number from 0 to {_HIGHEST_ID}, got {number}"


def _mounts(mounts: Sequence[JsonObject], path: str, volumes: Collection[Any]) -> Iterator[str]:
    seen: set[str] = set()
    meant: dict[str, str] = {}
    for mount in mounts:
        name, place = mount.get("name"), str(mount.get("mountPath") or "")
        name = name if isinstance(name, str) else str(name)
        if name not in volumes:
            if name not in meant:
                meant[name] = suggestion(name, [*map(str, volumes)]) if volumes else "the pod has none"
            yield f"{path}[{name}]: there is no volume {quoted(name)}; {meant[name]}"
        if not place:
            yield f"{path}[{name}].mountPath: is required"
        elif place in seen:
            yield f"{path}[{name}].mountPath: {quoted(place)} is mounted twice"
        seen.add(place)


def _life_cycle(container: Container, which: ContainerList) -> Iterator[str]:
    path = f"spec.{which}[" + container["name"] + "]"
    restarts = container.get("restartPolicy")
    ends = which == "initContainers" and restarts != "Always"
    if ends and restarts:
        yield f"{path}.restartPolicy: an init container takes Always only, got {quoted(restarts)}"
    for field in _PROBES:
        probe = container.get(field)
        if probe:
            if ends:
                yield f"{path}.{field}: an init container has probes only with restartPolicy Always"
            yield from _probe(probe, path + "." + field, has_threshold=field == "readinessProbe")
    handlers = container.get("lifecycle") or {}
    for field in ("postStart", "preStop"):
        if handlers.get(field):
            if ends:
                yield f"{path}.lifecycle: an init container has it only with restartPolicy Always"
            yield from _handler(handlers[field], path + ".lifecycle." + field)


def _probe(probe: JsonObject, path: str, *, has_threshold: bool) -> Iterator[str]:
    yield from _handler(probe, path)
    for field in _PROBE_NUMBERS:
        number = probe.get(field)
        if type(number) is int and number < 0:
            yield f"{path}.{field}: must not be negative, got {number}"
    if not has_threshold and probe.get("successThreshold") not in (None, 0, 1):
        yield f"{path}.successThreshold: must be 1, got {quoted(probe['successThreshold'])}"


def _handler(handler: JsonObject, path: str) -> Iterator[str]:
    yield from _one_of(handler, [kind for kind in _HANDLERS if kind in handler], path, "handlers", is_required=True)
    for kind in ("httpGet", "tcpSocket", "grpc"):
        action = handler.get(kind)
        port = action.get("port") if isinstance(action, dict) else None
        if isinstance(port, int) and not _is_port(port):
            yield f"{path}.{kind}.port: must be a number from 1 to {_HIGHEST_PORT}, got {port}"


def _host_ports(pod: Pod) -> Iterator[str]:
    claimed: set[tuple[str, ...]] = set()
    for container in containers(pod):
        for port in container.get("ports") or ():
            number = port.get("hostPort")
            key = str(number), str(port.get("protocol") or "TCP"), str(port.get("hostIP") or "")
            if number and key in claimed:
                yield f"spec.containers[{container['name']}].ports: hostPort {number}/{key[1]} is claimed twice"
            claimed.add(key)


# Rules that several parts share.


def _words(holder: JsonObject, words: Mapping[str, tuple[str, ...]], path: str) -> Iterator[str]:
    for field, valid in words.items():
        value = holder.get(field)
        if value and value not in valid:
            yield f"{path}.{field}: must be one of {', '.join(valid)}, got {quoted(value)}"


def _one_of(
    holder: JsonObject, given: Sequence[str], path: str, what: str, *, is_required: bool = False
) -> Iterator[str]:
    """A union: of the keys `given` at most one may have a value, or exactly one."""
    present = [key for key in given if holder.get(key) is not None]
    if len(present) > 1:
        yield f"{path}: has {len(present)} {what}, {', '.join(present)}; one is valid"
    elif is_required and not present:
        yield f"{path}: has no {what.removesuffix('s')}; one is required"


def _repeated(names: Sequence[Any], where: str, what: str = "") -> Iterator[str]:
    if len(set(names)) < len(names):
        repeated = dict.fromkeys(name for at, name in enumerate(names) if name in names[:at])
        for name in repeated:
            yield f"{where if what else f'spec.{where}'}: {quoted(name)} is the name of two {what or where}"


def _is_dns_label(text: str) -> bool:
    return len(text) <= _LONGEST_LABEL and _DNS_LABEL.fullmatch(text) is not None


def _is_label_value(text: str) -> bool:
    try:
        return len(text) <= _LONGEST_LABEL and _LABEL_VALUE.fullmatch(text) is not None
    except Inspected:
        if is_name(text):
            return True
        raise


def _is_port(number: Any) -> bool:
    return type(number) is int and 1 <= number <= _HIGHEST_PORT
