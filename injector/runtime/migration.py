"""What `injector migrate` looks at: the installations of Istio in a cluster, or in files that stand in for one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from injector.cluster.api import (
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    PODS,
    PROXY_CONFIGS,
    WEBHOOK_CONFIGURATIONS,
    ApiServer,
    ClusterError,
    Resource,
)
from injector.cluster.ca_bundles import own_entries
from injector.cluster.client import connect
from injector.cluster.inventory import Inventory, controller_of
from injector.cluster.objects import Namespace, Node, ProxyConfig
from injector.cluster.release import REVISION_LABEL, is_of_istio, releases
from injector.cluster.snapshot_file import snapshot_of
from injector.config import ConfigFaults, load
from injector.core.errors import quoted
from injector.core.model import EMPTY_SNAPSHOT, JsonObject, Pod, Snapshot
from injector.core.selection import DEFAULT_REVISION, REVISION_KEY
from injector.core.setup import Setup, set_up
from injector.reports.documents import Document, UnreadableInputError
from injector.reports.evaluate import with_documents
from injector.reports.migration import Revision, Situation
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.installation import CONFIG_MAP_NAMES, TEMPLATES_NAME, config_text
from injector.runtime.loading import located_faults
from injector.runtime.releases import installed_setup

_TAG_LABEL = "istio.io/tag"
_USUAL_NAMESPACE = "istio-system"
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The objects that a migration looks at, and one line for each thing that could not be seen."""

    snapshot: Snapshot
    webhooks: tuple[JsonObject, ...]
    config_maps: tuple[JsonObject, ...]
    documents: tuple[Document, ...] = ()
    pods: tuple[Pod, ...] = ()
    unseen: tuple[str, ...] = ()


def in_documents(documents: Sequence[Document]) -> Surroundings:
    """What files show, such as the output of `kubectl get -o yaml`. Raises InputError with every fault of them."""
    faults = [f"{each.where}: {each.object['kind']}: {fault}" for each in documents for fault in _faults(each.object)]
    if faults:
        raise InputError("\n".join(faults))
    with as_input_error(UnreadableInputError):
        known = with_documents(EMPTY_SNAPSHOT, documents)
    objects = [each.object for each in documents]

    def of(resource: Resource) -> tuple[JsonObject, ...]:
        return tuple(each for each in objects if each["kind"] == resource.kind)

    proxy_configs = snapshot_of((), (), of(PROXY_CONFIGS)).proxy_configs
    own = tuple(each for each in documents if each.object["kind"] not in _SEEN and controller_of(each.object) is None)
    snapshot = replace(known, proxy_configs=proxy_configs)
    return Surroundings(snapshot, of(WEBHOOK_CONFIGURATIONS), of(CONFIG_MAPS), own, of(PODS))


def _faults(document: JsonObject) -> Iterator[str]:
    """What keeps an object of a file from being looked at."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        yield f"metadata must be a mapping, got {quoted(metadata)}"
    elif document["kind"] in _SEEN:
        yield from _unlike(metadata.get("labels"), "metadata.labels")
    if document["kind"] == CONFIG_MAPS.kind:
        yield from _unlike(document.get("data"), "data")
    if document["kind"] == WEBHOOK_CONFIGURATIONS.kind:
        entries = document.get("webhooks") or []
        if not isinstance(entries, list) or not all(_is_entry(each) for each in entries):
            yield "webhooks must be a list of mappings with a name and a clientConfig"


def _unlike(value: Any, path: str) -> Iterator[str]:
    texts = [*value, *value.values()] if isinstance(value, dict) else [value]
    if value is not None and not all(isinstance(text, str) for text in texts):
        yield f"{path} must map strings to strings"


def _is_entry(entry: Any) -> bool:
    config = entry.get("clientConfig") if isinstance(entry, dict) else None
    return (
        isinstance(config, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(config.get("service"), dict | None)
    )


# Kinds that are looked at for themselves.
_SEEN = ("Namespace", "Node", "ConfigMap", "MutatingWebhookConfiguration", "ProxyConfig")


@dataclass
class _Reader:
    """Reads what the account may see of a cluster, and notes what it may not."""

    server: ApiServer
    unseen: list[str] = field(default_factory=list)

    def read(self, what: str, call: Callable[[], Sequence[Found]], *, may_be_absent: bool = False) -> Sequence[Found]:
        """The objects, or none where they may not be read. Raises ClusterError where there is no cluster."""
        try:
            return call()
        except ClusterError as error:
            if not (error.is_forbidden or error.is_missing):
                raise
            if error.is_forbidden or not may_be_absent:
                self.unseen.append(f"{what}: {error}")
            return ()

    def all_of(self, resource: Resource, namespace: str = "", *, may_be_absent: bool = False) -> Sequence[JsonObject]:
        """Every object of a kind."""
        where = f" of {namespace}" if namespace else ""
        return self.read(
            f"{resource.plural}{where}", lambda: self.server.items(resource, namespace), may_be_absent=may_be_absent
        )

    def reduced(self, resource: Resource, shape: type, *, may_be_absent: bool = False) -> Sequence[JsonObject]:
        """Every object of a kind, with the fields of `shape` alone."""
        return self.read(
            resource.plural,
            lambda: [item for page in self.server.pages(resource, shape=shape) for item in page.items],
            may_be_absent=may_be_absent,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Which cluster to look at. `namespace` is that of Istio, where no webhook configuration says it."""

    connection: Connection
    namespace: str = ""
    with_workloads: bool = False


