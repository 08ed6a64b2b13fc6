"""Who may ask: the API server says whose token it is, and whether they may do this.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/ and
https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from time import monotonic

from injector.cluster.api import ApiServer, ClusterError, Resource
from injector.core.cache import VERDICTS, Cache
from injector.core.model import JsonObject

# What has to be allowed in the injector's namespace: a rule of RBAC with this group, resource and verb.
GROUP, RESOURCE, VERB = "sidecar-injector", "previews", "create"
TOKEN_REVIEWS = Resource("authentication.k8s.io/v1", "TokenReview", "tokenreviews")
ACCESS_REVIEWS = Resource("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews")

_REMEMBERED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on: `status` is 200, or the HTTP status of the refusal that `message` explains."""

    status: int
    message: str = ""


class Access:
    """Asks for each token once in a while; may be used by several threads at once."""

    def __init__(self, server: ApiServer, namespace: str, clock: Callable[[], float] = monotonic) -> None:
        """Ask `server` about access in `namespace`."""
        self._server, self._namespace, self._clock = server, namespace, clock
        self.known: Cache[bytes, tuple[float, Verdict]] = Cache(VERDICTS)
        self._lock = Lock()

    def verdict(self, token: str) -> Verdict:
        """Whether the bearer of `token`, empty where there is none, may ask for previews."""
        if not token:
            return Verdict(401, "a bearer token is needed: Authorization: Bearer TOKEN")
        key, now = sha256(token.encode()).digest(), self._clock()
        with self._lock:
            until, known = self.known.find(key) or (now, None)
        if known is not None and now < until:
            return known
        try:
            found = self._asked(token)
        except ClusterError as error:
            # Nothing is known of this token: the next request asks again.
            return Verdict(503, f"the API server cannot be asked who this is: {error}")
        with self._lock:
            self.known.keep(key, (now + _REMEMBERED_SECONDS, found))
        return found

    def _asked(self, token: str) -> Verdict:
        review = self._server.create(TOKEN_REVIEWS, _document(TOKEN_REVIEWS, {"token": token}))
        status = review.get("status") or {}
        if not status.get("authenticated"):
            return Verdict(401, "the bearer token is not valid, or no longer")
        user = status.get("user") or {}
        spec = {
            **{field: user[field] for field in ("groups", "uid", "extra") if user.get(field)},
            "user": user.get("username") or "",
            "resourceAttributes": {
                "namespace": self._namespace,
                "group": GROUP,
                "resource": RESOURCE,
                "verb": VERB,
            },
        }
        answer = self._server.create(ACCESS_REVIEWS, _document(ACCESS_REVIEWS, spec))
        if (answer.get("status") or {}).get("allowed"):
            return Verdict(200)
        needed = f"{VERB} {RESOURCE}.{GROUP} in namespace {self._namespace!r}"
        return Verdict(403, f"{spec['user']} may not {needed}: a Role has to allow it")


def _document(resource: Resource, spec: JsonObject) -> JsonObject:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}
