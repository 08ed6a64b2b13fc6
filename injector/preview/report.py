"""A case as the answer that people and programs read: one item for each workload (contract, `POST /preview`)."""

from injector.core.model import Decision, JsonObject
from injector.core.patch import diff
from injector.manual.controllers import CREATED_FROM
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
    }


def decision_of(case: Case) -> Decision:
    """The decision; for what is no readable pod one that says so."""
    unreadable = Decision(inject=False, reason=UNREADABLE_POD, message=case.admission.message, trace=())
    return case.admission.decision or unreadable


def _decision(case: Case) -> JsonObject:
    decision = decision_of(case)
    return {
        "inject": decision.inject,
        "reason": decision.reason,
        "message": decision.message,
        "trace": [result._asdict() for result in decision.trace],
    }
