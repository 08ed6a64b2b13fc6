"""Which certificates an operator means: those of a release, of the server in this container, or of a directory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from certs.directory import DirectoryStore
from certs.secret import SecretStore
from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.environment import own_namespace, server_arguments
from injector.cluster.release import option_values, releases
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.releases import chosen


@dataclass(frozen=True, slots=True)
class Meant:
    """What the options name; the Secret by namespace and name."""

    connection: Connection
    namespace: str = ""
    secret: str = ""
    directory: Path | None = None
    release: str = ""


def store_of(meant: Meant) -> SecretStore | DirectoryStore:
    """Where the certificates are kept that `meant` means. Raises InputError where that is not known.

    A Secret that is named, a directory that is named, else that of the server which is the first process of this
    container (as with kubectl exec), else that of the release in the cluster.
    """
    if meant.directory is not None:
        return DirectoryStore(meant.directory)
    with as_input_error(ClusterError):
        namespace, secret = _secret(meant, server_arguments())
        return SecretStore(connect(*meant.connection).client, namespace, secret)


def _secret(meant: Meant, arguments: Sequence[str]) -> tuple[str, str]:
    if meant.secret:
        return meant.namespace or own_namespace(), meant.secret
    namespace = next(option_values(arguments, ("--namespace",)), own_namespace())
    if not arguments:
        release = chosen(releases(connect(*meant.connection)), meant.release)
        if release is None:
            raise InputError(
                "no release is installed here; valid: --cert-secret NAME --namespace NAME, or --cert-dir DIR"
            )
        arguments, namespace = release.arguments, release.namespace
    secret = next(option_values(arguments, ("--cert-secret",)), "")
    if not secret:
        raise InputError("this server keeps no certificates of its own (no --cert-secret): who issues them renews them")
    return namespace, secret
