"""Fields of a Pod that have to agree with each other, by the type that has them: for what is looked at as a whole.

What an injection can break in any pod is in `pod_validation`, for every review. These rules are for templates, which
are held against them once. Source: validation of pods in Kubernetes v1.37,
https://github.com/kubernetes/kubernetes/blob/v1.37.0/pkg/apis/core/validation/validation.go
"""

from collections.abc import Iterator, Mapping
from typing import Any

from injector.core.errors import Path, suggestion
from injector.core.validation import Rule

_Messages = Iterator[tuple[Path, str]]
_CONTAINER_LISTS = ("initContainers", "containers")


def _localhost_profile(profile: Mapping[str, Any]) -> _Messages:
    is_local, named = profile.get("type") == "Localhost", bool(profile.get("localhostProfile"))
    if is_local and not named:
        yield ("localhostProfile",), "is missing; required where `type` is Localhost"
    elif named and not is_local:
        yield ("localhostProfile",), "is only valid where `type` is Localhost"


def _handler(handler: Mapping[str, Any]) -> _Messages:
    if not any(handler.get(kind) is not None for kind in ("exec", "httpGet", "tcpSocket", "grpc", "sleep")):
        yield (), "has nothing to do; valid: one of exec, httpGet, tcpSocket, grpc for a probe, sleep for a hook"


def _container(container: Mapping[str, Any]) -> _Messages:
    privileged = (container.get("securityContext") or {}).get("privileged")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("mountPropagation") == "Bidirectional" and not privileged:
            path: Path = ("volumeMounts", index, "mountPropagation")
            yield path, "Bidirectional is only valid in a privileged container"


def _spec(spec: Mapping[str, Any]) -> _Messages:
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        yield ("shareProcessNamespace",), "cannot be true where `hostPID` is true"
    if spec.get("dnsPolicy") == "None" and not (spec.get("dnsConfig") or {}).get("nameservers"):
        yield ("dnsConfig",), "needs `nameservers` where `dnsPolicy` is None"
    if spec.get("ephemeralContainers"):
        yield ("ephemeralContainers",), "cannot be in a pod that is created"
    claims = [str(claim.get("name")) for claim in spec.get("resourceClaims") or ()]
    volumes = [str(volume.get("name")) for volume in spec.get("volumes") or ()]
    for which in _CONTAINER_LISTS:
        for index, container in enumerate(spec.get(which) or ()):
            path: Path = (which, index)
            used = (container.get("resources") or {}).get("claims") or ()
            yield from _unknown(used, claims, "resource claim", (*path, "resources", "claims"))
            yield from _unknown(container.get("volumeDevices") or (), volumes, "volume", (*path, "volumeDevices"))
            if spec.get("hostNetwork"):
                yield from _host_ports(container.get("ports") or (), (*path, "ports"))


def _unknown(items: Any, known: list[str], noun: str, path: Path) -> _Messages:
    for index, item in enumerate(items):
        name = str(item.get("name"))
        if name not in known:
            meant = suggestion(name, known) if known else "it has none"
            yield (*path, index, "name"), f"the pod has no {noun} {name!r}; {meant}"


def _host_ports(ports: Any, path: Path) -> _Messages:
    for index, port in enumerate(ports):
        if port.get("hostPort") not in (None, 0, port.get("containerPort")):
            yield (*path, index, "hostPort"), "must be that of `containerPort` where `hostNetwork` is true"


RULES: Mapping[str, tuple[Rule, ...]] = {
    "AppArmorProfile": (_localhost_profile,),
    "Container": (_container,),
    "LifecycleHandler": (_handler,),
    "PodSpec": (_spec,),
    "Probe": (_handler,),
    "SeccompProfile": (_localhost_profile,),
}
"""Type of OpenAPI → its rules."""
