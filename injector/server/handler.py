"""From the bytes of a request to the bytes of its answer: the core's path, and what is to be told about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from injector.core.admission import admit, refused, subject_of
from injector.core.errors import LONGEST_MESSAGE, shortened, without_addresses
from injector.core.model import Admission, AdmissionRequest, JsonObject, Pod
from injector.core.opaque import MARK, Inspected, filled_text
from injector.core.replicas import Owned, admit_alike
from injector.core.review import BadReview, parse_path, parse_review, request_faults, respond
from injector.server.answer_cache import Asked, Stencil, read_asked, stencil_of, told_of_admission
from injector.server.same_shape import find_shared, read_shaped, remember
from injector.server.state import State

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


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer to all reviews that ask alike, and what is told of it; `names` are those of the pod, holes in them.

    `managed` is around the time of the managed fields of one of them.

    Of the pods only names are kept, and of patches their length: thousands of objects that live on would keep the
    garbage collector busy for longer than the answers take.
    """

    stencil: Stencil
    request: AdmissionRequest
    names: Mapping[str, str]
    admission: Admission
    namespace: str
    node: str
    managed: tuple[bytes, bytes]
    owned: Owned | None = None

    def answer(self, asked: Asked) -> Answer | None:
        """The answer to a review that asks alike; None where it has to be worked out after all."""
        if not asked.is_readable(self.managed):
            return None
        request, names, texts = self.request, self.names, asked.texts
        name = request.name
        if texts:
            decoded = {letter: text.decode("ascii") for letter, text in texts.items()}
            if self.owned is not None and not self.owned.holds(decoded):
                return None
            name = filled_text(name, decoded)
            names = {field: filled_text(marked, decoded) for field, marked in names.items()}
        body = self.stencil.filled(asked.uid, texts)
        return Answer(200, body, _told_of_request(request, asked.uid, name, {"metadata": names}), self.admission)

    def gives(self, body: bytes, asked: Asked) -> bool:
        """Whether the answer to `asked` is `body`."""
        try:
            found = self.answer(asked)
        except KeyError:  # the configuration has the mark of a hole in it
            return False
        return found is not None and found.body == body


def answer(body: bytes, path: str, state: State) -> Answer:
    """Answer the AdmissionReview in `body`, sent to the URL path `path`.

    Replicas of one workload are the same pod again, but for names that nobody looks into: what was answered to one of
    them from the same state is, with these names, the answer to all. It is remembered when the second of them comes.
    """
    asked = read_asked(body, path)
    if asked is None:
        return _worked_out(body, path, state)
    if asked.texts and asked.key in state.unlike:
        asked = asked.as_whole()
    known: Remembered | None = state.answers.find(asked.key)
    if known is not None:
        found = known.answer(asked)
        if found is not None:
            return found
    is_repeated = known is None and state.answers.was_wanted(asked.key)
    found = _worked_out(body, path, state, is_repeated=is_repeated)
    if is_repeated and found.request is not None and found.admission is not None and _is_injected(found.admission):
        _remember(asked, found, found.request, found.admission, state)
    return found


def _is_injected(admission: Admission) -> bool:
    """Whether the pod is injected, or is already: one that is reviewed again has nothing to be changed.

    Of others more is told to their authors than is remembered.
    """
    return admission.allowed and admission.decision is not None and admission.decision.inject


def _remember(asked: Asked, found: Answer, request: AdmissionRequest, admission: Admission, state: State) -> None:
    """Keep an answer for all reviews that ask alike, if it is the one to all of them."""
    document = asked.document()
    if document is None:
        return
    received = document["request"]
    metadata = received["object"].get("metadata") or {}
    remembered: Remembered | None = Remembered(
        stencil_of(found.body, asked.uid),
        _told_of_request(request, request.uid, received.get("name") or "", {}),
        {field: metadata[field] for field in _NAMES if metadata.get(field)},
        told_of_admission(admission),
        namespace=subject_of(request, state.snapshot).namespace,
        node=(request.pod.get("spec") or {}).get("nodeName") or "",
        managed=asked.managed_around,
    )
    if asked.texts and remembered:
        remembered = _for_all(remembered, asked, found, _admit_alike(document, request, state))
    if remembered:
        state.answers.keep(asked.key, remembered)
    else:
        state.unlike.add(asked.key)


