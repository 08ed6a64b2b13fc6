"""Reviews that differ in nothing but their uid, as those of the replicas of one workload do.

An answer depends on the uid only in that it repeats it
(https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response).
"""

import re

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


def with_uid(answer: bytes, uid: str, other: str) -> bytes:
    """The answer of `review.respond` to uid `uid`, made that to uid `other`: the uid stands first in the response."""
    return answer.replace(f'"uid":"{uid}"'.encode(), f'"uid":"{other}"'.encode(), 1)
