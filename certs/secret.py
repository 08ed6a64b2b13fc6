"""A holding in a Secret, shared by all replicas: whoever is first wins, and everybody reads the winner's.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions for why a race has one winner.
"""

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration, CoreV1Api, V1ObjectMeta, V1Secret
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from certs.files import files_of, holding_of
from certs.model import Holding

_TRIES = 10
_ANSWER_SECONDS = (5.0, 15.0)
# ConfigException: the token of a pod is read anew while the client works.
_UNREACHABLE = (urllib3.exceptions.HTTPError, ConfigException, OSError)
_TLS = "kubernetes.io/tls"


class SecretStoreError(OSError):
    """A Secret that cannot be read or written; the text names it and what the API server says."""


class SecretStore:
    """The Secret `name` in `namespace`; it is made when something is first kept there."""

    def __init__(self, client: ApiClient, namespace: str, name: str) -> None:
        """Reach the API server through `client`."""
        self._secrets = CoreV1Api(client)
        self._namespace, self._name = namespace, name

    def __str__(self) -> str:
        """For people."""
        return f"Secret {self._namespace}/{self._name}"

    def load(self) -> Holding | None:
        """What is kept; None where nothing is, or something is missing. Raises SecretStoreError."""
        found = self._read()
        return None if found is None else holding_in(found.data or {})

    def update(self, step: Callable[[Holding | None], Holding]) -> Holding:
        """Keep what `step` makes of what is kept, and return what is kept then. Raises SecretStoreError.

        Where somebody else wrote in between, `step` is asked again with what is kept now.
        """
        for _ in range(_TRIES):
            found = self._read()
            held = None if found is None else holding_in(found.data or {})
            following = step(held)
            if following is held or self._write(found, following):
                return following
        raise SecretStoreError(f"{self}: {_TRIES} times somebody else wrote first")

    def _read(self) -> Any:
        try:
            return self._secrets.read_namespaced_secret(self._name, self._namespace, _request_timeout=_ANSWER_SECONDS)
        except ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise SecretStoreError(f"{self}: cannot be read: {_told(error)}") from error
        except _UNREACHABLE as error:
            raise SecretStoreError(f"{self}: cannot be read: {error}") from error

    def _write(self, found: Any, held: Holding) -> bool:
        """Whether nobody else was first."""
        data = {name: b64encode(content).decode() for name, content in files_of(held).items()}
        try:
            if found is None:
                fresh = V1Secret(metadata=V1ObjectMeta(name=self._name), type=_TLS, data=data)
                self._secrets.create_namespaced_secret(self._namespace, fresh, _request_timeout=_ANSWER_SECONDS)
            else:
                # The resource version goes along: the API server refuses what was made from an older one.
                found.data = data
                self._secrets.replace_namespaced_secret(
                    self._name, self._namespace, found, _request_timeout=_ANSWER_SECONDS
                )
        except ApiException as error:
            if error.status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
                return False
            raise SecretStoreError(f"{self}: cannot be written: {_told(error)}") from error
        except _UNREACHABLE as error:
            raise SecretStoreError(f"{self}: cannot be written: {error}") from error
        return True


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


def _told(error: ApiException) -> str:
    return f"{error.status} {error.reason}"
