"""The releases of the injector that are installed in a cluster, and the configuration each of them runs with.

A release is found through its registration: webhook configuration → Service → Deployment → the arguments of its server
and the ConfigMaps that it mounts.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath

from injector.cluster.api import CONFIG_MAPS, DEPLOYMENTS, SERVICES, WEBHOOK_CONFIGURATIONS, ApiServer, ClusterError
from injector.cluster.ca_bundles import own_entries
from injector.core.model import Container, JsonObject
from injector.core.pods import containers

REVISION_LABEL = "injector/revision"
_CONFIG_OPTIONS = ("-c", "--config")
_SET_OPTION = "--set"
CLUSTER_SCHEME = "cluster://"
_ISTIOD = "istiod"
_DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Release:
    """An installed injector: the webhook configurations that call it, its Service, and its Deployment if it has one.

    `own_arguments` are those of the server in this container, where that is the one.
    """

    configurations: tuple[JsonObject, ...]
    namespace: str
    service: str
    deployment: JsonObject | None
    own_arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is chosen among several: the name of its first webhook configuration."""
        return str(self.configurations[0]["metadata"]["name"])

    @property
    def revision(self) -> str:
        """The revision that its registration says it serves."""
        return str((self.configurations[0]["metadata"].get("labels") or {}).get(REVISION_LABEL) or "default")

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of its server."""
        return self.own_arguments or tuple(map(str, self._server.get("args") or ()))

    @property
    def service_account(self) -> str:
        """The account that its server has."""
        return str((self._pod.get("spec") or {}).get("serviceAccountName") or "default")

    @property
    def title(self) -> str:
        """Namespace and name of its Deployment, or of what its registration calls."""
        name = self.deployment["metadata"]["name"] if self.deployment else self.service
        return f"{self.namespace}/{name}" if self.namespace else name

    def option(self, name: str) -> list[str]:
        """The values of an option of its server."""
        return list(option_values(self.arguments, (name,)))

    @property
    def _pod(self) -> JsonObject:
        """The pod template."""
        template: JsonObject = ((self.deployment or {}).get("spec") or {}).get("template") or {}
        return template

    @property
    def _server(self) -> Container:
        """The container that serves."""
        return next((each for each in containers(self._pod) if "serve" in (each.get("args") or ())), {})

    def mounted(self, path: str) -> tuple[str, str] | None:
        """The ConfigMap, and the key in it, that the server reads as the file `path`."""
        volumes = {each.get("name"): each for each in (self._pod.get("spec") or {}).get("volumes") or ()}
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
    return releases_of(server, server.items(WEBHOOK_CONFIGURATIONS), names)


def releases_of(server: ApiServer, configurations: Sequence[JsonObject], names: Sequence[str] = ()) -> list[Release]:
    """The releases among webhook `configurations`; Istio's own only where `names` names them. Raises ClusterError."""
    called: dict[tuple[str, str], list[JsonObject]] = {}
    for configuration in configurations:
        if configuration["metadata"]["name"] not in names if names else is_of_istio(configuration):
            continue
        for place in dict.fromkeys(map(_service, own_entries(configuration))):
            called.setdefault(place, []).append(configuration)
    return [
        Release(tuple(configurations), namespace, service, _deployment(server, namespace, service))
        for (namespace, service), configurations in called.items()
    ]


def release_config(server: ApiServer, release: Release) -> ReleaseConfig:
    """The configuration that the arguments of its server name. Raises ClusterError where it cannot be read."""
    sets = tuple(option_values(release.arguments, (_SET_OPTION,)))
    if release.own_arguments:
        # Its files are those of this container.
        return ReleaseConfig(tuple((name, None) for name in option_values(release.arguments, _CONFIG_OPTIONS)), sets)
    held: dict[str, Mapping[str, str]] = {}
    sources: list[tuple[str, str | None]] = []
    for name in option_values(release.arguments, _CONFIG_OPTIONS):
        if name.startswith(CLUSTER_SCHEME):
            sources.append((name, None))
            continue
        place = release.mounted(name)
        if place is None:
            raise ClusterError(f"Deployment {release.title}: {name} is not a file of a ConfigMap that it mounts")
        config_map, key = place
        if config_map not in held:
            held[config_map] = server.get(CONFIG_MAPS, config_map, release.namespace).get("data") or {}
        if key not in held[config_map]:
            raise ClusterError(f"ConfigMap {release.namespace}/{config_map} has no key {key!r}")
        sources.append((f"ConfigMap {release.namespace}/{config_map}, {key}", held[config_map][key]))
    return ReleaseConfig(tuple(sources), sets)


def release_of_server(server: ApiServer, arguments: Sequence[str], default_namespace: str) -> Release:
    """The release of the server with these `arguments`, as far as its own account may read it. Raises ClusterError."""
    namespace = next(option_values(arguments, ("--namespace",)), default_namespace)
    configurations = [
        server.get(WEBHOOK_CONFIGURATIONS, name) for name in option_values(arguments, ("--webhook-config",))
    ]
    service = next(option_values(arguments, ("--service",)), "")
    reported = (each.partition("/")[::2] for each in option_values(arguments, ("--report-to",)))
    name = next((name for kind, name in reported if kind == _DEPLOYMENT), "")
    deployment = None
    if name:
        with suppress(ClusterError):
            deployment = server.get(DEPLOYMENTS, name, namespace)
    return Release(tuple(configurations), namespace, service, deployment, tuple(arguments))


def is_of_istio(configuration: JsonObject) -> bool:
    """Whether a webhook configuration is one of istiod's, whose entries are named as those of this project are.

    Source: manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml in Istio's repository.
    """
    labels = configuration["metadata"].get("labels") or {}
    services = [_service(each)[1] for each in own_entries(configuration)]
    return REVISION_LABEL not in labels and (
        "operator.istio.io/component" in labels
        or labels.get("app.kubernetes.io/part-of") == "istio"
        or any(name == _ISTIOD or name.startswith(f"{_ISTIOD}-") for name in services)
    )


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


def option_values(arguments: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """The values of options, given as `--name=value` or `--name value`."""
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        name, equals, value = argument.partition("=")
        if name in options:
            yield value if equals else following
