"""The replicas of a release: what their pods are doing, and what each says of itself in `/readyz`."""

from collections.abc import Iterator
from typing import Any

from injector.cluster.api import PODS, SERVICES, ApiServer, ClusterError
from injector.cluster.findings import Finding, ok, warning
from injector.cluster.release import Release
from injector.core.model import JsonObject, Pod

_PORT_NAME, _DEFAULT_PORT = "https", 15017
# States of a waiting container that do not pass by themselves. Source: pkg/kubelet/images/types.go and
# pkg/kubelet/kuberuntime/kuberuntime_container.go in Kubernetes' repository.
_STUCK = (
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


def pods_of(server: ApiServer, release: Release) -> list[Pod]:
    """The pods that the Service of `release` selects, but for those that go. Raises ClusterError."""
    service = server.get(SERVICES, release.service, release.namespace)
    selector = (service.get("spec") or {}).get("selector") or {}
    chosen = ",".join(f"{key}={value}" for key, value in selector.items())
    found = server.items(PODS, release.namespace, labelSelector=chosen) if chosen else []
    return [each for each in found if not each["metadata"].get("deletionTimestamp")]


def replica_findings(server: ApiServer, pod: Pod) -> list[Finding]:
    """What is to be said of one replica, at least one finding."""
    metadata = pod["metadata"]
    subject = f"Pod {metadata['namespace']}/{metadata['name']}"
    logs = f"kubectl logs -n {metadata['namespace']} {metadata['name']} --tail=50"
    stuck = _not_running(pod, subject)
    if stuck is not None:
        return [stuck]
    try:
        said = server.proxied(metadata["namespace"], metadata["name"], _port(pod), "/readyz")
    except ClusterError as error:
        if error.is_forbidden and "pods/proxy" in str(error):
            return [warning(subject, f"its /readyz may not be read by this account: {error}")]
        return [Finding(subject, f"its /readyz does not answer: {error}", command=logs)]
    return [*readiness_findings(subject, said, logs), *_restarts(pod, subject)] or [ok(subject, _summary(said))]


def readiness_findings(subject: str, said: JsonObject, logs: str = "") -> Iterator[Finding]:
    """What an answer of `/readyz` says is wrong (docs/availability.md has every field)."""
    if said.get("draining"):
        yield warning(subject, "is about to end: reviews no longer go there")
    if said.get("waiting"):
        yield Finding(subject, f"answers no review: {said['waiting']}", command=logs)
    if said.get("fault"):
        yield Finding(subject, f"works with the {said.get('configuration')}: {said['fault']}", command=logs)
    for kind in ("cluster", "configMaps"):
        yield from (Finding(subject, message, command=logs) for message in _lost(said.get(kind)))
    certificates = said.get("certificates") or {}
    if certificates.get("fault"):
        yield Finding(subject, f"cannot look after its certificates: {certificates['fault']}", command=logs)
    for name, fault in (certificates.get("registrations") or {}).items():
        if fault and certificates.get("holder"):
            yield Finding(subject, f"cannot keep the CA bundle of {name}: {fault}", command=logs)


def _lost(followed: Any) -> Iterator[str]:
    """Which resources are no longer followed, and why."""
    resources = (followed or {}).get("resources", followed) if isinstance(followed, dict) else {}
    for name, status in (resources or {}).items():
        if isinstance(status, dict) and status.get("connected") is False:
            age = f" for {status.get('age_seconds', 0):.0f} s" if status.get("known") else ", and never read them"
            yield f"no longer follows {name}{age}: {status.get('error')}"


def _summary(said: JsonObject) -> str:
    certificates = said.get("certificates") or {}
    role = ", holds the lease" if certificates.get("holder") else ""
    expires = f", its certificate ends {certificates['expires']}" if certificates.get("expires") else ""
    return f"is ready, with the {said.get('configuration') or 'current'} configuration{role}{expires}"


def _not_running(pod: Pod, subject: str) -> Finding | None:
    metadata, status = pod["metadata"], pod.get("status") or {}
    describe = f"kubectl describe pod -n {metadata['namespace']} {metadata['name']}"
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK:
            words = waiting.get("message") or "no message"
            return Finding(subject, f"container {each.get('name')}: {waiting['reason']}, {words}", command=describe)
    phase = status.get("phase") or "Unknown"
    if phase == "Running":
        return None
    unmet = [each for each in status.get("conditions") or () if each.get("status") == "False" and each.get("message")]
    message = f"is {phase}: {unmet[0]['message']}" if unmet else f"is {phase}"
    if phase == "Failed" or any(each.get("reason") == "Unschedulable" for each in unmet):
        return Finding(subject, message, command=describe)
    return warning(subject, message, describe)


def _restarts(pod: Pod, subject: str) -> Iterator[Finding]:
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (each.get("lastState") or {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            message = f"container {each.get('name')} ran out of memory; docs/scaling.md says what a cluster needs"
            yield Finding(subject, message, command="helm upgrade --reuse-values --set resources.limits.memory=1Gi")


def _port(pod: Pod) -> int:
    """The port of the server: the one named https."""
    listed = [port for each in pod["spec"].get("containers") or () for port in each.get("ports") or ()]
    return next((port["containerPort"] for port in listed if port.get("name") == _PORT_NAME), _DEFAULT_PORT)
