"""A case as text for a terminal: the decision, the rules looked at, the warnings, the diff."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from injector.core.model import Decision
from injector.manifests.files import title_of
from injector.preview.case import Case
from injector.preview.diff import diff_lines
from injector.preview.report import capture_plan, changes_of, decision_of
from injector.preview.warnings import warnings_of

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
