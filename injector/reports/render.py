"""A preview as text for a terminal: the decision, the rules looked at, the warnings, the diff."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from injector.capture.arguments import ArgumentFaults, capture_of_pod
from injector.capture.system import shown
from injector.core.model import Decision, JsonObject
from injector.core.patch import diff
from injector.core.reasons import UNREADABLE_POD
from injector.manifests.workloads import pod_places, title_of
from injector.reports.changes import Changes, changes_between, diff_lines, diff_text
from injector.reports.evaluate import Preview
from injector.reports.paint import Paint, plain
from injector.reports.warnings import warnings_of

# A preview as the answer that people and programs read: one item for each workload (contract, `POST /preview`).


def preview_changes(preview: Preview) -> Changes:
    """What injection changes in the pods of a workload, with paths that begin at the workload."""
    if preview.result is preview.document:
        return {}
    path = preview.place.path
    return changes_between(preview.pod, preview.admission.pod, f"{path}." if path else "")


def preview_item(preview: Preview) -> JsonObject:
    """The item for `preview`; `patch` turns `object` into `result`. `error` says why a pod would be refused."""
    return {
        "object": preview.document,
        **_outcome(preview),
        "decision": _decision(preview),
        "patch": [] if preview.result is preview.document else diff(preview.document, preview.result),
        "diff": diff_text(preview_changes(preview)),
        "result": preview.result,
        "capture": capture_plan(preview),
    }


def preview_brief(preview: Preview) -> JsonObject:
    """What a list of workloads shows of `preview`: the item without its objects, its rules and its change."""
    decision = decision_of(preview)
    return {
        "kind": preview.document["kind"],
        "name": _name_of(preview),
        **_outcome(preview),
        "decision": {"inject": decision.inject, "reason": decision.reason, "message": decision.message},
    }


def _outcome(preview: Preview) -> JsonObject:
    return {
        "namespace": preview.namespace,
        "path": preview.place.path,
        "allowed": preview.admission.allowed,
        "error": preview.admission.message,
        "templates": list(preview.admission.templates),
        "warnings": list(warnings_of(preview)),
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
    """The decision; for what is no readable pod one that says so.

    Where the namespace is not known, a pod that does not ask for it by its label is injected only if that opts in.
    """
    decision = preview.admission.decision
    if decision is None:
        return Decision(inject=False, reason=UNREADABLE_POD, message=preview.admission.message)
    if decision.inject and preview.namespace_object is None and decision.reason != "PodLabel":
        return replace(decision, message=f"{decision.message}, if namespace {preview.namespace!r} opts in")
    return decision


def outcome_of(preview: Preview) -> str:
    """What becomes of the workload's pods, in a word: inject, skip or refuse."""
    if not preview.admission.allowed:
        return "refuse"
    return "inject" if preview.is_injected else "skip"


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
    lines = (*head_lines(preview, paint), *trace_lines(decision_of(preview), paint), *_warnings(preview, paint), *diff)
    plan = capture_plan(preview)
    lines = (*lines, "# traffic capture", *plan.splitlines()) if plan else lines
    return "".join(f"{line}\n" for line in (*lines, ""))


def preview_title(preview: Preview) -> str:
    """How messages name a workload, with the namespace that it is in, and its pod template where it has several."""
    name = _name_of(preview)
    title = title_of({"kind": preview.document["kind"], "metadata": {"namespace": preview.namespace, "name": name}})
    several = len(list(pod_places(preview.document))) > 1
    return f"{title} {preview.place.path}" if several else title


def _name_of(preview: Preview) -> str:
    metadata = preview.document.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    return str(named.get("name") or named.get("generateName") or "")


def head_lines(preview: Preview, paint: Paint) -> Iterator[str]:
    """What becomes of the workload and why, in a line; and the words with which its pods are refused."""
    decision = decision_of(preview)
    word = outcome_of(preview)
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


# Many previews at a glance: one line each, or counted.

_COLUMNS = ("NAMESPACE", "WORKLOAD", "DECISION", "REASON", "TEMPLATES", "WARNINGS")


def table_text(previews: Sequence[Preview], paint: Paint = plain) -> str:
    """One line for each workload, as `kubectl get` writes it."""
    rows = [_COLUMNS, *map(_row, previews)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    styles = ["title", *map(outcome_of, previews)]
    return "".join(f"{paint(line, style)}\n" for line, style in zip(lines, styles, strict=True))


def _row(preview: Preview) -> tuple[str, ...]:
    return (
        preview.namespace,
        f"{preview.document['kind']}/{_name_of(preview)}",
        outcome_of(preview),
        decision_of(preview).reason,
        ",".join(preview.admission.templates) or "-",
        str(len(warnings_of(preview)) or "-"),
    )


def summary(previews: Sequence[Preview]) -> JsonObject:
    """The workloads counted by what becomes of them and why, the most frequent first; and their warnings."""
    counts = Counter((outcome_of(preview), decision_of(preview).reason) for preview in previews)
    return {
        "workloads": len(previews),
        "outcomes": [
            {"outcome": outcome, "reason": reason, "count": count} for (outcome, reason), count in counts.most_common()
        ],
        "warnings": sum(len(warnings_of(preview)) for preview in previews),
    }


def summary_text(counts: JsonObject, paint: Paint = plain) -> str:
    """What `summary` counted, as text."""
    numbers = (f"{counts[name]} {name if counts[name] != 1 else name[:-1]}" for name in ("workloads", "warnings"))
    head = paint(", ".join(numbers), "title")
    rows = (f"{each['count']:8} {each['outcome']:8} {each['reason']}" for each in counts["outcomes"])
    lines = [head, *(paint(row, each["outcome"]) for row, each in zip(rows, counts["outcomes"], strict=True))]
    return "".join(f"{line}\n" for line in lines)
