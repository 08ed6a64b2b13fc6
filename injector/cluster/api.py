"""The API server through the official client: plain JSON in and out, so that no field newer than the client is lost.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException
from msgspec import DecodeError, Raw, Struct, to_builtins
from msgspec.json import Decoder

from injector.core.errors import InjectorError
from injector.core.model import JsonObject

# The kinds of objects that are read or written, and where the API server has them. Source:
# https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: `plural` is its name in URLs."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of all objects, of those in `namespace`, or of the one called `name`."""
        root = "api" if "/" not in self.api_version else "apis"
        parts = [root, self.api_version, *(("namespaces", quote(namespace)) if namespace else ()), self.plural]
        return "/" + "/".join([*parts, *((quote(name),) if name else ())])


NAMESPACES = Resource("v1", "Namespace", "namespaces")
NODES = Resource("v1", "Node", "nodes")
PODS = Resource("v1", "Pod", "pods")
CONFIG_MAPS = Resource("v1", "ConfigMap", "configmaps")
SECRETS = Resource("v1", "Secret", "secrets")
SERVICE_ACCOUNTS = Resource("v1", "ServiceAccount", "serviceaccounts")
SERVICES = Resource("v1", "Service", "services")
EVENTS = Resource("v1", "Event", "events")
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
PROXY_CONFIGS = Resource("networking.istio.io/v1beta1", "ProxyConfig", "proxyconfigs")
WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"
)
MUTATING_POLICIES = Resource("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies")
VALIDATING_POLICIES = Resource(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies"
)

CUSTOM_RESOURCE_DEFINITIONS = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions"
)
DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets")

# Kinds that make pods and can be read in every cluster.
WORKLOADS = (
    DEPLOYMENTS,
    REPLICA_SETS,
    Resource("apps/v1", "StatefulSet", "statefulsets"),
    Resource("apps/v1", "DaemonSet", "daemonsets"),
    Resource("batch/v1", "CronJob", "cronjobs"),
    Resource("batch/v1", "Job", "jobs"),
    Resource("v1", "ReplicationController", "replicationcontrollers"),
    PODS,
)


FIELD_MANAGER = "sidecar-injector"

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_PAGE = 500
_MAY_PASS = frozenset({0, 401, 403, 404, 408, 429, 500, 502, 503, 504})
# Where nothing arrives a connection is dead after these seconds, not after the hours that the system takes.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 2))
_JSON = "application/json"
Shape = TypeVar("Shape")
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


