"""What a person should know before a workload runs with what injection makes of it: one table of warnings.

Each row looks at a case and says, one line each, what is wrong and what to do about it.
"""

from collections.abc import Callable, Iterator

from injector.core.annotations import ANNOTATIONS, FAMILIES, LABELS
from injector.core.pods import containers
from injector.preview.case import Case
from injector.preview.network_warnings import dns_policy, host_port_clash, no_network, proxy_port_clash, unfinished_job
from injector.preview.pod_security import ENFORCE_LABEL, LEVELS, Breach, breaches, level_needed

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
