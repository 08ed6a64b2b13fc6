"""The part of `injector check` that asks a cluster, section by section."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from certs.authority import CertificateError, certificates_in, describe, serving_faults
from certs.model import Holding
from certs.secret import SecretStore, SecretStoreError
from injector.cluster.api import MUTATING_POLICIES, WEBHOOK_CONFIGURATIONS, ApiServer, ClusterError
from injector.cluster.ca_bundles import lacking, own_entries
from injector.cluster.client import connect
from injector.cluster.diagnosis import (
    endpoint_finding,
    namespace_findings,
    plain_decision,
    ready_endpoints,
    registration_findings,
    services_of,
)
from injector.cluster.environment import own_namespace, server_arguments
from injector.cluster.findings import Finding, Section, Severity, ok, warning
from injector.cluster.inventory import read_cluster
from injector.cluster.permissions import Permissions, rights_of
from injector.cluster.policies import policy_findings
from injector.cluster.references import missing_references
from injector.cluster.release import Release, release_of_server, releases_of
from injector.cluster.replicas import pods_of, replica_findings
from injector.cluster.rivals import rival_findings
from injector.cluster.trial_pods import Trial, trial_pod, trials, try_pod
from injector.core.admission import admit_request
from injector.core.model import JsonObject, Snapshot
from injector.core.setup import Setup
from injector.reports.evaluate import request_for
from injector.reports.references import Reference, added_references
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError, as_input_error
from injector.runtime.releases import chosen, installed_configuration

_AT_ONCE = 8
# Namespaces for which a pod is rendered: each takes a millisecond, and there may be thousands.
_MOST_RENDERED = 500
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the cluster, and what of it.

    `webhook_configs` and `release` choose among several releases; `secret`, as namespace and name, holds the
    certificates of a server that is no Deployment here.
    """

    connection: Connection
    webhook_configs: tuple[str, ...] = ()
    release: str = ""
    secret: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What was read once, for all sections. `is_whole`: `configurations` are all that there are."""

    server: ApiServer
    configurations: Sequence[JsonObject]
    snapshot: Snapshot
    is_whole: bool

    @property
    def namespaces(self) -> list[JsonObject]:
        return list(self.snapshot.namespaces.values())


def cluster_sections(place: Place, given: Setup | None, sets: Sequence[str] = ()) -> list[Section]:
    """What a look at the cluster finds; without `given` with the configuration of each installed release.

    Raises InputError where the cluster cannot be asked.
    """
    with as_input_error(ClusterError):
        server = connect(*place.connection)
        arguments = server_arguments() if not (place.webhook_configs or place.release) else ()
        own = [release_of_server(server, arguments, own_namespace())] if arguments else []
        own = [each for each in own if each.configurations]
        configurations, is_whole = _configurations(server, place.webhook_configs, own)
        cluster = _Cluster(server, configurations, read_cluster(server), is_whole)
        found = own or releases_of(server, configurations, place.webhook_configs)
    if place.release:
        found = [each for each in [chosen(found, place.release)] if each]
    if not found:
        missing = Finding("registration", "no webhook configuration calls the injector: no pod is injected")
        return [Section("registration", (missing,))]
    sections: list[Section] = []
    for release in found:
        title = f" of {release.name}" if len(found) > 1 else ""
        sections += _release_sections(cluster, release, place, given, sets, title)
    return sections


def _release_sections(  # noqa: PLR0913, PLR0917 -- what is known of a release and how to call it
    cluster: _Cluster, release: Release, place: Place, given: Setup | None, sets: Sequence[str], title: str
) -> Iterator[Section]:
    setup, configuration = (
        (given, []) if given else installed_configuration(cluster.server, place.connection, release, sets)
    )
    if configuration:
        yield Section(f"configuration{title}", tuple(configuration))
    looks: dict[str, Callable[[], Iterable[Finding]]] = {
        "admission": lambda: _admissions(cluster, release, setup),
        "registration": lambda: _registration(release, setup),
        "certificates": lambda: _certificates(cluster, release, place.secret),
        "endpoints": lambda: _endpoints(cluster, release),
        "replicas": lambda: _replicas(cluster, release),
        "permissions": lambda: _permissions(cluster, release),
        "namespaces": lambda: _namespaces(cluster, release, setup),
        "other webhooks": lambda: _rivals(cluster, release),
        "policies": lambda: policy_findings(setup.config, _policies(cluster.server)),
        "objects that templates need": lambda: _references(cluster, release, setup),
    }
    for name, look in looks.items():
        yield Section(f"{name}{title}", tuple(_looked_at(name, look)))


def _looked_at(name: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of one section: that something may not be read says nothing against the others."""
    try:
        return list(look())
    except ClusterError as error:
        return [warning(name, f"not looked at: {error}")]


