"""What a person should know before a workload runs with what injection makes of it: one table of warnings.

Each row looks at a preview and says, one line each, what is wrong and what to do about it.
"""

from collections.abc import Callable, Iterator

from injector.core.annotations import ANNOTATIONS, FAMILIES, LABELS
from injector.core.model import INIT_CONTAINER, PROXY_CONTAINER, VALIDATION_CONTAINER, Container, JsonObject
from injector.core.pod_validation import refusal_warning, refusals
from injector.core.pods import containers
from injector.reports.evaluate import Preview
from injector.reports.pod_security import ENFORCE_LABEL, LEVELS, Violation, required_level, violations

# Warnings about what a sidecar does to the network and to the life of a pod.

_JOBS = ("Job", "CronJob")
_PROXY_USER = 1337
_NATIVE = 'use native sidecars (annotation sidecar.istio.io/nativeSidecar: "true", Kubernetes 1.29 or newer)'


def no_network(preview: Preview) -> Iterator[str]:
    """Traffic is redirected before the proxy runs: init containers in between reach nothing.

    With istio-init that holds for those behind it, with the CNI plugin (istio-validation) for all. Not for containers
    that run as the proxy's user, whose traffic is not redirected.
    """
    if not preview.is_injected:
        return
    init = containers(preview.admission.pod, "initContainers")
    names = [each["name"] for each in init]
    own = {each["name"] for each in containers(preview.pod, "initContainers")}
    redirected = VALIDATION_CONTAINER in names
    for container in init:
        name = container["name"]
        if name == PROXY_CONTAINER:
            return
        redirected = redirected or name == INIT_CONTAINER
        if (
            redirected
            and name in own
            and name not in (INIT_CONTAINER, VALIDATION_CONTAINER)
            and not _is_proxy_s(container, preview.pod)
        ):
            yield (
                f"init container {name!r} will have no network: its traffic goes to a proxy that does not run yet; "
                f"{_NATIVE}, or run it as user {_PROXY_USER}"
            )


def unfinished_job(preview: Preview) -> Iterator[str]:
    """A Job is done when all of its containers are: a proxy that is one of them never ends."""
    names = {each["name"] for each in containers(preview.admission.pod)}
    if preview.is_injected and preview.document["kind"] in _JOBS and PROXY_CONTAINER in names:
        yield (
            f"this {preview.document['kind']} will not finish: {PROXY_CONTAINER} runs on when the work is done; "
            f"{_NATIVE}, or let the work end with a POST to http://localhost:15020/quitquitquit"
        )


def dns_policy(preview: Preview) -> Iterator[str]:
    """With another policy than the cluster's the proxy may not find the control plane (reference 1.3)."""
    policy = (preview.pod.get("spec") or {}).get("dnsPolicy")
    if preview.is_injected and policy not in (None, "", "ClusterFirst"):
        yield (
            f"dnsPolicy is {policy}: the proxy may not find services of the cluster, its control plane among them; "
            "use ClusterFirst, or name a resolver that knows them in dnsConfig"
        )


def _result(preview: Preview) -> JsonObject:
    return preview.admission.pod if preview.admission.allowed else preview.pod


def _ports(container: Container) -> list[JsonObject]:
    return container.get("ports") or []


def _is_proxy_s(container: Container, pod: JsonObject) -> bool:
    own = (container.get("securityContext") or {}).get("runAsUser")
    of_pod = ((pod.get("spec") or {}).get("securityContext") or {}).get("runAsUser")
    return bool((of_pod if own is None else own) == _PROXY_USER)


_BREACHES_SHOWN = 3


def warnings_of(preview: Preview) -> tuple[str, ...]:
    """All warnings about `preview`: the webhook's own first, then those of the table, each once."""
    return tuple(
        dict.fromkeys((*preview.admission.warnings, *(text for _, warn in WARNINGS for text in warn(preview))))
    )


def _on_the_workload(preview: Preview) -> Iterator[str]:
    """Injection reads the pod: what stands only on the object that makes pods has no effect."""
    kind, place = preview.document["kind"], preview.pod.get("metadata") or {}
    if kind == "Pod" or preview.admission.decision is None:
        return
    for field, known in (("annotations", ANNOTATIONS), ("labels", LABELS)):
        own, of_pod = (preview.document.get("metadata") or {}).get(field), place.get(field) or {}
        for name in own if isinstance(own, dict) else ():
            if name in known and name.partition("/")[0] in FAMILIES and name not in of_pod:
                yield f'{field[:-1]} "{name}" stands on the {kind} and has no effect there: move it to the pod template'


def _pod_security(preview: Preview) -> Iterator[str]:
    """Pods that the namespace's level does not allow are refused, after injection, by the API server."""
    metadata = (preview.namespace_object or {}).get("metadata") or {}
    enforced = (metadata.get("labels") or {}).get(ENFORCE_LABEL)
    if enforced not in LEVELS or not preview.is_injected:
        return
    found = list(violations(preview.admission.pod))
    needed = required_level(found)
    if LEVELS.index(needed) <= LEVELS.index(enforced):
        return
    too_much = sorted(
        (violation for violation in found if LEVELS.index(violation.level) >= LEVELS.index(enforced)),
        key=lambda violation: -LEVELS.index(violation.level),
    )
    yield (
        f"Pod Security: namespace {preview.namespace!r} enforces {enforced}, the injected pod needs {needed} "
        f"({_listed(too_much)}), so its pods will be refused: {_remedy(preview, too_much)}"
    )


def _remedy(preview: Preview, found: list[Violation]) -> str:
    added = {each["name"] for each in containers(preview.admission.pod, "initContainers")} - {
        each["name"] for each in containers(preview.pod, "initContainers")
    }
    if any(violation.where in added and "NET_ADMIN" in violation.what for violation in found):
        return "let the CNI plugin redirect traffic (--set values.pilot.cni.enabled=true)"
    return f"change what is named, or the namespace's label {ENFORCE_LABEL}"


def _listed(found: list[Violation]) -> str:
    shown = [f"{violation.where}: {violation.what}" for violation in found[:_BREACHES_SHOWN]]
    more = len(found) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def _refused(preview: Preview) -> Iterator[str]:
    """What the API server would refuse in the pod, whether injection is the cause or not."""
    if preview.admission.allowed and preview.pod:
        yield from map(refusal_warning, refusals(preview.admission.pod))


# The webhook's own warnings (misspelt names, what the API server would refuse as injected, conflicts with the proxy)
# come before these.
WARNINGS: tuple[tuple[str, Callable[[Preview], Iterator[str]]], ...] = (
    ("pods that the API server would refuse", _refused),
    ("annotations on the workload", _on_the_workload),
    ("init containers without network", no_network),
    ("jobs that do not finish", unfinished_job),
    ("DNS policy", dns_policy),
    ("Pod Security", _pod_security),
)
