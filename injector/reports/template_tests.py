"""Tests of templates: workloads in, workloads expected, and what differs between the two.

A workload goes the webhook's own way, as for a preview. The annotations with the injection's records are left out of
results: they have a digest of the whole configuration, which is not what such a test is about.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from injector.core.model import EMPTY_SNAPSHOT, OVERRIDES_ANNOTATION, STATUS_ANNOTATION, JsonObject, Snapshot
from injector.core.pod_validation import refusals
from injector.core.setup import Setup
from injector.core.yaml.writer import write
from injector.manifests.workloads import pod_places, title_of
from injector.reports.changes import changes_between, diff_lines
from injector.reports.documents import Document
from injector.reports.evaluate import Preview, PreviewOptions, preview_documents
from injector.reports.paint import Paint, plain

DEFAULT_OPTIONS = PreviewOptions()
REFUSAL = "Refusal"
"""The kind of an expected document in place of a workload whose pods are to be refused; `message` says why."""

# Characters that no XML document may have: https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Trial:
    """What the tests of a folder have in common: the configuration, the cluster, and what is asked beside."""

    setup: Setup
    snapshot: Snapshot = EMPTY_SNAPSHOT
    options: PreviewOptions = DEFAULT_OPTIONS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: `failures` has the lines that say why it failed, `result` the text to expect.

    `result` is None where a pod is refused that should not be: nobody may come to expect that unseen.
    """

    name: str
    failures: tuple[str, ...]
    result: str | None

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures


def run_test(name: str, given: list[Document], expected: list[Document] | None, trial: Trial) -> Outcome:
    """Inject the workloads among `given`, and compare them with the `expected` ones, None where nobody wrote any.

    Namespaces and Nodes among `given` count as the cluster's. Raises UnreadableInputError for one that cannot be used.
    """
    previews = list(preview_documents(given, trial.options, trial.setup, trial.snapshot))
    if not previews:
        return Outcome(name, ("there is no workload in it: expected a Pod, or an object with a pod template",), None)
    wanted = [document.object for document in expected or ()]
    pairs = list(zip_longest(previews, wanted))
    unforeseen = [line for preview, want in pairs for line in _unforeseen(preview, want)]
    text = None if unforeseen else "---\n".join(write(_result(preview)) for preview in previews)
    if expected is None:
        return Outcome(name, (*unforeseen, "nobody wrote what to expect: --update writes the result, to be read"), text)
    return Outcome(
        name, (*unforeseen, *(line for preview, want in pairs for line in _differences(preview, want))), text
    )


def _result(preview: Preview) -> JsonObject:
    if preview.admission.allowed:
        return without_records(preview.result)
    return {"kind": REFUSAL, "message": preview.admission.message}


def _is_refusal(wanted: JsonObject | None) -> bool:
    return wanted is not None and wanted["kind"] == REFUSAL


def _unforeseen(preview: Preview | None, wanted: JsonObject | None) -> Iterator[str]:
    """What makes a result one that nobody can want: a refusal that is not expected, or a pod that cannot be created."""
    if preview is None:
        return
    title, admission = title_of(preview.document), preview.admission
    if not admission.allowed:
        if not _is_refusal(wanted):
            yield f"{title} is refused: {admission.message}"
        return
    before = set(refusals(preview.pod))
    for refusal in refusals(admission.pod):
        if refusal not in before:
            yield f"{title}: the API server would refuse the result: {refusal}"


def _differences(preview: Preview | None, wanted: JsonObject | None) -> Iterator[str]:
    """The lines that say how the result for a workload differs from what is expected."""
    if preview is None:
        yield f"{title_of(wanted or {})} is expected, and no workload is left"
        return
    title = title_of(preview.document)
    if wanted is None:
        yield f"{title} is not expected"
    elif _is_refusal(wanted):
        message = str(wanted.get("message") or "")
        if preview.admission.allowed:
            yield f"{title} is not refused; expected: {message}"
        elif message not in preview.admission.message:
            yield f"{title} is refused with {preview.admission.message!r}, expected {message!r}"
    elif preview.admission.allowed:
        result = without_records(preview.result)
        if result != wanted:
            yield f"{title} differs (- expected, + result):"
            yield from _diff(wanted, result)


