"""The releases of the injector that are installed in a cluster, and the configuration each of them runs with.

A release is found through its registration: webhook configuration → Service → Deployment → the arguments of its server
and the ConfigMaps that it mounts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from injector.cluster.api import CONFIG_MAPS, DEPLOYMENTS, SERVICES, WEBHOOK_CONFIGURATIONS, ApiServer, ClusterError
from injector.cluster.ca_bundles import own_entries
from injector.core.model import Container, JsonObject
from injector.core.pods import containers

_REVISION_LABEL = "injector/revision"
_CONFIG_OPTIONS = ("-c", "--config")
_SET_OPTION = "--set"
_CLUSTER_SCHEME = "cluster://"


@dataclass(frozen=True, slots=True)
class Release:
    """An installed injector: the webhook configurations that call it, its Service, and its Deployment if it has one."""

    configurations: tuple[JsonObject, ...]
    namespace: str
    service: str
    deployment: JsonObject | None

    @property
    def name(self) -> str:
        """How it is chosen among several: the name of its first webhook configuration."""
        return str(self.configurations[0]["metadata"]["name"])

    @property
    def revision(self) -> str:
        """The revision that its registration says it serves."""
        return str((self.configurations[0]["metadata"].get("labels") or {}).get(_REVISION_LABEL) or "default")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of its server."""
        return tuple(map(str, self._server.get("args") or ()))

    @property
    def _server(self) -> Container:
        """The container that serves."""
        pod = ((self.deployment or {}).get("spec") or {}).get("template") or {}
        return next((each for each in containers(pod) if "serve" in (each.get("args") or ())), {})

    def mounted(self, path: str) -> tuple[str, str] | None:
        """The ConfigMap, and the key in it, that the server reads as the file `path`."""
        pod = ((self.deployment or {}).get("spec") or {}).get("template") or {}
        volumes = {each.get("name"): each for each in (pod.get("spec") or {}).get("volumes") or ()}
        for mount in self._server.get("volumeMounts") or ():
            directory, file = PurePosixPath(mount.get("mountPath") or "/"), PurePosixPath(path)
            source = (volumes.get(mount.get("name")) or {}).get("configMap")
            if source and directory in file.parents:
                wanted = str(file.relative_to(directory))
                keys = {each.get("path"): each.get("key") for each in source.get("items") or ()}
                return str(source["name"]), str(keys.get(wanted, wanted))
        return None


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """What a release is configured with: texts by name and `cluster://` sources, in order, and `--set` flags."""

    sources: tuple[tuple[str, str | None], ...]
    sets: tuple[str, ...]


def releases(server: ApiServer, names: Sequence[str] = ()) -> list[Release]:
    """The releases whose webhook configurations are called `names`, or all of them. Raises ClusterError."""
    called: dict[tuple[str, str], list[JsonObject]] = {}
    for configuration in server.items(WEBHOOK_CONFIGURATIONS):
        if names and configuration["metadata"]["name"] not in names:
            continue
        for place in dict.fromkeys(map(_service, own_entries(configuration))):
            called.setdefault(place, []).append(configuration)
    return [
        Release(tuple(configurations), namespace, service, _deployment(server, namespace, service))
        for (namespace, service), configurations in called.items()
    ]


def release_config(server: ApiServer, release: Release) -> ReleaseConfig:
    """The configuration that the arguments of its server name. Raises ClusterError where it cannot be read."""
    held: dict[str, Mapping[str, str]] = {}
    sources: list[tuple[str, str | None]] = []
    for name in _values(release.arguments, _CONFIG_OPTIONS):
        if name.startswith(_CLUSTER_SCHEME):
            sources.append((name, None))
            continue
        place = release.mounted(name)
        if place is None:
            raise ClusterError(f"Deployment {_title(release)}: {name} is not a file of a ConfigMap that it mounts")
        config_map, key = place
        if config_map not in held:
            held[config_map] = server.get(CONFIG_MAPS, config_map, release.namespace).get("data") or {}
        if key not in held[config_map]:
            raise ClusterError(f"ConfigMap {release.namespace}/{config_map} has no key {key!r}")
        sources.append((f"ConfigMap {release.namespace}/{config_map}, {key}", held[config_map][key]))
    return ReleaseConfig(tuple(sources), tuple(_values(release.arguments, (_SET_OPTION,))))


def _service(entry: JsonObject) -> tuple[str, str]:
    """Namespace and name of the Service that an entry calls; for a URL an empty namespace, and the URL."""
    config = entry.get("clientConfig") or {}
    service = config.get("service") or {}
    return str(service.get("namespace") or ""), str(service.get("name") or config.get("url") or "")


def _deployment(server: ApiServer, namespace: str, service: str) -> JsonObject | None:
    """The Deployment whose pods the Service selects."""
    if not namespace:
        return None
    try:
        selector = (server.get(SERVICES, service, namespace).get("spec") or {}).get("selector") or {}
    except ClusterError as error:
        if error.is_missing:
            return None
        raise
    for deployment in server.items(DEPLOYMENTS, namespace) if selector else ():
        template = deployment["spec"]["template"]
        labels = (template.get("metadata") or {}).get("labels") or {}
        if selector.items() <= labels.items():
            return deployment
    return None


def _values(arguments: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """The values of options, given as `--name=value` or `--name value`."""
    for at, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in options:
            yield value if equals else arguments[at + 1]


def _title(release: Release) -> str:
    name = release.deployment["metadata"]["name"] if release.deployment else release.service
    return f"{release.namespace}/{name}"
