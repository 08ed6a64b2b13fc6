"""Reviews that are the same but for what an answer does not depend on, or only repeats, and the answers to them.

The replicas of a workload differ in uids, in `managedFields`, and in names that the API server and controllers make up.
The key of a review has holes in their place. Whoever fills the holes of a key with texts gets one review and no other,
so two reviews with the same key differ in these texts alone, in whatever way they are broken.
"""

import re
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from injector.core.model import Admission, JsonObject
from injector.core.opaque import MARK, NAME, marked_json
from injector.core.replicas import TOKEN_VOLUME
from injector.core.review import has_repeated_key

# kube-apiserver writes kind, apiVersion and request in this order, and the uid first in the request. An answer depends
# on the uid only in that it repeats it (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-
# controllers/#response).
_BEFORE_UID = re.compile(
    rb'\s*\{\s*(?:"(?:kind|apiVersion)"\s*:\s*"[\w./]*"\s*,\s*){2}"request"\s*:\s*\{\s*"uid"\s*:\s*"(?=([\w-]{1,64})")'
)
# No answer depends on `managedFields`. kube-apiserver writes it last in the metadata of a pod, before its spec.
_MANAGED_FIELDS = b'"managedFields":['
_AFTER_METADATA = b']},"spec":{'

_MARK = MARK.encode()
_MARK_START = _MARK[:1]
_JOB_UID = "U"
# Of larger reviews only the whole is compared: to look through them would take too long.
_LARGEST = 64 * 1024
# As in `opaque`, in UTF-8.
_HOLE = re.compile(_MARK + rb"([A-Z]|\xee[\x84-\xbf][\x80-\xbf])")
_NAME = re.compile(NAME.encode())

# Where kube-apiserver writes what differs: the name of a pod, its first owner, the node of a daemon's pod, the place of
# a pod in its StatefulSet or its Job (https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode).
_METADATA = b'"object":{"kind":"Pod","apiVersion":"v1","metadata":{'
_METADATA_LENGTH = len(_METADATA)
_POD_NAME = b'"name":"'
_OWNERS = b'"ownerReferences":[{'
_OWNER = re.compile(
    rb'"ownerReferences":\[\{"apiVersion":"[^"]*","kind":"(Job|DaemonSet)","name":"([^"]*)","uid":"([^"]*)"'
)
_NODE = b'"matchFields":[{"key":"metadata.name","operator":"In","values":["'
_INDEX = b'"apps.kubernetes.io/pod-index":"'
_COMPLETION_INDEX = b'"batch.kubernetes.io/job-completion-index":"'
_TOKEN_VOLUME = b'"' + TOKEN_VOLUME.encode()
# The time of an entry of `managedFields`: https://www.rfc-editor.org/rfc/rfc3339#section-5.6, in whole seconds of UTC.
_TIME = b'"time":"'
_TIME_OF_DAY = re.compile(rb'[-0-9:TZ]{20}(?=")')


class Asked(NamedTuple):
    """What a review asks: `key` is the review without its `uid`, its `managed` fields, and the `texts` of its holes.

    `whole` is the review without uid and managed fields, and with its texts.
    """

    key: bytes
    whole: bytes
    uid: str
    managed: bytes
    texts: Mapping[str, bytes]

    def as_whole(self) -> "Asked":
        """The same, asked without holes."""
        return Asked(self.whole, self.whole, self.uid, self.managed, {})

    @property
    def managed_around(self) -> tuple[bytes, bytes]:
        """The managed fields before and after their first time, without the uid of a Job.

        Of two reviews that have both in common, with the uid in the same hole, either both lists are JSON, or none.
        """
        managed = self.managed
        start = managed.find(_TIME) + len(_TIME)
        time = _TIME_OF_DAY.match(managed, start)
        before, after = managed[:start], managed[time.end() if time else start :]
        if _JOB_UID in self.texts:
            uid = self.texts[_JOB_UID]
            # Backslashes are in strings, and a name between them does not end one.
            after = after.replace(b'\\"%b\\"' % uid, b'\\"%bU\\"' % _MARK)
        return before, after

    def is_readable(self, readable: tuple[bytes, bytes]) -> bool:
        """Whether the list that was left out is JSON; `readable` is around the time of one that is.

        What is wrong with a review is said of the whole.
        """
        return not self.managed or self.managed_around == readable or _is_list(self.managed)

    def document(self) -> Any:
        """The review that the key is of, the marks of holes in it; None where its list was not that of the pod.

        Of all reviews with this key it holds: up to the list they are the same, and after it they are the same again.
        """
        try:
            _, _, review = self.key.partition(b"\n")
            if not self.managed:
                return orjson.loads(review)
            end = review.find(_MANAGED_FIELDS) + len(_MANAGED_FIELDS)
            document = orjson.loads(review[:end] + b"0" + review[end:])
            return document if document["request"]["object"]["metadata"]["managedFields"] == [0] else None
        except (ValueError, LookupError, TypeError):
            return None


def read_asked(body: bytes, path: str) -> Asked | None:
    """What the review in `body` asks at the URL `path`; None where its uid is not where API servers write it."""
    found = _BEFORE_UID.match(body)
    if found is None:
        return None
    managed = b""
    start = body.find(_MANAGED_FIELDS, found.end())
    end = body.find(_AFTER_METADATA, start) if start >= 0 else -1
    if end < 0:
        review = body[: found.end()] + body[found.end(1) :]
    else:
        start += len(_MANAGED_FIELDS)
        managed = body[start - 1 : end + 1]
        review = body[: found.end()] + body[found.end(1) : start] + body[end:]
    whole = path.encode() + b"\n" + review
    key, texts = _with_holes(whole)
    # No review without holes has the key of one with holes, whatever is in it: that begins with a path.
    key = _MARK + key if texts else whole
    return Asked(key, whole, found[1].decode("ascii"), managed, texts)