def _diff(wanted: JsonObject, result: JsonObject) -> Iterator[str]:
    """The differences by field; all of both where other fields differ than those that hold the pod."""
    shown = list(diff_lines(changes_between(_with_pod_fields(wanted), _with_pod_fields(result))))
    if shown:
        return iter(shown)
    lines = ((mark, line) for mark, each in (("-", wanted), ("+", result)) for line in write(each).splitlines())
    return (f"{mark}{line}" for mark, line in lines)


def _with_pod_fields(document: JsonObject) -> JsonObject:
    return {key: value for key, value in document.items() if key in ("metadata", "spec") and isinstance(value, dict)}


def without_records(document: JsonObject) -> JsonObject:
    """The workload without the annotations in which an injection keeps its records."""
    for place, annotation in product(pod_places(document), (STATUS_ANNOTATION, OVERRIDES_ANNOTATION)):
        document = _without(document, (*place.metadata, "annotations"), annotation)
    return document


def _without(holder: Any, keys: Sequence[str | int], last: str) -> Any:
    """`holder` without the key `last` of the mapping at `keys`, nor mappings that are empty without it."""
    if not keys:
        return {key: value for key, value in holder.items() if key != last}
    first, *rest = keys
    below = holder[first] if isinstance(first, int) else (holder or {}).get(first)
    if not isinstance(below, (dict, list)):
        return holder
    changed = _without(below, rest, last)
    if isinstance(holder, list):
        return [*holder[: int(first)], changed, *holder[int(first) + 1 :]]
    kept = {**holder, first: changed}
    return kept if changed or not below else {key: value for key, value in kept.items() if key != first}


# The outcomes as text, and in the format of JUnit, which every CI system reads.


@dataclass(frozen=True, slots=True)
class Suite:
    """The outcomes of one folder, in order."""

    name: str
    outcomes: tuple[Outcome, ...]


def suite_text(suites: Sequence[Suite], paint: Paint = plain) -> str:
    """One line for each test, the reasons below those that failed, and the count."""
    lines = list[str]()
    for suite in suites:
        for outcome in suite.outcomes:
            word = paint("ok  ", "inject") if outcome.passed else paint("FAIL", "refuse")
            lines.append(f"{word} {suite.name}: {outcome.name}")
            lines += (f"     {_painted(line, paint)}" for line in outcome.failures)
    outcomes = [outcome for suite in suites for outcome in suite.outcomes]
    failed = sum(not outcome.passed for outcome in outcomes)
    counted = "1 test" if len(outcomes) == 1 else f"{len(outcomes)} tests"
    lines.append(f"{counted}, {f'{failed} failed' if failed else 'all passed'}")
    return "".join(f"{line}\n" for line in lines)


def _painted(line: str, paint: Paint) -> str:
    style = {"+": "+", "-": "-", "@": "hunk", "#": "group"}.get(line[:1])
    return paint(line, style) if style else line


def junit_text(suites: Sequence[Suite]) -> str:
    """The outcomes as XML: https://github.com/testmoapp/junitxml describes what CI systems read."""
    root = Element("testsuites", _counts([each for suite in suites for each in suite.outcomes]))
    for suite in suites:
        of_suite = SubElement(root, "testsuite", {"name": _xml(suite.name), **_counts(suite.outcomes)})
        for outcome in suite.outcomes:
            case = SubElement(of_suite, "testcase", {"name": _xml(outcome.name), "classname": _xml(suite.name)})
            if not outcome.passed:
                failure = SubElement(case, "failure", {"message": _xml(outcome.failures[0])})
                failure.text = _xml("\n".join(outcome.failures))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(outcomes: Sequence[Outcome]) -> dict[str, str]:
    failed = sum(not outcome.passed for outcome in outcomes)
    return {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0"}


def _xml(text: str) -> str:
    return _NOT_IN_XML.sub("�", text)
