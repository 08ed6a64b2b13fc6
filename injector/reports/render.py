"""A preview as text for a terminal: the decision, the rules looked at, the warnings, the diff."""

from collections.abc import Iterable, Iterator

from injector.capture.arguments import ArgumentFaults, capture_of_pod
from injector.capture.system import shown
from injector.core.model import Decision, JsonObject
from injector.core.patch import diff
from injector.core.reasons import UNREADABLE_POD
from injector.manifests.files import title_of
from injector.manifests.workloads import CREATED_FROM
from injector.reports.changes import Changes, changes_between, diff_lines, diff_text
from injector.reports.evaluate import Preview
from injector.reports.paint import Paint, plain
from injector.reports.warnings import warnings_of

# A preview as the answer that people and programs read: one item for each workload (contract, `POST /preview`).


def preview_changes(preview: Preview) -> Changes:
    """What injection changes in the pods of a workload, with paths that begin at the workload."""
    if preview.result is preview.document:
        return {}
    prefix = ".".join((*CREATED_FROM[preview.document["kind"]].spec[:-1], ""))
    return changes_between(preview.pod, preview.admission.pod, prefix)


def preview_item(preview: Preview) -> JsonObject:
    """The item for `preview`; `patch` turns `object` into `result`. `error` says why a pod would be refused."""
    return {
        "object": preview.document,
        "namespace": preview.namespace,
        "decision": _decision(preview),
        "allowed": preview.admission.allowed,
        "error": preview.admission.message,
        "templates": list(preview.admission.templates),
        "patch": [] if preview.result is preview.document else diff(preview.document, preview.result),
        "diff": diff_text(preview_changes(preview)),
        "result": preview.result,
        "warnings": list(warnings_of(preview)),
        "capture": capture_plan(preview),
    }


def capture_plan(preview: Preview) -> str:
    """The redirection rules that the pod's init container would put in force; empty where it has none of this project.

    Arguments that are wrong show no rules: the container itself refuses them.
    """
    if not preview.admission.allowed or preview.admission.decision is None:
        return ""
    try:
        capture = capture_of_pod(preview.admission.pod)
    except ArgumentFaults:
        return ""
    return "" if capture is None else shown(capture)


def decision_of(preview: Preview) -> Decision:
    """The decision; for what is no readable pod one that says so."""
    unreadable = Decision(inject=False, reason=UNREADABLE_POD, message=preview.admission.message)
    return preview.admission.decision or unreadable


def _decision(preview: Preview) -> JsonObject:
    decision = decision_of(preview)
    return {
        "inject": decision.inject,
        "reason": decision.reason,
        "message": decision.message,
        "trace": [result._asdict() for result in decision.trace],
    }


_LINE_STYLES = {"#": "group", "@": "hunk", "+": "+", "-": "-"}
_LONGEST_LINE = 160


def preview_text(preview: Preview, paint: Paint = plain) -> str:
    """The whole text for one workload, with a blank line behind it."""
    diff = diff_as_shown(diff_lines(preview_changes(preview)), paint)
    lines = (*_head(preview, paint), *trace_lines(decision_of(preview), paint), *_warnings(preview, paint), *diff)
    plan = capture_plan(preview)
    lines = (*lines, "# traffic capture", *plan.splitlines()) if plan else lines
    return "".join(f"{line}\n" for line in (*lines, ""))


def preview_title(preview: Preview) -> str:
    """How messages name a workload, with the namespace that it is in."""
    metadata = preview.document.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    name = str(found.get("name") or found.get("generateName") or "")
    return title_of({"kind": preview.document["kind"], "metadata": {"namespace": preview.namespace, "name": name}})


def _head(preview: Preview, paint: Paint) -> Iterator[str]:
    decision = decision_of(preview)
    word = "refuse" if not preview.admission.allowed else "inject" if decision.inject else "skip"
    yield f"{paint(preview_title(preview), 'title')}: {paint(word, word)}, {decision.reason}: {decision.message}"
    if not preview.admission.allowed and preview.admission.decision:
        yield from (paint(line, "refuse") for line in preview.admission.message.splitlines())


def trace_lines(decision: Decision, paint: Paint) -> Iterator[str]:
    """Every rule that was looked at, in order; the one that decided is marked."""
    for result in decision.trace:
        line = f"  {'>' if result.decided else ' '} {result.rule:22} {result.message}"
        yield line if result.decided else paint(line, "dim")


def _warnings(preview: Preview, paint: Paint) -> Iterator[str]:
    yield from (paint(f"  ! {warning}", "warning") for warning in warnings_of(preview))


def diff_as_shown(lines: Iterable[str], paint: Paint) -> Iterator[str]:
    """The lines of a diff in their colours; of very long ones the beginning."""
    for line in lines:
        shown = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}... ({len(line)} characters)"
        style = _LINE_STYLES.get(line[:1])
        yield paint(shown, style) if style else shown
