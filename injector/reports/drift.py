"""Pods that are not what injection would make of them now, in groups of one workload and one problem."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from injector.core.model import InjectionError, Pod, Snapshot
from injector.core.pod_schema import pod_faults
from injector.core.pods import workload_of
from injector.core.reinjection.status import read_status
from injector.core.setup import Setup
from injector.reports.explain import Explanation, explain
from injector.reports.paint import Paint, plain
from injector.reports.policies import CurrentPolicies

# What is wrong with a pod, worst first.
PROBLEMS = {
    "missing": "the pod should carry a sidecar and does not",
    "refused": "the pod would be refused if it were created now",
    "different": "the pod carries another sidecar than it would get now",
    "surplus": "the pod carries a sidecar and would not get one now",
    "twice": "a policy and the webhook both inject the template",
}
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with the pods `pods` of one workload: a key of `PROBLEMS`, and how it shows, one line each."""

    namespace: str
    workload: str
    problem: str
    pods: tuple[str, ...]
    details: tuple[str, ...]


def drift(pods: Iterable[Pod], setup: Setup, snapshot: Snapshot) -> list[Finding]:
    """The findings about `pods`, worst first, then by namespace and workload.

    Pods that have ended or are about to go are left out: nothing becomes of them any more.
    """
    policies = CurrentPolicies(setup.config)
    grouped: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    for pod in pods:
        namespace, name = place_of(pod)
        faults = tuple(pod_faults(pod))
        if faults:
            grouped.setdefault((namespace, f"Pod/{name}", "refused", faults), []).append(name)
        elif _is_alive(pod):
            for problem, details in _problems(pod, namespace, setup, snapshot, policies):
                grouped.setdefault((namespace, _workload(pod, namespace), problem, details), []).append(name)
    found = [
        Finding(namespace, workload, problem, tuple(sorted(names)), details)
        for (namespace, workload, problem, details), names in grouped.items()
    ]
    order = list(PROBLEMS)
    return sorted(found, key=lambda each: (order.index(each.problem), each.namespace, each.workload))


def place_of(pod: Any) -> tuple[str, str]:
    """The namespace and the name of a pod, of whatever shape it is: `default`, and no name, where it has none."""
    metadata = pod.get("metadata") if isinstance(pod, dict) else None
    found = (metadata.get(key) if isinstance(metadata, dict) else None for key in ("namespace", "name"))
    namespace, name = (each if isinstance(each, str) else "" for each in found)
    return namespace or "default", name


def _is_alive(pod: Pod) -> bool:
    status = pod.get("status")
    phase = status.get("phase") if isinstance(status, dict) else None
    return phase not in _ENDED and not (pod.get("metadata") or {}).get("deletionTimestamp")


def _workload(pod: Pod, namespace: str) -> str:
    workload = workload_of(pod, namespace)
    return f"{workload.kind}/{workload.name}"


def _problems(
    pod: Pod, namespace: str, setup: Setup, snapshot: Snapshot, policies: CurrentPolicies
) -> Iterator[tuple[str, tuple[str, ...]]]:
    by_policy = policies.templates_of(pod)
    if by_policy:
        changed = tuple(policies.changes(pod))
        if changed:
            yield "different", changed
        if by_policy.issuperset(policies.wanted_by(pod)):
            if read_status(pod) is not None:
                yield "twice", tuple(f"template {name!r}" for name in sorted(by_policy))
            return
    try:
        explanation = explain(pod, namespace, setup, snapshot)
    except InjectionError as error:
        yield "refused", (str(error),)
        return
    except Exception as error:  # noqa: BLE001 -- one pod must not end the report on all others
        yield "refused", (f"it cannot be looked at: {type(error).__name__}: {error}",)
        return
    if not explanation.now.allowed:
        yield "refused", (explanation.now.message,)
    elif explanation.differs:
        yield _problem_of(explanation), (*explanation.differences, *_changed_places(explanation))


def _problem_of(explanation: Explanation) -> str:
    if explanation.recorded is None:
        return "missing"
    decision = explanation.now.decision
    return "different" if decision is not None and decision.inject else "surplus"


def _changed_places(explanation: Explanation) -> Iterator[str]:
    for changes in explanation.changes.values():
        yield from (each.parent if each.key is None else f"{each.parent}.{each.key}" for each in changes)


# What makes the pods of these kinds anew: `kubectl rollout restart`.
_RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")


def restart_names(findings: Iterable[Finding]) -> tuple[list[str], list[str]]:
    """The workloads to restart, as arguments of `kubectl rollout restart`, and the names of what it cannot restart.

    A pod that would be refused is left alone: without it nothing would run in its place.
    """
    names, others = list[str](), list[str]()
    for finding in findings:
        kind, _, name = finding.workload.partition("/")
        if kind in _RESTARTABLE and finding.problem != "refused":
            names.append(f"{kind.lower()}/{name} --namespace={finding.namespace}")
        else:
            others.append(f"{finding.namespace}/{finding.workload} ({finding.problem})")
    return list(dict.fromkeys(names)), list(dict.fromkeys(others))


# Findings about a cluster's pods as text for a terminal.

_DETAILS_SHOWN = 8


def drift_text(findings: Sequence[Finding], looked_at: int, paint: Paint = plain) -> str:
    """The whole report; `looked_at` is the number of pods."""
    return "".join(f"{line}\n" for line in _lines(findings, looked_at, paint))


def _lines(findings: Sequence[Finding], looked_at: int, paint: Paint) -> Iterator[str]:
    for finding in findings:
        yield paint(f"{finding.namespace}/{finding.workload}: {finding.problem}", "title")
        yield f"  {PROBLEMS[finding.problem]}: {', '.join(finding.pods)}"
        yield from (f"    {line}" for line in finding.details[:_DETAILS_SHOWN])
        left_out = len(finding.details) - _DETAILS_SHOWN
        if left_out > 0:
            yield f"    and {left_out} more; `injector explain {finding.namespace}/{finding.pods[0]}` shows them"
    if not findings:
        yield paint(f"No drift: {looked_at} pods are what injection would make of them now.", "inject")
        return
    count = sum(len(finding.pods) for finding in findings)
    yield paint(f"Drift: {count} of {looked_at} pods. They change when they are created anew.", "skip")
