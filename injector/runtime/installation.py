"""The ConfigMaps of an installation of Istio, read from a cluster as configuration, and followed.

Apart from `config_sources`: the official client takes its time to load, for nothing where files are the configuration.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from injector.cluster.api import CONFIG_MAPS, ApiServer, ClusterError
from injector.cluster.client import connect
from injector.cluster.watch import Reflector, Source, Status
from injector.config.loader import ConfigText
from injector.core.model import JsonObject
from injector.core.selection import DEFAULT_REVISION
from injector.core.yaml.writer import write
from injector.runtime.config_sources import Connection, Installation
from injector.runtime.errors import InputError, as_input_error

# Later ones win: istiod injects by what its injector's ConfigMap holds; `values` came with Istio 1.24 and adds to it.
_VALUES, _MESH, TEMPLATES_NAME = "values", "istio", "istio-sidecar-injector"
CONFIG_MAP_NAMES = (_VALUES, _MESH, TEMPLATES_NAME)


def read_installation(installation: Installation, connection: Connection) -> Sequence[ConfigText]:
    """Its ConfigMaps in the order in which they count, each as `kubectl get configmap NAME -o yaml` shows it.

    Raises InputError where the cluster cannot be asked, or lacks one.
    """
    try:
        server = connect(*connection)
        found = [_read(server, installation, name) for name in CONFIG_MAP_NAMES]
    except ClusterError as error:
        raise InputError(f"{installation}: {error}") from error
    return [config_text(each) for each in found if each is not None]


def _read(server: ApiServer, installation: Installation, called: str) -> JsonObject | None:
    name = installation.config_map(called)
    try:
        return server.get(CONFIG_MAPS, name, installation.namespace)
    except ClusterError as error:
        if not error.is_missing:
            raise
        if called == _VALUES:
            return None
        raise InputError(
            f"{installation}: there is no ConfigMap {installation.namespace}/{name}; "
            f"revisions there: {_revisions(server, installation.namespace)}"
        ) from error


def _revisions(server: ApiServer, namespace: str) -> str:
    """The installations in a namespace, as far as they may be listed: only the ConfigMaps in use have to be."""
    names: list[str] = []
    with suppress(ClusterError):
        names = [each["metadata"]["name"] for each in server.items(CONFIG_MAPS, namespace)]
    revisions = [
        name.removeprefix(TEMPLATES_NAME).removeprefix("-") for name in names if name.startswith(TEMPLATES_NAME)
    ]
    return ", ".join(revision or DEFAULT_REVISION for revision in sorted(revisions)) or "none that may be listed"


def config_text(config_map: JsonObject) -> ConfigText:
    """The ConfigMap as `kubectl get configmap NAME -o yaml` shows it."""
    metadata = config_map["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace") or "default"
    shown = {
        "apiVersion": "v1",
        "data": dict(sorted((config_map.get("data") or {}).items())),
        "kind": CONFIG_MAPS.kind,
        "metadata": {"name": name, "namespace": namespace},
    }
    return ConfigText(f"ConfigMap {namespace}/{name}", write(shown))


class InstallationWatch:
    """Follows the ConfigMaps of installations."""

    def __init__(
        self,
        installations: Iterable[Installation],
        connection: Connection,
        changed: Callable[[], None],
        noted: Callable[[], None],
    ) -> None:
        """Call `changed` after each change, and `noted` when changes no longer arrive or do again.

        Both are called from threads of its own. Raises InputError where there is no cluster to talk to.
        """
        with as_input_error(ClusterError):
            server = connect(*connection)
        self._reflectors = [
            Reflector(server, Source(CONFIG_MAPS, each.config_map(name), each.namespace), changed, noted)
            for each in installations
            for name in CONFIG_MAP_NAMES
        ]

    def start(self) -> None:
        """Begin to follow them."""
        for reflector in self._reflectors:
            reflector.start()

    def stop(self) -> None:
        """No longer follow them."""
        for reflector in self._reflectors:
            reflector.stop()

    @property
    def statuses(self) -> Mapping[str, Status]:
        """How current each of them is known now."""
        return {str(each.source): each.status for each in self._reflectors}

    @property
    def lost(self) -> str:
        """Why changes of some no longer arrive; empty where they do."""
        return "; ".join(f"{each.source}: {each.error}" for each in self._reflectors if each.is_lost)
