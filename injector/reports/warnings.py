"""What a person should know before a workload runs with what injection makes of it: one table of warnings.

Each row looks at a case and says, one line each, what is wrong and what to do about it.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from injector.core.annotations import ANNOTATIONS, FAMILIES, LABELS
from injector.core.model import INIT_CONTAINER, PROXY_CONTAINER, VALIDATION_CONTAINER, Container, JsonObject
from injector.core.pods import all_containers, containers
from injector.core.prometheus import RESERVED_PORTS
from injector.reports.evaluate import Case
from injector.reports.pod_security import ENFORCE_LABEL, LEVELS, Breach, breaches, level_needed

# Warnings about what a sidecar does to the network and to the life of a pod.

_JOBS = ("Job", "CronJob")
_PROXY_USER = 1337
_NATIVE = 'use native sidecars (annotation sidecar.istio.io/nativeSidecar: "true", Kubernetes 1.29 or newer)'


def no_network(case: Case) -> Iterator[str]:
    """Traffic is redirected before the proxy runs: init containers in between reach nothing.

    With istio-init that holds for those behind it, with the CNI plugin (istio-validation) for all. Not for containers
    that run as the proxy's user, whose traffic is not redirected.
    """
    if not case.is_injected:
        return
    init = containers(case.admission.pod, "initContainers")
    names = [each["name"] for each in init]
    own = {each["name"] for each in containers(case.pod, "initContainers")}
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
            and not _is_proxy_s(container, case.pod)
        ):
            yield (
                f"init container {name!r} will have no network: its traffic goes to a proxy that does not run yet; "
                f"{_NATIVE}, or run it as user {_PROXY_USER}"
            )


def unfinished_job(case: Case) -> Iterator[str]:
    """A Job is done when all of its containers are: a proxy that is one of them never ends."""
    names = {each["name"] for each in containers(case.admission.pod)}
    if case.is_injected and case.document["kind"] in _JOBS and PROXY_CONTAINER in names:
        yield (
            f"this {case.document['kind']} will not finish: {PROXY_CONTAINER} runs on when the work is done; "
            f"{_NATIVE}, or let the work end with a POST to http://localhost:15020/quitquitquit"
        )


def dns_policy(case: Case) -> Iterator[str]:
    """With another policy than the cluster's the proxy may not find the control plane (reference 1.3)."""
    policy = (case.pod.get("spec") or {}).get("dnsPolicy")
    if case.is_injected and policy not in (None, "", "ClusterFirst"):
        yield (
            f"dnsPolicy is {policy}: the proxy may not find services of the cluster, its control plane among them; "
            "use ClusterFirst, or name a resolver that knows them in dnsConfig"
        )


def host_port_clash(case: Case) -> Iterator[str]:
    """Two containers of one pod cannot have the same port of the node."""
    found = Counter(
        (port["hostPort"], str(port.get("protocol") or "TCP"), str(port.get("hostIP") or ""))
        for _, _, container in all_containers(_result(case))
        for port in _ports(container)
        if isinstance(port.get("hostPort"), int) and port["hostPort"]
    )
    for (port, protocol, _), count in found.items():
        if count > 1:
            yield f"hostPort {port}/{protocol} is claimed {count} times: no node can run this pod; keep one of them"


def proxy_port_clash(case: Case) -> Iterator[str]:
    """The proxy listens on ports of the pod; an application that wants one of them cannot start (reference 11.2)."""
    if not case.is_injected or _proxy_of(case) is None:
        return
    for _, _, container in all_containers(case.pod):
        for port in _ports(container) if container["name"] != PROXY_CONTAINER else ():
            number = port.get("containerPort")
            use = RESERVED_PORTS.get(number) if isinstance(number, int) else None
            if use:
                yield (
                    f"container {container['name']!r} listens on port {number}, which the proxy needs "
                    f"({use}): let the application use another port"
                )


def _result(case: Case) -> JsonObject:
    return case.admission.pod if case.admission.allowed else case.pod


def _proxy_of(case: Case) -> Container | None:
    pod = case.admission.pod
    return next((each for _, _, each in all_containers(pod) if each["name"] == PROXY_CONTAINER), None)


def _ports(container: Container) -> list[JsonObject]:
    return container.get("ports") or []


def _is_proxy_s(container: Container, pod: JsonObject) -> bool:
    own = (container.get("securityContext") or {}).get("runAsUser")
    of_pod = ((pod.get("spec") or {}).get("securityContext") or {}).get("runAsUser")
    return bool((of_pod if own is None else own) == _PROXY_USER)


_BREACHES_SHOWN = 3


def warnings_of(case: Case) -> tuple[str, ...]:
    """All warnings about `case`: the webhook's own first, then those of the table."""
    return (*case.admission.warnings, *(text for _, warn in WARNINGS for text in warn(case)))


def _on_the_workload(case: Case) -> Iterator[str]:
    """Injection reads the pod: what stands only on the object that makes pods has no effect."""
    kind, place = case.document["kind"], case.pod.get("metadata") or {}
    if kind == "Pod" or case.admission.decision is None:
        return
    for field, known in (("annotations", ANNOTATIONS), ("labels", LABELS)):
        own, of_pod = (case.document.get("metadata") or {}).get(field), place.get(field) or {}
        for name in own if isinstance(own, dict) else ():
            if name in known and name.partition("/")[0] in FAMILIES and name not in of_pod:
                yield f'{field[:-1]} "{name}" stands on the {kind} and has no effect there: move it to the pod template'


def _pod_security(case: Case) -> Iterator[str]:
    """Pods that the namespace's level does not allow are refused, after injection, by the API server."""
    metadata = (case.namespace_object or {}).get("metadata") or {}
    enforced = (metadata.get("labels") or {}).get(ENFORCE_LABEL)
    if enforced not in LEVELS or not case.is_injected:
        return
    found = list(breaches(case.admission.pod))
    needed = level_needed(found)
    if LEVELS.index(needed) <= LEVELS.index(enforced):
        return
    too_much = sorted(
        (breach for breach in found if LEVELS.index(breach.level) >= LEVELS.index(enforced)),
        key=lambda breach: -LEVELS.index(breach.level),
    )
    yield (
        f"Pod Security: namespace {case.namespace!r} enforces {enforced}, the injected pod needs {needed} "
        f"({_listed(too_much)}), so its pods will be refused: {_remedy(case, too_much)}"
    )


def _remedy(case: Case, found: list[Breach]) -> str:
    added = {each["name"] for each in containers(case.admission.pod, "initContainers")} - {
        each["name"] for each in containers(case.pod, "initContainers")
    }
    if any(breach.where in added and "NET_ADMIN" in breach.what for breach in found):
        return "let the CNI plugin redirect traffic (--set values.pilot.cni.enabled=true)"
    return f"change what is named, or the namespace's label {ENFORCE_LABEL}"


def _listed(found: list[Breach]) -> str:
    shown = [f"{breach.where}: {breach.what}" for breach in found[:_BREACHES_SHOWN]]
    more = len(found) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


# Misspelt names, and labels that should be annotations, are the webhook's own warnings (core.spelling).
WARNINGS: tuple[tuple[str, Callable[[Case], Iterator[str]]], ...] = (
    ("annotations on the workload", _on_the_workload),
    ("init containers without network", no_network),
    ("jobs that do not finish", unfinished_job),
    ("DNS policy", dns_policy),
    ("hostPort clash", host_port_clash),
    ("port clash with the proxy", proxy_port_clash),
    ("Pod Security", _pod_security),
)
