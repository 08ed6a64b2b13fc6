"""Pods without what an API server fills in where nothing is said: a difference in that alone is none.

Source: defaults of pods in Kubernetes v1.37,
https://github.com/kubernetes/kubernetes/blob/v1.37.0/pkg/apis/core/v1/defaults.go
"""

from collections.abc import Mapping
from typing import Any

from injector.core.model import Container, JsonObject, Pod
from injector.core.pods import CONTAINER_LISTS
from injector.core.quantity import canonical_quantities

_SPEC: Mapping[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "enableServiceLinks": True,
}
_CONTAINER: Mapping[str, Any] = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
    "securityContext": {},
}
_PROBE: Mapping[str, Any] = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_HTTP: Mapping[str, Any] = {"scheme": "HTTP", "path": "/"}
_PORT: Mapping[str, Any] = {"protocol": "TCP", "hostPort": 0}
_VARIABLE: Mapping[str, Any] = {"value": ""}
_FIELD: Mapping[str, Any] = {"apiVersion": "v1"}
_RESOURCE_FIELD: Mapping[str, Any] = {"divisor": "0"}
_FILES: Mapping[str, Any] = {"defaultMode": 0o644}
_TOKEN: Mapping[str, Any] = {"expirationSeconds": 3600}
# Where a pod's token is mounted into every container, those that were injected included:
# https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 -- the place of a token
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")


def without_defaults(pod: Pod) -> Pod:
    """`pod` without the fields that have the value they would have anyway, and without the mounts of its token."""
    spec: JsonObject = pod.get("spec") or {}
    plain = _without(spec, _SPEC)
    for which in CONTAINER_LISTS:
        if spec.get(which):
            plain[which] = [_container(each) for each in spec[which]]
    if spec.get("volumes"):
        plain["volumes"] = [_volume(each) for each in spec["volumes"]]
    return {**pod, "spec": plain}


def _container(container: Container) -> Container:
    plain = _without(container, _CONTAINER)
    if plain.get("imagePullPolicy") == _pull_policy(str(container.get("image") or "")):
        del plain["imagePullPolicy"]
    if plain.get("resources"):
        plain["resources"] = canonical_quantities(plain["resources"])
    for field, each in (("ports", _PORT), ("env", _VARIABLE)):
        if plain.get(field):
            plain[field] = [_source(_without(item, each)) for item in plain[field]]
    if plain.get("volumeMounts"):
        plain["volumeMounts"] = [each for each in plain["volumeMounts"] if each.get("mountPath") != _TOKEN_PATH]
        if not plain["volumeMounts"]:
            del plain["volumeMounts"]
    for field in _PROBES:
        if plain.get(field):
            plain[field] = _handler(_without(plain[field], _PROBE))
    hooks = plain.get("lifecycle")
    if hooks:
        plain["lifecycle"] = {name: _handler(hook) if name in _HOOKS and hook else hook for name, hook in hooks.items()}
    return plain


def _pull_policy(image: str) -> str:
    """What is the default for an image: `Always` for `latest`, which is also what no tag means."""
    name = image.rpartition("/")[2]
    return "Always" if "@" not in name and name.partition(":")[2] in ("", "latest") else "IfNotPresent"


def _handler(handler: JsonObject) -> JsonObject:
    request = handler.get("httpGet")
    return {**handler, "httpGet": _without(request, _HTTP)} if request else handler


def _source(item: JsonObject) -> JsonObject:
    """An item with a reference to a field of the pod, without what is the default there."""
    sources = item.get("valueFrom", item)
    plain = dict(sources)
    for field, defaults in (("fieldRef", _FIELD), ("resourceFieldRef", _RESOURCE_FIELD)):
        if plain.get(field):
            plain[field] = _without(plain[field], defaults)
    return {**item, "valueFrom": plain} if "valueFrom" in item else plain


def _volume(volume: JsonObject) -> JsonObject:
    plain: JsonObject = {}
    for kind, source in volume.items():
        if kind == "emptyDir" and source == {}:
            # Without a source a volume is an empty directory.
            continue
        plain[kind] = _files(source) if isinstance(source, dict) else source
    return plain


def _files(source: JsonObject) -> JsonObject:
    plain = _without(source, _FILES)
    if plain.get("items"):
        plain["items"] = [_source(item) for item in plain["items"]]
    if plain.get("sources"):
        plain["sources"] = [
            {kind: _files(_without(part, _TOKEN)) if isinstance(part, dict) else part for kind, part in each.items()}
            for each in plain["sources"]
        ]
    return plain


def _without(holder: JsonObject, defaults: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in holder.items() if key not in defaults or value != defaults[key]}