def _is_list(text: bytes) -> bool:
    try:
        value = orjson.loads(text)
        # What `parse_review` refuses is refused whole: a repeated key, or one level too many.
        return not has_repeated_key(text, value)
    except (ValueError, TypeError):
        return False


def _with_holes(review: bytes) -> tuple[bytes, dict[str, bytes]]:
    """A review with holes for the names in it that others made up, and the texts of these, by their letters."""
    texts: dict[str, bytes] = {}
    if len(review) > _LARGEST or _MARK_START in review:
        return review, texts
    metadata = review.find(_METADATA) + _METADATA_LENGTH
    name = _name_after(_POD_NAME, review, metadata) if review.startswith(_POD_NAME, metadata) else b""
    if name:
        texts["N"] = name
        # Wherever a text ends in it: the volumes of a StatefulSet's pod claim `data-NAME`.
        review = review.replace(b'%b"' % name, b'%bN"' % _MARK)
        review = _with_hole("I", _INDEX, review, texts)
    owners = review.find(_OWNERS, metadata)
    owner = _OWNER.match(review, owners) if owners >= 0 else None
    if owner:
        if owner[1] == b"DaemonSet":
            review = _with_hole("D", _NODE, review, texts)
        elif _NAME.fullmatch(owner[2]) and _NAME.fullmatch(owner[3]):
            review = _with_job(review, owner[2], owner[3], texts)
    suffix = _name_after(_TOKEN_VOLUME, review)
    if suffix:
        texts["V"] = suffix
        review = review.replace(b'%b%b"' % (_TOKEN_VOLUME, suffix), b'%b%bV"' % (_TOKEN_VOLUME, _MARK))
    return review, texts


def _with_job(review: bytes, job: bytes, uid: bytes, texts: dict[str, bytes]) -> bytes:
    """The review of a pod of a Job with holes for what follows from the Job, and from the place of the pod in it."""
    texts["J"], texts[_JOB_UID] = job, uid
    review = _with_hole("C", _COMPLETION_INDEX, review, texts)
    if "C" in texts:
        # The hostname, and the prefix of the name.
        for after in (b'"', b'-"'):
            text, hole = b'"%b-%b%b' % (job, texts["C"], after), b'"%bJ-%bC%b' % (_MARK, _MARK, after)
            review = review.replace(text, hole)
    # An injected pod has the path of its owner: `…/jobs/NAME`.
    review = review.replace(b'%b"' % job, b'%bJ"' % _MARK)
    review = review.replace(b'"%b-"' % job, b'"%bJ-"' % _MARK)
    return review.replace(b'"%b"' % uid, b'"%bU"' % _MARK)


def _name_after(before: bytes, review: bytes, start: int = 0) -> bytes:
    """The name that stands behind the first `before` from `start` on; empty where none does."""
    start = review.find(before, start)
    if start < 0:
        return b""
    start += len(before)
    text = review[start : review.find(b'"', start)]
    return text if _NAME.fullmatch(text) else b""


def _with_hole(letter: str, before: bytes, review: bytes, texts: dict[str, bytes]) -> bytes:
    """The review with a hole behind `before`, whose text is added to `texts`."""
    text = _name_after(before, review)
    if not text:
        return review
    texts[letter] = text
    return review.replace(b'%b%b"' % (before, text), b'%b%b%b"' % (before, _MARK, letter.encode()))


@dataclass(frozen=True, slots=True)
class Stencil:
    """An answer with holes: the bytes before the uid, those between uid and patch, the patch in pieces, and the rest.

    Of `patch` each second piece is the letter of a hole; it is empty where the patch is part of `middle`.
    """

    head: bytes
    middle: bytes
    patch: tuple[bytes, ...]
    tail: bytes

    def filled(self, uid: str, texts: Mapping[str, bytes]) -> bytes:
        """The answer to `uid` with these texts in the holes. Raises KeyError where one is missing."""
        if not self.patch:
            return b"".join((self.head, uid.encode(), self.middle))
        pieces = [*self.patch]
        pieces[1::2] = [texts[letter.decode()] for letter in self.patch[1::2]]
        patch = b2a_base64(b"".join(pieces), newline=False)
        return b"".join((self.head, uid.encode(), self.middle, patch, self.tail))

    def with_patch(self, patch: tuple[JsonObject, ...]) -> "Stencil":
        """The same answer with the holes of `patch` in it."""
        pieces = tuple(_HOLE.split(orjson.dumps(marked_json(patch))))
        before, opening, after = self.middle.partition(b'"patch":"')
        return Stencil(self.head, before + opening, pieces, after[after.index(b'"') :])

    @property
    def has_holes(self) -> bool:
        """Whether there are any in the patch."""
        return len(self.patch) > 1


def stencil_of(answer: bytes, uid: str) -> Stencil:
    """What is left of the `answer` of `review.respond` to `uid` without the uid."""
    head, _, rest = answer.partition(f'"uid":"{uid}"'.encode())
    return Stencil(head + b'"uid":"', b'"' + rest, (), b"")


# Stands for an operation of a patch whose number is all that is still to be told.
_OPERATION: JsonObject = {}


def told_of_admission(admission: Admission) -> Admission:
    """What telemetry is told of an admission that is remembered: without its pod, of its patch the length alone."""
    return Admission(
        allowed=admission.allowed,
        decision=admission.decision,
        pod={},
        message=admission.message,
        patch=(_OPERATION,) * len(admission.patch),
        warnings=admission.warnings,
        templates=admission.templates,
        configuration=admission.configuration,
    )
