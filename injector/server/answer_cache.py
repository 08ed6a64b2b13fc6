"""Reviews that are the same but for what no answer depends on, and the answer of one made that of another."""

import re

import orjson

from injector.core.review import has_repeated_key

# Reviews that differ in nothing but their uid, as those of the replicas of one workload do. An answer depends on
# the uid only in that it repeats it (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-
# controllers/#response).

# kube-apiserver writes kind, apiVersion and request in this order, and the uid first in the request.
_BEFORE_UID = re.compile(
    rb'\s*\{\s*(?:"(?:kind|apiVersion)"\s*:\s*"[\w./]*"\s*,\s*){2}"request"\s*:\s*\{\s*"uid"\s*:\s*"(?=([\w-]{1,64})")'
)


def without_uid(body: bytes) -> tuple[bytes, str] | None:
    """The review in `body` without its uid, and the uid; None where it does not stand where API servers write it.

    Bodies that give equal bytes differ in nothing but the uid, in whatever way they are broken.
    """
    found = _BEFORE_UID.match(body)
    if found is None:
        return None
    return body[: found.end()] + body[found.end(1) :], found[1].decode("ascii")


# Replicas that are made one after the other differ in `managedFields` too, which says when each field was set and which
# no answer depends on. kube-apiserver writes it last in the metadata of a pod, before its spec.
_MANAGED_FIELDS = b'"managedFields":['
_AFTER_METADATA = b']},"spec":{'


def without_managed_fields(review: bytes) -> bytes:
    """The `review` with the list of `managedFields` empty; the very same bytes where no such list stands in it.

    Whether that list is the one in the metadata of the pod, `is_without_managed_fields` says of one review. It then
    holds for every review that gives the same bytes: up to the list they are the same, the list is one JSON value in
    each, and after it they are the same again.
    """
    start = review.find(_MANAGED_FIELDS)
    end = review.find(_AFTER_METADATA, start)
    if start < 0 or end < 0:
        return review
    start += len(_MANAGED_FIELDS) - 1
    return review[:start] + b"[]" + review[end + 1 :] if _is_list(review[start : end + 1]) else review


def is_without_managed_fields(reduced: bytes) -> bool:
    """Whether the list that `without_managed_fields` emptied is the one in the metadata of the reviewed pod."""
    end = reduced.find(_MANAGED_FIELDS) + len(_MANAGED_FIELDS)
    try:
        review = orjson.loads(reduced[:end] + b"0" + reduced[end:])
        return bool(review["request"]["object"]["metadata"]["managedFields"] == [0])
    except (ValueError, LookupError, TypeError):
        return False


def _is_list(text: bytes) -> bool:
    try:
        value = orjson.loads(text)
        # What `parse_review` refuses is refused whole: a repeated key, or one level too many.
        return not has_repeated_key(text, value)
    except (ValueError, TypeError):
        return False


def with_uid(answer: bytes, uid: str, other: str) -> bytes:
    """The answer of `review.respond` to uid `uid`, made that to uid `other`: the uid stands first in the response."""
    return answer.replace(f'"uid":"{uid}"'.encode(), f'"uid":"{other}"'.encode(), 1)