class ClusterError(InjectorError):
    """The cluster cannot be reached, or refuses. `status` is the HTTP status, 0 where there was no usable answer.

    `retry_after`: seconds that the API server wants to be left alone. `is_expired`: it does not have the resource
    version to continue from. `is_garbled`: its answer makes no sense.
    """

    def __init__(self, message: str, status: int = 0, *, is_garbled: bool = False) -> None:
        """Keep what callers decide by beside the message."""
        super().__init__(message)
        self.status, self.is_garbled = status, is_garbled
        self.retry_after, self.is_expired = 0.0, False

    @property
    def is_missing(self) -> bool:
        """Whether the object, or the kind itself, is not there."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether the account may not do this."""
        return self.status == HTTPStatus.FORBIDDEN

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else was first: the object is there already, or is no longer as it was read."""
        return self.status == HTTPStatus.CONFLICT

    @property
    def may_pass(self) -> bool:
        """Whether the very same request may succeed later: the server is away, busy, or does not know its roles yet."""
        return self.status in _MAY_PASS and not (self.is_expired or self.is_garbled)


class Page(NamedTuple):
    """Some of the objects of a kind. From `version` of the last page on a watch continues without a gap."""

    items: list[JsonObject]
    version: str


class Event(NamedTuple):
    """A change that a watch tells of: `type` as the API server names it. A bookmark has a version, but no object."""

    type: str
    object: JsonObject
    version: str


class _Version(Struct, rename={"resource_version": "resourceVersion", "continuation": "continue"}):
    resource_version: str = ""
    continuation: str | None = None


class _List(Struct, Generic[Shape]):
    metadata: _Version
    items: list[Shape] | None


class _Event(Struct):
    type: str
    object: Raw


class _Versioned(Struct):
    metadata: _Version


@cache
def _decoder(shape: Any) -> Decoder[Any]:
    return Decoder(shape)


class ApiServer:
    """Requests to one API server. Every method raises ClusterError; may be used by several threads at once."""

    def __init__(self, configuration: Configuration) -> None:
        """Talk to the server that `configuration` names."""
        # Callers try again in their own time: a retry without a pause is of no use while a server restarts.
        configuration.retries = False
        configuration.socket_options = [
            *urllib3.connection.HTTPConnection.default_socket_options,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            *((socket.IPPROTO_TCP, *option) for option in _KEEPALIVE),
        ]
        self.client = ApiClient(configuration)

    @property
    def url(self) -> str:
        """Where the API server is."""
        return str(self.client.configuration.host)

    def get(self, resource: Resource, name: str, namespace: str = "") -> JsonObject:
        """One object."""
        return self._request("GET", resource.path(namespace, name))

    def create(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        """The object as created. A ClusterError that `is_conflict` says that there is one of this name."""
        return self._request("POST", resource.path(namespace), document)

    def try_create(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        """The object as it would be created, after every admission webhook; nothing is kept (a dry run)."""
        return self._request("POST", resource.path(namespace), document, {"dryRun": "All"})

    def replace(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        """The object as replaced. A ClusterError that `is_conflict` says that its resource version is not the last."""
        return self._request("PUT", resource.path(namespace, document["metadata"]["name"]), document)

    def apply(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        """The object after a server-side apply that takes over exactly the fields of `document`."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return self._request("PATCH", resource.path(namespace, document["metadata"]["name"]), document, query, _APPLY)

    def merge(self, resource: Resource, document: JsonObject, namespace: str = "") -> JsonObject:
        """The object after a merge of `document` into it (RFC 7396)."""
        return self._request(
            "PATCH", resource.path(namespace, document["metadata"]["name"]), document, content_type=_MERGE
        )

    def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        """Delete one object."""
        self._request("DELETE", resource.path(namespace, name))

    def items(self, resource: Resource, namespace: str = "", **query: str) -> list[JsonObject]:
        """Every object of a kind: in `namespace`, or in all of them."""
        return [item for page in self.pages(resource, namespace, query) for item in page.items]

    def pages(
        self,
        resource: Resource,
        namespace: str = "",
        query: Mapping[str, str] | None = None,
        *,
        limit: int = _PAGE,
        shape: type = dict[str, Any],
    ) -> Iterator[Page]:
        """The same, `limit` objects at a time: those of a page can be let go before the next one is read.

        `shape` is a Struct with the fields that are wanted: all others are skipped while the page is parsed.
        """
        path, given = resource.path(namespace), {"limit": str(limit), **(query or {})}
        while True:
            listed = _parsed(self._content("GET", path, query=given), _List[shape], f"GET {path}")  # type: ignore[valid-type]
            yield Page([_whole(item, resource) for item in listed.items or ()], listed.metadata.resource_version)
            if not listed.metadata.continuation:
                return
            given["continue"] = listed.metadata.continuation

    def watch(  # noqa: PLR0913 -- what a watch consists of
        self,
        resource: Resource,
        namespace: str = "",
        query: Mapping[str, str] | None = None,
        *,
        version: str,
        seconds: int,
        shape: type = dict[str, Any],
    ) -> Iterator[Event]:
        """The events after `version`, as they come, bookmarks among them; ends after `seconds`.

        When this returns the API server has agreed to the watch; what breaks off later, or is said by an event of type
        ERROR, is raised while the events are taken. A last event that is cut off is left out: it comes again with the
        next watch. `shape` is as for `pages`.
        """
        options = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", **(query or {})}
        response = self._send(
            "GET",
            resource.path(namespace),
            query={**options, "timeoutSeconds": str(seconds)},
            more_seconds=seconds,
        )
        return self._events(response, resource, shape)

    def proxied(self, namespace: str, pod: str, port: int, path: str) -> JsonObject:
        """What a pod answers to an HTTPS request for `path`, through the API server; whatever its status is.

        The API server does not verify the pod's certificate. Source:
        https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls
        """
        target = f"{PODS.path(namespace, f'https:{pod}:{port}')}/proxy{path}"
        response = self._answer("GET", target)
        try:
            said = _decoder(Any).decode(response.data)
        except (urllib3.exceptions.HTTPError, OSError, DecodeError, UnicodeDecodeError):
            said = None
        if not isinstance(said, dict) or said.get("kind") == "Status":
            raise _status_error({**(said or {}), "code": response.status}, f"GET {target}")
        return said

    def _events(self, response: urllib3.BaseHTTPResponse, resource: Resource, shape: type) -> Iterator[Event]:
        what = f"watching {resource.plural}"
        try:
            for line in _lines(response):
                event = _parsed(line, _Event, what)
                if event.type == "ERROR":
                    raise _status_error(_parsed(event.object, Any, what), what)
                version = _parsed(event.object, _Versioned, what).metadata.resource_version
                item = {} if event.type == "BOOKMARK" else _whole(_parsed(event.object, shape, what), resource)
                yield Event(event.type, item, version)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{self.url}: {what} broke off: {_reason(error)}") from error
        finally:
            # What was not read to its end is not worth keeping open.
            response.close()

    def _request(
        self,
        method: str,
        path: str,
        document: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
    ) -> JsonObject:
        content = self._content(method, path, document, query, content_type)
        found: JsonObject = _parsed(content, dict[str, Any], f"{method} {path}")
        return found

    def _content(
        self,
        method: str,
        path: str,
        document: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
    ) -> bytes:
        response = self._send(method, path, document, query or {}, content_type)
        try:
            return response.data
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"{self.url}{path}: the answer broke off: {_reason(error)}") from error

    def _send(  # noqa: PLR0913, PLR0917 -- what an HTTP request consists of
        self,
        method: str,
        path: str,
        document: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
        more_seconds: float = 0.0,
    ) -> urllib3.BaseHTTPResponse:
        response = self._answer(method, path, document, query, content_type, more_seconds)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response, f"{method} {path}")
        return response

    def _answer(  # noqa: PLR0913, PLR0917 -- what an HTTP request consists of
        self,
        method: str,
        path: str,
        document: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
        more_seconds: float = 0.0,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": _JSON, "Content-Type": content_type}
        try:
            request = self.client.param_serialize(
                method,
                path,
                query_params=list((query or {}).items()),
                header_params=headers,
                body=document,
                auth_settings=["BearerToken"],
            )
            answered = self.client.call_api(
                *request, _request_timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS + more_seconds)
            )
        except (urllib3.exceptions.HTTPError, ApiException, ConfigException, OSError) as error:
            raise ClusterError(f"{self.url}: cannot be reached: {_reason(error)}") from error
        response: urllib3.BaseHTTPResponse = answered.response
        return response


