"""From the bytes of a request to the bytes of its answer: the core's path, and what is to be told about it."""

from dataclasses import dataclass

from injector.core.admission import admit_request
from injector.core.errors import LONGEST_MESSAGE, shortened, without_addresses
from injector.core.model import Admission, AdmissionRequest, JsonObject, Pod
from injector.core.review import BadReview, parse_path, parse_review, respond
from injector.server.answer_cache import (
    is_without_managed_fields,
    with_uid,
    without_managed_fields,
    without_uid,
)
from injector.server.state import State

# Stands for an operation of a patch whose number is all that is still to be told.
_OPERATION: JsonObject = {}
_NAMES = ("name", "generateName")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    `request` and `admission` are None where the body could not be understood; `fault` says why, and `reason` the metric
    where the status does not. `error` is what nobody foresaw: the pod was refused because of it.
    """

    status: int
    body: bytes
    request: AdmissionRequest | None = None
    admission: Admission | None = None
    fault: str = ""
    error: Exception | None = None
    reason: str = ""


def answer(body: bytes, path: str, state: State) -> Answer:
    """Answer the AdmissionReview in `body`, sent to the URL path `path`.

    Replicas of one workload are the same pod again: what was answered to the same review under another uid and with
    other managedFields, from the same state, is the answer. It is remembered when the pod comes for the second time.
    """
    known = without_uid(body)
    if known is None:
        return _worked_out(body, path, state)
    review, uid = known
    reduced = without_managed_fields(review)
    key = path.encode() + b"\n" + reduced
    before: Answer | None = state.answers.find(key)
    if before is not None and before.request is not None:
        body = with_uid(before.body, before.request.uid, uid)
        return Answer(200, body, _told_of_request(before.request, uid, before.request.pod), before.admission)
    is_repeated = state.answers.was_wanted(key)
    found = _worked_out(body, path, state)
    if reduced is not review and is_repeated and not is_without_managed_fields(reduced):
        return found
    if is_repeated and found.request is not None and found.admission is not None and found.admission.patch:
        state.answers.keep(key, _to_remember(found, found.request, found.admission))
    return found


def _to_remember(found: Answer, request: AdmissionRequest, admission: Admission) -> Answer:
    """The answer without pods and patch: of an injected pod only names and numbers are told.

    Thousands of objects that live on would keep the garbage collector busy for longer than the answers take.
    """
    names = {field: name for field in _NAMES if (name := (request.pod.get("metadata") or {}).get(field))}
    told = Admission(
        allowed=admission.allowed,
        decision=admission.decision,
        pod={},
        message=admission.message,
        patch=(_OPERATION,) * len(admission.patch),
        warnings=admission.warnings,
        templates=admission.templates,
        configuration=admission.configuration,
    )
    return Answer(found.status, found.body, _told_of_request(request, request.uid, {"metadata": names}), told)


def _told_of_request(request: AdmissionRequest, uid: str, pod: Pod) -> AdmissionRequest:
    # In full, as `dataclasses.replace` takes ten times as long, for every review.
    return AdmissionRequest(
        uid=uid,
        api_version=request.api_version,
        kind=request.kind,
        operation=request.operation,
        namespace=request.namespace,
        name=request.name,
        dry_run=request.dry_run,
        pod=pod,
        parameters=request.parameters,
    )


def _worked_out(body: bytes, path: str, state: State) -> Answer:
    try:
        request = parse_review(body, parse_path(path))
    except BadReview as error:
        return refusal(error.status, str(error))
    try:
        admission = admit_request(request, state.setup, state.snapshot)
        return Answer(200, respond(request, admission), request, admission)
    except Exception as error:  # noqa: BLE001 -- a webhook that breaks would stop pods without a word
        message = shortened(without_addresses(f"the injector failed on this pod: {_said(error)}"), LONGEST_MESSAGE)
        admission = Admission(allowed=False, decision=None, pod=request.pod, message=message)
        return Answer(200, respond(request, admission), request, admission, error=error)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def refusal(status: int, message: str, reason: str = "") -> Answer:
    """An answer on the plane of HTTP: one line that says what was expected."""
    return Answer(status, f"{message}\n".encode(), fault=message, reason=reason)
