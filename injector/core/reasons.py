"""Why pods are injected or not: the words of preview, log line, metric, audit annotation and Event.

`docs/reasons.md` is made from this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """What a reason means; where a skip is worth an Event, `event` tells the pod's author what is behind it.

    Worth an Event are skips that the author of a pod in a selected namespace would want to know of: the others were
    asked for in so many words, or the pod was never meant.
    """

    meaning: str
    event: str = ""


REASONS: Mapping[str, Reason] = {
    "MirrorPod": Reason("the kubelet runs the pod from a file: nothing that is changed here would reach it"),
    "HostNetwork": Reason(
        "the pod shares the node's network", event="the pod shares the node's network, which a sidecar would redirect"
    ),
    "WindowsPod": Reason("the pod runs on Windows", event="the proxy needs Linux"),
    "IgnoredNamespace": Reason("the namespace is one of `ignoredNamespaces`"),
    "PodLabel": Reason("the pod's label `sidecar.istio.io/inject` says so"),
    "PodAnnotation": Reason("the pod's annotation `sidecar.istio.io/inject` says so, and it has no such label"),
    "NeverInjectSelector": Reason(
        "one of `neverInjectSelector` matches", event="the mesh's configuration excludes pods with these labels"
    ),
    "AlwaysInjectSelector": Reason("one of `alwaysInjectSelector` matches"),
    "NamespaceLabel": Reason("the namespace's label `istio-injection` says so"),
    "NamespaceRevision": Reason("the namespace's label `istio.io/rev` names this injector"),
    "PodRevision": Reason("the pod's label `istio.io/rev` names this injector, and the namespace says nothing"),
    "RevisionMismatch": Reason("a label `istio.io/rev` names another injector"),
    "NamespaceNotSelected": Reason("neither the namespace nor the pod asks for injection"),
    "NamespaceDefault": Reason("`enableNamespacesByDefault` is set, and neither namespace nor pod says anything"),
    "Policy": Reason("`policy` decides", event="the mesh's configuration injects only what asks for it"),
}

# Why no decision came about: the pod or the request is at fault, or the injector.
REFUSED, UNREADABLE_POD, INTERNAL_ERROR = "Refused", "UnreadablePod", "InternalError"
FAILURES: Mapping[str, str] = {
    REFUSED: "the pod cannot be injected; `status.message` says why",
    UNREADABLE_POD: "`request.object` is not a Pod",
    INTERNAL_ERROR: "a fault of the injector; the log has its traceback",
    "BadReview": "HTTP 400: the body is not an AdmissionReview",
    "MethodNotAllowed": "HTTP 405",
    "RequestTimeout": "HTTP 408: the body took too long",
    "BodyTooLarge": "HTTP 413",
    "UnsupportedMediaType": "HTTP 415: the body is not `application/json`",
    "Overloaded": "HTTP 503: too many reviews at once",
}