def _parsed(content: bytes | Raw, shape: Any, what: str) -> Any:
    try:
        return _decoder(shape).decode(content)
    except (DecodeError, UnicodeDecodeError) as error:
        raise ClusterError(f"{what}: the answer makes no sense: {error}", is_garbled=True) from error


def _whole(item: Any, resource: Resource) -> JsonObject:
    """The object as JSON. Items of a list come without the fields that say what they are."""
    found: JsonObject = item if isinstance(item, dict) else to_builtins(item)
    return {"apiVersion": resource.api_version, "kind": resource.kind, **found}


def _refusal(response: urllib3.BaseHTTPResponse, what: str) -> ClusterError:
    try:
        status = _decoder(Any).decode(response.data)
    except (urllib3.exceptions.HTTPError, OSError, DecodeError, UnicodeDecodeError):
        status = {}
    said = status if isinstance(status, dict) else {}
    return _status_error({**said, "code": response.status}, what, response.headers.get("Retry-After") or "")


def _status_error(status: Any, what: str, retry_after: str = "") -> ClusterError:
    """The error that a Status object describes; it may be anything."""
    said = status if isinstance(status, dict) else {}
    code = said.get("code") if isinstance(said.get("code"), int) else 0
    details = said.get("details") if isinstance(said.get("details"), dict) else {}
    message = f"{what}: {said.get('message') or said.get('reason') or code}"
    error = ClusterError(message, code or 0)
    # With storage restored from a backup the API server has not come to the version yet.
    error.is_expired = code == HTTPStatus.GONE or "Too large resource version" in message
    error.retry_after = _seconds(retry_after) or _seconds(str((details or {}).get("retryAfterSeconds") or ""))
    return error


def _seconds(retry_after: str) -> float:
    """The seconds that a Retry-After field asks for; 0 where it gives none. Source: RFC 9110, section 10.2.3."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    pending = b""
    for piece in response.stream():
        *lines, pending = (pending + piece).split(b"\n")
        yield from filter(None, lines)
