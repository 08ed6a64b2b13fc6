"""Findings about a cluster's pods as text for a terminal."""

from collections.abc import Iterator, Sequence

from injector.preview.drift import PROBLEMS, Finding
from injector.preview.terminal import Paint, plain

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