def _for_all(
    remembered: Remembered, asked: Asked, found: Answer, alike: tuple[Admission, Owned | None] | None
) -> Remembered | None:
    """The answer with the holes of the patch in `alike`; None where there is no such answer."""
    if alike is None or not _is_injected(alike[0]):
        return None
    admission, owned = alike
    remembered = replace(remembered, owned=owned)
    if not admission.patch:
        return None if b'"patch":"' in found.body else remembered
    shared = replace(remembered, stencil=remembered.stencil.with_patch(admission.patch))
    if not shared.gives(found.body, asked):
        return None
    return shared if shared.stencil.has_holes else remembered


def _admit_alike(
    document: JsonObject, request: AdmissionRequest, state: State
) -> tuple[Admission, Owned | None] | None:
    """What becomes of all pods that are reviewed like that in `document`, which has holes (see `admit_alike`)."""
    received = document["request"]
    if any(MARK in str(value) for value in (*map(document.get, _OF_REVIEW), *map(received.get, _OF_REQUEST))):
        return None
    return admit_alike(received["object"], subject_of(request, state.snapshot), state.setup, state.snapshot)


# What an answer is made of beside the pod, its name and the uid.
_OF_REVIEW, _OF_REQUEST = ("kind", "apiVersion"), ("operation", "namespace", "dryRun")


def _told_of_request(request: AdmissionRequest, uid: str, name: str, pod: Pod) -> AdmissionRequest:
    # In full, as `dataclasses.replace` takes ten times as long, for every review.
    return AdmissionRequest(
        uid=uid,
        api_version=request.api_version,
        kind=request.kind,
        operation=request.operation,
        namespace=request.namespace,
        name=name,
        dry_run=request.dry_run,
        pod=pod,
        parameters=request.parameters,
    )


def _worked_out(body: bytes, path: str, state: State, *, is_repeated: bool = False) -> Answer:
    try:
        request = parse_review(body, parse_path(path))
    except BadReview as error:
        return refusal(error.status, str(error))
    try:
        faults = request_faults(request)
        if faults:
            admission = refused(request, faults)
            return Answer(200, respond(request, admission), request, admission)
        return _admitted(request, state, is_repeated=is_repeated)
    except Exception as error:  # noqa: BLE001 -- a webhook that breaks would stop pods without a word
        message = shortened(without_addresses(f"the injector failed on this pod: {_said(error)}"), LONGEST_MESSAGE)
        admission = Admission(allowed=False, decision=None, pod=request.pod, message=message)
        return Answer(200, respond(request, admission), request, admission, error=error)


def _admitted(request: AdmissionRequest, state: State, *, is_repeated: bool) -> Answer:
    """The answer to a request without faults: from memory where a pod of this shape was answered before.

    What is remembered of its replicas, as it `is_repeated`, is not remembered of its shape, too: one of them is enough
    for one review.
    """
    subject = subject_of(request, state.snapshot)
    shaped = read_shaped(request, subject)
    shared = find_shared(shaped, request.uid, state) if shaped else None
    if shared is not None:
        return Answer(200, shared[0], request, shared[1])
    admission = admit(subject, state.setup, state.snapshot)
    body = respond(request, admission)
    if shaped and not is_repeated and _is_injected(admission):
        try:
            remember(shaped, body, request, admission, state)
        except (Inspected, Exception):  # noqa: BLE001 -- the pod has its answer, whatever fails here
            state.unlike.add(shaped.key)
    return Answer(200, body, request, admission)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def refusal(status: int, message: str, reason: str = "") -> Answer:
    """An answer on the plane of HTTP: one line that says what was expected."""
    return Answer(status, f"{message}\n".encode(), fault=message, reason=reason)
