"""The API server through the official client: plain JSON in and out, so that no field newer than the client is lost.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException

from injector.cluster.resources import Resource
from injector.core.model import JsonObject

FIELD_MANAGER = "sidecar-injector"

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_PAGE = 500
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


class ClusterError(Exception):
    """The cluster cannot be reached, or refuses. `status` is the HTTP status, 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Keep the HTTP `status` beside the message."""
        super().__init__(message)
        self.status = status

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
    def is_expired(self) -> bool:
        """Whether the resource version to go on from is no longer kept: everything has to be listed again."""
        return self.status == HTTPStatus.GONE


class ApiServer:
    """Requests to one API server. Every method raises ClusterError; may be used by several threads at once."""

    def __init__(self, configuration: Configuration) -> None:
        """Talk to the server that `configuration` names."""
        # Callers try again in their own time: a retry without a pause is of no use while a server restarts.
        configuration.retries = False
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
        return self.listing(resource, namespace, **query)[0]

    def listing(self, resource: Resource, namespace: str = "", **query: str) -> tuple[list[JsonObject], str]:
        """The same, with the resource version from which a watch goes on without a gap."""
        found: list[JsonObject] = []
        given = {"limit": str(_PAGE), **query}
        while True:
            page = self._request("GET", resource.path(namespace), query=given)
            # Items of a list come without the fields that say what they are.
            found += [
                {"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in page.get("items") or ()
            ]
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return found, str(metadata.get("resourceVersion") or "")
            given["continue"] = metadata["continue"]

    def watch(
        self, resource: Resource, namespace: str = "", *, version: str, seconds: int, **query: str
    ) -> Iterator[JsonObject]:
        """The events after `version`, as they come, bookmarks among them; ends after `seconds`.

        An event is a mapping with `type` and `object`. When this returns the API server has agreed to the watch; what
        breaks off later, or is told by an event of type ERROR, is raised while the events are taken.
        """
        options = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", **query}
        response = self._send(
            "GET",
            resource.path(namespace),
            query={**options, "timeoutSeconds": str(seconds)},
            answer_seconds=seconds + _ANSWER_SECONDS,
        )
        return self._events(response, resource)

    def _events(self, response: urllib3.BaseHTTPResponse, resource: Resource) -> Iterator[JsonObject]:
        try:
            for line in _lines(response):
                event: JsonObject = json.loads(line)
                if event.get("type") == "ERROR":
                    raise _status_error(event.get("object") or {}, f"watching {resource.plural}")
                yield event
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ClusterError(f"{self.url}: watching {resource.plural} broke off: {_reason(error)}") from error
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
        response = self._send(method, path, document, query or {}, content_type)
        try:
            answer: JsonObject = json.loads(response.data or b"{}")
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ClusterError(f"{self.url}{path}: no readable answer: {error}") from error
        return answer

    def _send(  # noqa: PLR0913, PLR0917 -- what an HTTP request consists of
        self,
        method: str,
        path: str,
        document: JsonObject | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
        answer_seconds: float = _ANSWER_SECONDS,
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
            answered = self.client.call_api(*request, _request_timeout=(_CONNECT_SECONDS, answer_seconds))
        except (urllib3.exceptions.HTTPError, ApiException, ConfigException, OSError) as error:
            raise ClusterError(f"{self.url}: cannot be reached: {_reason(error)}") from error
        response: urllib3.BaseHTTPResponse = answered.response
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response, f"{method} {path}")
        return response


def _refusal(response: urllib3.BaseHTTPResponse, what: str) -> ClusterError:
    try:
        status = json.loads(response.data)
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        status = {}
    return _status_error({"code": response.status, **(status if isinstance(status, dict) else {})}, what)


def _status_error(status: Mapping[str, Any], what: str) -> ClusterError:
    code = int(status.get("code") or 0)
    return ClusterError(f"{what}: {status.get('message') or status.get('reason') or code}", code)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    pending = b""
    for piece in response.stream():
        *lines, pending = (pending + piece).split(b"\n")
        yield from filter(None, lines)