def _configurations(server: ApiServer, names: Sequence[str], own: Sequence[Release]) -> tuple[list[JsonObject], bool]:
    """Webhook configurations, and whether they are all: those of `own` or `names` where others may not be read.

    Raises ClusterError, and InputError where none is named.
    """
    if own:
        return [each for release in own for each in release.configurations], False
    try:
        return server.items(WEBHOOK_CONFIGURATIONS), True
    except ClusterError as error:
        if not error.is_forbidden:
            raise
        if not names:
            raise InputError(
                f"{error}; name yours with --webhook-config, or use an account that may list them"
            ) from error
        return [server.get(WEBHOOK_CONFIGURATIONS, name) for name in names], False


def _at_once(look: Callable[[Item], Finding | None], items: Iterable[Item]) -> list[Finding]:
    """What `look` finds, several requests at a time: with a distant API server one after the other takes long."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [each for each in pool.map(look, items) if each is not None]


def _admissions(cluster: _Cluster, release: Release, setup: Setup) -> list[Finding]:
    where = {
        "release_namespace": release.namespace or "NAMESPACE",
        "service": release.service,
        "workload": f"deploy/{release.deployment['metadata']['name']}" if release.deployment else "POD",
    }

    def look(trial: Trial) -> Finding:
        expected = {
            each: admit_request(request_for(trial.pod, each), setup, cluster.snapshot) for each in trial.namespaces
        }
        return try_pod(cluster.server, trial, expected, where)

    return _at_once(look, trials(release.configurations, cluster.namespaces))


def _registration(release: Release, setup: Setup) -> list[Finding]:
    found = list(registration_findings(release.configurations, setup.selection))
    entries = sum(len(own_entries(each)) for each in release.configurations)
    return found or [
        ok(release.name, f"{entries} entries, as the opt-in table of revision {release.revision} has them")
    ]


def _policies(server: ApiServer) -> list[JsonObject]:
    """The policies of a cluster; none where its release has no such resource."""
    try:
        return server.items(MUTATING_POLICIES)
    except ClusterError as error:
        if error.is_missing:
            return []
        raise


def _certificates(cluster: _Cluster, release: Release, secret: tuple[str, str] | None) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for configuration in release.configurations:
        for entry in own_entries(configuration):
            subject = f"{configuration['metadata']['name']}/{entry['name']}"
            yield from (Finding(subject, fault) for fault in _bundle_faults(entry["clientConfig"].get("caBundle"), now))
    named = secret or next(((release.namespace, each) for each in release.option("--cert-secret")), None)
    if named is not None:
        yield from _secret(SecretStore(cluster.server.client, *named), release, now)


def _bundle_faults(encoded: str | None, now: datetime) -> Iterator[str]:
    if not encoded:
        return
    try:
        ends = [describe(each).not_after for each in certificates_in(b64decode(encoded))]
    except (CertificateError, NoBase64) as error:
        yield f"its CA bundle cannot be read: {error}"
        return
    if all(end <= now for end in ends):
        yield f"every certificate of its CA bundle has expired, the last one at {max(ends):%Y-%m-%d %H:%M}Z"


def _secret(store: SecretStore, release: Release, now: datetime) -> Iterator[Finding]:
    try:
        held = store.load()
    except SecretStoreError as error:
        yield warning(str(store), f"not looked at: {error}")
        return
    if held is None:
        yield Finding(str(store), "it holds no certificates, or not all of them; a running injector makes them")
        return
    faults = [*serving_faults(held.serving, held.authority.certificate, (), now), *_ended(held, now)]
    yield from (Finding(str(store), fault, command="injector rotate") for fault in faults)
    for configuration in release.configurations:
        names: Sequence[str] = lacking(configuration, held.bundle)
        if names:
            message = f"the CA bundle of {', '.join(names)} is not that of {store}"
            yield Finding(configuration["metadata"]["name"], message)
    if not faults:
        yield ok(str(store), _validity(held))


def _ended(held: Holding, now: datetime) -> Iterator[str]:
    end = describe(held.authority.certificate).not_after
    if end <= now:
        yield f"the authority ended at {end:%Y-%m-%d %H:%M}Z"


def _validity(held: Holding) -> str:
    ends = [
        f"{describe(each).not_after:%Y-%m-%d %H:%M}Z" for each in (held.authority.certificate, held.serving.certificate)
    ]
    rotating = "; a rotation of the authority is under way" if held.upcoming or held.retiring else ""
    return f"authority until {ends[0]}, serving certificate until {ends[1]}{rotating}"


def _endpoints(cluster: _Cluster, release: Release) -> Iterator[Finding]:
    for namespace, name in services_of(release.configurations):
        yield endpoint_finding(f"{namespace}/{name}", ready_endpoints(cluster.server, namespace, name))
    if not release.namespace:
        yield ok(release.service, "is called by its URL: its replicas are not looked at")


def _replicas(cluster: _Cluster, release: Release) -> Iterator[Finding]:
    if not release.namespace:
        return
    pods = pods_of(cluster.server, release)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda pod: replica_findings(cluster.server, pod), pods):
            yield from found
    if not pods:
        events = f"kubectl get events -n {release.namespace} --sort-by=.lastTimestamp"
        yield Finding(release.title, "has no pods", command=events)


def _permissions(cluster: _Cluster, release: Release) -> list[Finding]:
    if release.deployment is None:
        return []
    asked, rights = Permissions(cluster.server, release), rights_of(release)
    found = _at_once(asked.finding, rights)
    return list(dict.fromkeys(found)) or [asked.granted(len(rights))]


def _namespaces(cluster: _Cluster, release: Release, setup: Setup) -> list[Finding]:
    names = {each["metadata"]["name"] for each in release.configurations}
    others = [each for each in cluster.configurations if each["metadata"]["name"] not in names and own_entries(each)]
    found = namespace_findings(cluster.namespaces, setup, release.configurations, others)
    if found:
        # Who may read its own registration alone cannot know what others serve.
        return found if cluster.is_whole else [replace(each, severity=Severity.WARNING) for each in found]
    count = sum(plain_decision(each, setup).inject for each in cluster.namespaces)
    return [ok("namespaces", f"{count} of {len(cluster.namespaces)} have their pods injected")]


def _rivals(cluster: _Cluster, release: Release) -> list[Finding]:
    if not cluster.is_whole:
        return [warning("other webhooks", "not looked at: this account may read its own registration alone")]
    return rival_findings(release, cluster.configurations, cluster.namespaces)


def _references(cluster: _Cluster, release: Release, setup: Setup) -> Iterator[Finding]:
    """What the pods of opted-in namespaces would wait for in vain."""
    pods = [trial_pod(entry) for each in release.configurations for entry in own_entries(each)]
    pod = pods[0]
    wanted: list[tuple[str, Reference]] = []
    injected = [each["metadata"]["name"] for each in cluster.namespaces if plain_decision(each, setup).inject]
    for name in injected[:_MOST_RENDERED]:
        result = admit_request(request_for(pod, name), setup, cluster.snapshot).pod
        wanted += [(name, each) for each in added_references(pod, result)]
    missing = missing_references(cluster.server, wanted)
    for name, absent in missing.absent.items():
        listed = ", ".join(map(str, absent))
        message = f"its injected pods do not start: {listed} is missing there"
        yield Finding(f"Namespace {name}", message, command=f"kubectl get {absent[0].kind.lower()}s -n {name}")
    yield from (warning(each.partition(":")[0], f"not looked at: {each}") for each in missing.unread)
    if not missing.absent and not missing.unread:
        counted = f"{len(dict.fromkeys(wanted))} ConfigMaps, Secrets and ServiceAccounts are there"
        left = len(injected) - _MOST_RENDERED
        yield ok("references", f"{counted}; {left} namespaces were not looked at" if left > 0 else counted)
