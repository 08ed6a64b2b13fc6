"""AdmissionReview in and out: bytes to request, admission to bytes.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request and #response
"""

import binascii
import re
from collections.abc import Mapping
from operator import methodcaller
from typing import Any
from urllib.parse import unquote

import orjson

from injector.core.errors import InjectorError, quoted
from injector.core.model import Admission, AdmissionRequest
from injector.core.pod_schema import pod_faults

API_VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
_REFUSED = 403
_SLASH = "--slash--"
_INJECT = "/inject"
_LEGACY_PREFIX = ":ENV:"
# One string of JSON, and the colon that makes a key of it. Possessive: in linear time, whatever the text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"(?:\s*:)?', re.DOTALL)
_NAMED_PARAMETERS = {"cluster": "ISTIO_META_CLUSTER_ID", "net": "ISTIO_META_NETWORK"}


class BadReview(InjectorError, ValueError):  # noqa: N818  (it is the review that is bad)
    """A body that is no AdmissionReview. `status` is the HTTP status of the answer, the text one line for it."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP `status` beside the message."""
        super().__init__(message)
        self.status = status


def parse_review(body: bytes, parameters: tuple[tuple[str, str], ...] = ()) -> AdmissionRequest:
    """Read an AdmissionReview from `body`; `parameters` are those of the URL (see `parse_path`).

    The pod in it is left as received; whether it has the shape of a pod is for `request_faults` to say. Raises
    BadReview with status 400 where the body is not JSON, repeats a key, is not an AdmissionReview, or has no request
    with a uid.
    """
    if not body:
        raise BadReview(400, "no body found: expected an AdmissionReview")
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadReview(400, f"the body is not JSON: {error}") from error
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise BadReview(400, "the body is not an AdmissionReview: expected kind AdmissionReview")
    api_version = review.get("apiVersion")
    if api_version not in API_VERSIONS:
        raise BadReview(400, f"apiVersion {quoted(api_version)} is not one of {', '.join(API_VERSIONS)}")
    _refuse_repeated_keys(body, review)
    request = review.get("request")
    if not isinstance(request, dict):
        raise BadReview(400, f"the AdmissionReview has no request: expected a mapping, got {quoted(request)}")
    return _request(request, api_version, parameters)


def _refuse_repeated_keys(body: bytes, review: Any) -> None:
    try:
        repeated = has_repeated_key(body, review)
    except TypeError as error:
        raise BadReview(400, f"the body is nested too deeply: {error}") from error
    if repeated:
        raise BadReview(400, "the body has a duplicate key in a mapping")


def has_repeated_key(text: bytes, value: Any) -> bool:
    """Whether a mapping of the JSON `text`, which is read as `value`, names a key twice.

    Two parsers may read two different pods from such a text (RFC 8259, section 4). Written again each key stands once,
    so a text with more keys repeats one; one that is written again as it is, as most of API servers', needs no count.
    Raises TypeError where `value` is nested more deeply than JSON is written.
    """
    written = orjson.dumps(value)
    return text != written and _count_keys(text) > _count_keys(written)


def _count_keys(text: bytes) -> int:
    """The strings of a JSON `text` that a colon follows: every other colon is in a string."""
    return sum(map(methodcaller("endswith", b":"), _STRING.findall(text)))


def request_faults(request: AdmissionRequest) -> list[str]:
    """Why a well-formed request cannot be worked on: an operation other than CREATE, an object that is no pod."""
    if request.operation not in ("", "CREATE"):
        return [
            f"operation {request.operation}: this webhook injects pods when they are created, register it for CREATE"
        ]
    return pod_faults(request.pod)


def respond(request: AdmissionRequest, admission: Admission) -> bytes:
    """The AdmissionReview that answers `request` with what became of its pod."""
    review = {"kind": request.kind, "apiVersion": request.api_version, "response": _response(request, admission)}
    return orjson.dumps(review)


def _response(request: AdmissionRequest, admission: Admission) -> dict[str, Any]:
    response: dict[str, Any] = {"uid": request.uid, "allowed": admission.allowed}
    if not admission.allowed:
        response["status"] = {"message": admission.message, "code": _REFUSED}
    if admission.patch:
        response["patch"] = binascii.b2a_base64(orjson.dumps(admission.patch), newline=False).decode("ascii")
        response["patchType"] = "JSONPatch"
    if admission.warnings:
        response["warnings"] = list(admission.warnings)
    if admission.decision:
        response["auditAnnotations"] = {
            "decision": "inject" if admission.decision.inject else "skip",
            "reason": admission.decision.reason,
            "templates": ",".join(admission.templates),
            "configuration": admission.configuration,
        }
    return response


def parse_path(path: str) -> tuple[tuple[str, str], ...]:
    """The environment pairs in a URL path below `/inject` (reference section 15). A repeated key: the last one wins.

    `path` is decoded here; both forms are read: `/inject/cluster/NAME/net/NAME/…` and the older `/inject/:ENV:…`.
    """
    if path == _INJECT:
        return ()
    rest = unquote(path).removesuffix("/").removeprefix(_INJECT).removeprefix("/")
    pairs = _legacy_pairs(rest) if rest.startswith(_LEGACY_PREFIX) else _path_pairs(rest)
    return tuple({_NAMED_PARAMETERS.get(key, key.upper()): value for key, value in pairs}.items())


def _legacy_pairs(rest: str) -> list[tuple[str, str]]:
    pieces = (piece.partition("=") for piece in rest.split(_LEGACY_PREFIX))
    return [(name, value) for name, equals, value in pieces if name and equals]


def _path_pairs(rest: str) -> list[tuple[str, str]]:
    pieces = rest.split("/")
    return [(key, value.replace(_SLASH, "/")) for key, value in zip(pieces[::2], pieces[1::2], strict=False) if key]


def _request(request: Mapping[str, Any], api_version: str, parameters: tuple[tuple[str, str], ...]) -> AdmissionRequest:
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise BadReview(400, f"request.uid must be a non-empty string, got {quoted(uid)}")
    texts = {field: request.get(field) or "" for field in ("operation", "namespace", "name")}
    for field, value in texts.items():
        if not isinstance(value, str):
            raise BadReview(400, f"request.{field} must be a string, got {quoted(value)}")
    return AdmissionRequest(
        uid=uid,
        api_version=api_version,
        kind="AdmissionReview",
        dry_run=request.get("dryRun") is True,
        pod=request.get("object"),  # type: ignore[arg-type]  # checked by request_faults
        parameters=parameters,
        **texts,
    )
