"""Connecting to a cluster: inside with the service account, outside with a kubeconfig whose context can be chosen.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_incluster_config, load_kube_config

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.environment import TOKEN, in_cluster
from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read

_KUBECONFIG_VARIABLE = "KUBECONFIG"
_DEFAULT_KUBECONFIG = "~/.kube/config"


def connect(kubeconfig: Path | None = None, context: str | None = None) -> ApiServer:
    """The API server that a kubeconfig names; without `kubeconfig` and `context` the service account's, in a cluster.

    Outside a cluster the kubeconfig is, as for kubectl, $KUBECONFIG or ~/.kube/config. Raises ClusterError, naming the
    file, the context, and what would be valid. Nothing is sent yet.
    """
    configuration = Configuration()
    if kubeconfig is None and context is None and in_cluster():
        try:
            load_incluster_config(configuration)
        except (ConfigException, OSError) as error:
            raise ClusterError(f"service account {TOKEN}: {error}") from error
        return ApiServer(configuration)
    _load_kubeconfig(configuration, kubeconfig, context)
    return ApiServer(configuration)


def _load_kubeconfig(configuration: Configuration, kubeconfig: Path | None, context: str | None) -> None:
    files = _kubeconfig_files(kubeconfig)
    try:
        load_kube_config(os.pathsep.join(map(str, files)), context, configuration, persist_config=False)
    except (ConfigException, yaml.YAMLError, OSError, AttributeError, TypeError, KeyError) as error:
        where, problem = ", ".join(map(str, files)), " ".join(str(error).split())
        names = ", ".join(_context_names(files)) or "none"
        chosen = f"context {context!r}" if context else "its current context"
        raise ClusterError(f"{where}: {chosen} cannot be used: {problem}; contexts there: {names}") from error


def _context_names(files: list[Path]) -> Iterator[str]:
    for file in files:
        with suppress(YamlError, OSError, UnicodeDecodeError, AttributeError, TypeError, KeyError):
            document = read(file.read_text(encoding="utf-8"))
            yield from [str(each["name"]) for each in document["contexts"]]


def _kubeconfig_files(kubeconfig: Path | None) -> list[Path]:
    """One file, or several as $KUBECONFIG lists them."""
    listed = str(kubeconfig) if kubeconfig else os.environ.get(_KUBECONFIG_VARIABLE) or _DEFAULT_KUBECONFIG
    files = [Path(each).expanduser() for each in listed.split(os.pathsep) if each]
    if kubeconfig is None and not any(file.is_file() for file in files):
        raise ClusterError(
            f"{listed}: no cluster to talk to; valid: --kubeconfig FILE, {_KUBECONFIG_VARIABLE} in the environment, "
            f"{_DEFAULT_KUBECONFIG}, or a service account in a cluster"
        )
    for file in files:
        if kubeconfig is not None and not file.is_file():
            raise ClusterError(f"{file}: cannot be read: no such file; valid: a kubeconfig, as kubectl uses it")
    return files
