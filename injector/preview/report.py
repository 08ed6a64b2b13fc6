"""A case as the answer that people and programs read: one item for each workload (contract, `POST /preview`)."""

from injector.capture.arguments import ArgumentFaults, capture_of_pod
from injector.capture.system import shown
from injector.core.model import Decision, JsonObject
from injector.core.patch import diff
from injector.manifests.workloads import CREATED_FROM
from injector.preview.case import Case
from injector.preview.changes import Changes, changes_between
from injector.preview.diff import diff_text
from injector.preview.warnings import warnings_of

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
