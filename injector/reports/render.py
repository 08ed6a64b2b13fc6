"""A case as text for a terminal: the decision, the rules looked at, the warnings, the diff."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from injector.capture.arguments import ArgumentFaults, capture_of_pod
from injector.capture.system import shown
from injector.core.model import Decision, JsonObject
from injector.core.patch import diff
from injector.manifests.files import title_of
from injector.manifests.workloads import CREATED_FROM
from injector.reports.changes import Changes, changes_between, diff_lines, diff_text
from injector.reports.evaluate import Case
from injector.reports.warnings import warnings_of

# A case as the answer that people and programs read: one item for each workload (contract, `POST /preview`).

UNREADABLE_POD = "UnreadablePod"


def changes_of(case: Case) -> Changes:
    """What injection changes in the pods of a workload, with paths that begin at the workload."""
    if case.result is case.document:
        return {}
    prefix = ".".join((*CREATED_FROM[case.document["kind"]].spec[:-1], ""))
    return changes_between(case.pod, case.admission.pod, prefix)


def item_of(case: Case) -> JsonObject:
    """The item for `case`; `patch` turns `object` into `result`. `error` says why a pod would be refused."""
    return {
        "object": case.document,
        "namespace": case.namespace,
        "decision": _decision(case),
        "allowed": case.admission.allowed,
        "error": case.admission.message,
        "templates": list(case.admission.templates),
        "patch": [] if case.result is case.document else diff(case.document, case.result),
        "diff": diff_text(changes_of(case)),
        "result": case.result,
        "warnings": list(warnings_of(case)),
        "capture": capture_plan(case),
    }


def capture_plan(case: Case) -> str:
    """The redirection rules that the pod's init container would put in force; empty where it has none of this project.

    Arguments that are wrong show no rules: the container itself refuses them.
    """
    if not case.admission.allowed or case.admission.decision is None:
        return ""
    try:
        capture = capture_of_pod(case.admission.pod)
    except ArgumentFaults:
        return ""
    return "" if capture is None else shown(capture)


def decision_of(case: Case) -> Decision:
    """The decision; for what is no readable pod one that says so."""
    unreadable = Decision(inject=False, reason=UNREADABLE_POD, message=case.admission.message)
    return case.admission.decision or unreadable


def _decision(case: Case) -> JsonObject:
    decision = decision_of(case)
    return {
        "inject": decision.inject,
        "reason": decision.reason,
        "message": decision.message,
        "trace": [result._asdict() for result in decision.trace],
    }


Paint: TypeAlias = Callable[[str, str], str]
"""From a text and one of the keys of STYLES to the text as the terminal takes it."""

STYLES: Mapping[str, dict[str, Any]] = {
    "title": {"bold": True},
    "inject": {"fg": "green"},
    "skip": {"fg": "yellow"},
    "refuse": {"fg": "red"},
    "warning": {"fg": "yellow"},
    "group": {"bold": True},
    "hunk": {"fg": "cyan"},
    "+": {"fg": "green"},
    "-": {"fg": "red"},
    "dim": {"dim": True},
}
_LINE_STYLES = {"#": "group", "@": "hunk", "+": "+", "-": "-"}
_LONGEST_LINE = 160


def plain(text: str, _: str) -> str:
    """No colours."""
    return text


def terminal_text(case: Case, paint: Paint = plain) -> str:
    """The whole text for one workload, with a blank line behind it."""
    diff = diff_as_shown(diff_lines(changes_of(case)), paint)
    lines = (*_head(case, paint), *trace_lines(decision_of(case), paint), *_warnings(case, paint), *diff)
    plan = capture_plan(case)
    lines = (*lines, "# traffic capture", *plan.splitlines()) if plan else lines
    return "".join(f"{line}\n" for line in (*lines, ""))


def title_of_case(case: Case) -> str:
    """How messages name a workload, with the namespace that it is in."""
    metadata = case.document.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    name = str(found.get("name") or found.get("generateName") or "")
    return title_of({"kind": case.document["kind"], "metadata": {"namespace": case.namespace, "name": name}})


def _head(case: Case, paint: Paint) -> Iterator[str]:
    decision = decision_of(case)
    word = "refuse" if not case.admission.allowed else "inject" if decision.inject else "skip"
    yield f"{paint(title_of_case(case), 'title')}: {paint(word, word)}, {decision.reason}: {decision.message}"
    if not case.admission.allowed and case.admission.decision:
        yield from (paint(line, "refuse") for line in case.admission.message.splitlines())


def trace_lines(decision: Decision, paint: Paint) -> Iterator[str]:
    """Every rule that was looked at, in order; the one that decided is marked."""
    for result in decision.trace:
        line = f"  {'>' if result.decided else ' '} {result.rule:22} {result.message}"
        yield line if result.decided else paint(line, "dim")


def _warnings(case: Case, paint: Paint) -> Iterator[str]:
    yield from (paint(f"  ! {warning}", "warning") for warning in warnings_of(case))


def diff_as_shown(lines: Iterable[str], paint: Paint) -> Iterator[str]:
    """The lines of a diff in their colours; of very long ones the beginning."""
    for line in lines:
        shown = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}... ({len(line)} characters)"
        style = _LINE_STYLES.get(line[:1])
        yield paint(shown, style) if style else shown
