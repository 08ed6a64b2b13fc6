"""A holding in a Secret, shared by all replicas: whoever is first wins, and everybody reads the winner's.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions for why a race has one winner.
"""

import json
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from certs.directory import files_of, holding_of
from certs.model import Holding

_TRIES = 10
_ANSWER_SECONDS = (5.0, 15.0)
# ConfigException: the token of a pod is read anew while the client works.
_UNREACHABLE = (urllib3.exceptions.HTTPError, ApiException, ConfigException, OSError)
_TLS = "kubernetes.io/tls"
_JSON = "application/json"
_PARTICIPLES = {"GET": "read", "POST": "written", "PUT": "written"}

JsonObject: TypeAlias = dict[str, Any]


class SecretStoreError(OSError):
    """A Secret that cannot be read or written; the text names it and what the API server says."""


class SecretStore:
    """The Secret `name` in `namespace`; it is made when something is first kept there."""

    def __init__(self, client: ApiClient, namespace: str, name: str) -> None:
        """Reach the API server through `client`."""
        self._client, self._namespace, self._name = client, namespace, name
        self._path = f"/api/v1/namespaces/{quote(namespace)}/secrets"

    def __str__(self) -> str:
        """For people."""
        return f"Secret {self._namespace}/{self._name}"

    def load(self) -> Holding | None:
        """What is kept; None where nothing is, or something is missing. Raises SecretStoreError."""
        found = self._read()
        return None if found is None else holding_in(found.get("data") or {})

    def update(self, step: Callable[[Holding | None], Holding]) -> Holding:
        """Keep what `step` makes of what is kept, and return what is kept then. Raises SecretStoreError.

        Where somebody else wrote in between, `step` is asked again with what is kept now.
        """
        for _ in range(_TRIES):
            found = self._read()
            held = None if found is None else holding_in(found.get("data") or {})
            following = step(held)
            if following is held or self._write(found, following):
                return following
        raise SecretStoreError(f"{self}: {_TRIES} times somebody else wrote first")

    def _read(self) -> JsonObject | None:
        status, found = self._request("GET", f"{self._path}/{quote(self._name)}")
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status >= HTTPStatus.BAD_REQUEST:
            raise SecretStoreError(f"{self}: cannot be read: {_refusal(status, found)}")
        if not isinstance(found.get("metadata"), dict) or found.get("kind", "Secret") != "Secret":
            # Taken for an empty Secret, a garbled answer would cost the authority.
            raise SecretStoreError(f"{self}: cannot be read: the answer is not a Secret")
        return found

    def _write(self, found: JsonObject | None, held: Holding) -> bool:
        """Whether nobody else was first."""
        data = {name: b64encode(content).decode() for name, content in files_of(held).items()}
        if found is None:
            metadata = {"name": self._name}
            fresh = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": _TLS, "data": data}
            status, answer = self._request("POST", self._path, fresh)
        else:
            # The resource version goes along: the API server refuses what was made from an older one.
            status, answer = self._request("PUT", f"{self._path}/{quote(self._name)}", {**found, "data": data})
        if status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
            return False
        if status >= HTTPStatus.BAD_REQUEST:
            raise SecretStoreError(f"{self}: cannot be written: {_refusal(status, answer)}")
        return True

    def _request(self, method: str, path: str, document: JsonObject | None = None) -> tuple[int, JsonObject]:
        """The HTTP status and the JSON object of the answer, empty where there is none.

        Plain JSON: the client's models of a Secret bring those of every other kind, 22 MB in each worker.
        """
        headers = {"Accept": _JSON, "Content-Type": _JSON}
        try:
            request = self._client.param_serialize(
                method, path, header_params=headers, body=document, auth_settings=["BearerToken"]
            )
            response = self._client.call_api(*request, _request_timeout=_ANSWER_SECONDS).response
            return response.status, _object(response.data)
        except _UNREACHABLE as error:
            raise SecretStoreError(f"{self}: cannot be {_PARTICIPLES[method]}: {error}") from error


def holding_in(data: Mapping[str, str]) -> Holding | None:
    """The holding in the `data` of a Secret; None where something is missing or is not base64."""
    try:
        files = {name: b64decode(content, validate=True) for name, content in data.items()}
    except NoBase64:
        return None
    return holding_of(files.get)


def connect(kubeconfig: Path | None, context: str | None) -> ApiClient:
    """The API server of a kubeconfig, or with neither argument of the service account. Raises SecretStoreError."""
    configuration = Configuration()
    try:
        if kubeconfig is None and context is None:
            try:
                load_incluster_config(configuration)
            except ConfigException:
                load_kube_config(client_configuration=configuration, persist_config=False)
        else:
            file = str(kubeconfig) if kubeconfig else None
            load_kube_config(file, context, configuration, persist_config=False)
    except (ConfigException, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        where = f"{kubeconfig or 'kubeconfig'}{f', context {context!r}' if context else ''}"
        raise SecretStoreError(f"{where}: cannot be used: {' '.join(str(error).split())}") from error
    return ApiClient(configuration)


def _object(content: bytes) -> JsonObject:
    """The JSON object in `content`; a proxy between here and the API server may answer with anything."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _refusal(status: int, answer: JsonObject) -> str:
    return f"{status} {answer.get('message') or answer.get('reason') or ''}".rstrip()