def in_cluster(place: Place) -> Surroundings:
    """What may be seen of a cluster. Raises InputError where it cannot be reached."""
    with as_input_error(ClusterError):
        server = connect(*place.connection)
        reader = _Reader(server)
        webhooks = reader.all_of(WEBHOOK_CONFIGURATIONS)
        called = map(_namespace_called, filter(is_of_istio, webhooks))
        namespaces_of_istio = dict.fromkeys(filter(None, (place.namespace, *called))) or (_USUAL_NAMESPACE,)
        config_maps = [found for namespace in namespaces_of_istio for found in reader.all_of(CONFIG_MAPS, namespace)]
        namespaces = reader.reduced(NAMESPACES, Namespace)
        nodes = reader.reduced(NODES, Node)
        proxy_configs = reader.reduced(PROXY_CONFIGS, ProxyConfig, may_be_absent=True)
        documents, pods = list[Document](), list[Pod]()
        if place.with_workloads:
            inventory = Inventory(server)
            documents = [Document(server.url, each) for each in inventory.workloads()]
            pods = list(reader.all_of(PODS))
            reader.unseen += inventory.unread
    known = snapshot_of(namespaces, nodes or None, proxy_configs)
    unseen = tuple(dict.fromkeys(reader.unseen))
    return Surroundings(known, tuple(webhooks), tuple(config_maps), tuple(documents), tuple(pods), unseen)


def setup_of_release(connection: Connection, name: str, sets: Sequence[str]) -> tuple[Setup | None, list[str]]:
    """The configuration of the release of this injector in a cluster, if there is one; and why it cannot be seen.

    `name` is that of one of several, `sets` are flags over its configuration.
    """
    try:
        with as_input_error(ClusterError):
            server = connect(*connection)
            if not releases(server):
                return None, []
        return installed_setup(server, connection, None, sets, name), []
    except InputError as error:
        return None, [f"the configuration of the release of this injector: {error}"]


def situation_in(surroundings: Surroundings) -> Situation:
    """The revisions of Istio, each with its configuration ready for use. Raises InputError where there is none."""
    named = {(_namespace(each), _name(each)): each for each in surroundings.config_maps}
    places = [
        (namespace, name.removeprefix(TEMPLATES_NAME).removeprefix("-") or DEFAULT_REVISION)
        for namespace, name in named
        if name == TEMPLATES_NAME or name.startswith(f"{TEMPLATES_NAME}-")
    ]
    if not places:
        unseen = "".join(f"; not seen: {each}" for each in surroundings.unseen)
        raise InputError(f"there is no Istio here: no ConfigMap {TEMPLATES_NAME} or {TEMPLATES_NAME}-REVISION{unseen}")
    revisions = [_revision(place, named, surroundings.webhooks) for place in sorted(places)]
    orphans = [
        f"the ConfigMaps of revision {_revision_label(each)}, which webhook configuration {_name(each)} leads to"
        for each in filter(is_of_istio, surroundings.webhooks)
        if _revision_label(each) not in {revision.name for revision in revisions}
    ]
    return Situation(tuple(revisions), surroundings.snapshot, (*surroundings.unseen, *orphans))


def _revision(
    place: tuple[str, str], named: Mapping[tuple[str, str], JsonObject], webhooks: Sequence[JsonObject]
) -> Revision:
    namespace, revision = place
    own = [each for each in webhooks if is_of_istio(each) and _revision_label(each) == revision]
    tags = tuple(sorted({tag for each in own if (tag := _labels(each).get(_TAG_LABEL))} - {revision}))
    suffix = "" if revision == DEFAULT_REVISION else f"-{revision}"
    texts = [
        config_text(found)
        for name in CONFIG_MAP_NAMES
        if (found := named.get((namespace, f"{name}{suffix}"))) is not None
    ]
    setup: Setup | None = None
    release, sets = "", (f"revision={revision}", f"revisionTags={{{','.join(tags)}}}")
    try:
        loaded = load(texts, sets)
        setup = set_up(loaded.config)
        faults = located_faults(loaded, setup)
        release = str(loaded.config.values["global"].get("tag") or "")
    except ConfigFaults as error:
        faults = str(error).splitlines()
    return Revision(
        namespace,
        revision,
        release,
        tags,
        tuple(map(_name, own)),
        tuple(_rivals(webhooks, {revision, *tags})),
        setup,
        tuple(faults),
    )


def _rivals(webhooks: Sequence[JsonObject], names: set[str]) -> Iterator[str]:
    """The webhook configurations of this injector that lead to it the pods of a revision or tag among `names`."""
    for each in webhooks:
        revision = _labels(each).get(REVISION_LABEL)
        if revision in names and own_entries(each) and not is_of_istio(each):
            yield f"webhook configuration {_name(each)} of this injector, revision {revision}"


def _metadata(document: JsonObject) -> JsonObject:
    metadata = document.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _labels(document: JsonObject) -> JsonObject:
    return _metadata(document).get("labels") or {}


def _name(document: JsonObject) -> str:
    return str(_metadata(document).get("name") or "")


def _namespace(document: JsonObject) -> str:
    return str(_metadata(document).get("namespace") or "default")


def _revision_label(configuration: JsonObject) -> str:
    return str(_labels(configuration).get(REVISION_KEY) or DEFAULT_REVISION)


def _namespace_called(configuration: JsonObject) -> str:
    """The namespace of the Service that a webhook configuration calls."""
    services = ((each.get("clientConfig") or {}).get("service") or {} for each in own_entries(configuration))
    return next((str(service["namespace"]) for service in services if service.get("namespace")), "")
