"""What was done to a pod, as its record says, against what would be done to it now."""

from collections.abc import Iterator
from dataclasses import dataclass

from injector.core.admission import admit_request, remove_injection, subject_of
from injector.core.model import STATUS_ANNOTATION, Admission, InjectionError, Pod, Snapshot
from injector.core.pods import annotations, with_metadata
from injector.core.reinjection.status import Status, read_status, refuse_foreign_status
from injector.core.setup import Setup
from injector.manifests.workloads import title_of
from injector.reports.changes import Changes, changes_between, diff_lines
from injector.reports.defaults import without_defaults
from injector.reports.evaluate import request_for
from injector.reports.paint import Paint, plain
from injector.reports.render import diff_as_shown, trace_lines


@dataclass(frozen=True, slots=True)
class Explanation:
    """The record that a pod carries, and the answer to the same pod now.

    `recorded` is None where the pod was not injected. `now` is the answer to the pod as it was before, `differences`
    say one line each how it is another one, `changes` what in the pod itself would be different.
    """

    namespace: str
    recorded: Status | None
    now: Admission
    differences: tuple[str, ...]
    changes: Changes

    @property
    def differs(self) -> bool:
        """Whether the pod would come out another one if it were created now."""
        return bool(self.differences or self.changes)


def explain(pod: Pod, namespace: str, setup: Setup, snapshot: Snapshot) -> Explanation:
    """The explanation of `pod`, which runs in `namespace`. Raises InjectionError where its record cannot be read."""
    recorded = read_status(pod)
    if recorded is not None:
        refuse_foreign_status(pod, recorded)
    before = remove_injection(subject_of(request_for(pod, namespace), snapshot), setup, snapshot).pod
    now = admit_request(request_for(before, namespace), setup, snapshot)
    changes: Changes = {}
    if recorded and _is_injected(now):
        # Injecting the injected changes nothing under the same configuration, whatever the API server filled in.
        again = admit_request(request_for(pod, namespace), setup, snapshot)
        if not again.allowed:
            raise InjectionError(again.message)
        if again.pod is not pod:
            changes = changes_between(_comparable(pod), _comparable(again.pod))
    return Explanation(namespace, recorded, now, tuple(_differences(recorded, now)), changes)


def _comparable(pod: Pod) -> Pod:
    """The pod without what says nothing about its sidecar: what the API server fills in, and the record itself."""
    own = {name: value for name, value in annotations(pod).items() if name != STATUS_ANNOTATION}
    return without_defaults(with_metadata(pod, "annotations", own))


def _is_injected(admission: Admission) -> bool:
    return admission.allowed and admission.decision is not None and admission.decision.inject


def _differences(recorded: Status | None, now: Admission) -> Iterator[str]:
    if not now.allowed:
        yield f"the pod would be refused: {now.message}"
        return
    status = read_status(now.pod) if _is_injected(now) else None
    if recorded is None or status is None:
        if recorded is not None:
            yield "the pod was injected and would not be now"
        elif status is not None:
            yield "the pod was not injected and would be now"
        return
    for which, names in status.names.items():
        for name in set(recorded.names[which]) - set(names):
            yield f"{which}: {name} was injected and would not be now"
        for name in set(names) - set(recorded.names[which]):
            yield f"{which}: {name} was not injected and would be now"
    if recorded.revision != status.revision:
        yield f"the revision was {recorded.revision} and would be {status.revision}"


# An explanation as text for a terminal.


def explanation_text(pod: Pod, found: Explanation, paint: Paint = plain) -> str:
    """The whole text about `pod`."""
    name = (pod.get("metadata") or {}).get("name") or ""
    title = title_of({"kind": "Pod", "metadata": {"namespace": found.namespace, "name": name}})
    lines = (paint(title, "title"), *_record(found), *_now(found, paint), *_verdict(found, paint))
    return "".join(f"{line}\n" for line in lines)


def _record(found: Explanation) -> Iterator[str]:
    if found.recorded is None:
        yield "then: not injected, the pod carries no record of an injection"
        return
    names = ", ".join((*found.recorded.names["initContainers"], *found.recorded.names["containers"]))
    yield f"then: injected by revision {found.recorded.revision or 'unknown'}: {names}"


def _now(found: Explanation, paint: Paint) -> Iterator[str]:
    decision = found.now.decision
    if decision is None:
        yield f"now:  {found.now.message}"
        return
    yield f"now:  {'inject' if decision.inject else 'skip'}, {decision.reason}: {decision.message}"
    yield from trace_lines(decision, paint)


def _verdict(found: Explanation, paint: Paint) -> Iterator[str]:
    if not found.differs:
        yield paint("The answer would be the same.", "inject")
        return
    yield paint("The answer would differ:", "skip")
    yield from (f"  {line}" for line in found.differences)
    yield from diff_as_shown(diff_lines(found.changes), paint)
