"""The part of `injector check` that asks a cluster: registration, CA bundles, certificates, endpoints, namespaces."""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from certs.authority import CertificateError, certificates_in, describe, serving_faults
from certs.secret import SecretStore, SecretStoreError
from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.ca_bundles import lacking, own_entries
from injector.cluster.client import connect
from injector.cluster.diagnosis import Finding, Surroundings, diagnose, survey
from injector.core.admission import Setup
from injector.core.selection import DEFAULT_REVISION
from injector.runtime.errors import as_input_error


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the cluster, the webhook configurations (none: all), and the Secret with certificates, if any."""

    kubeconfig: Path | None
    context: str | None
    webhook_configs: tuple[str, ...] = ()
    namespace: str = "default"
    secret: str | None = None


def cluster_findings(setup: Setup, place: Place) -> list[Finding]:
    """Everything that is wrong in the cluster. Raises InputError where it cannot be asked."""
    with as_input_error(ClusterError):
        server = connect(place.kubeconfig, place.context)
        found = survey(server, place.webhook_configs)
    config = setup.config
    revisions = (config.revision or DEFAULT_REVISION, *config.revision_tags)
    now = datetime.now(UTC)
    return [
        *diagnose(found, setup.selection, revisions),
        *_bundles(found, now),
        *(_secret(server, place, place.secret, found, now) if place.secret else ()),
    ]


def _bundles(found: Surroundings, now: datetime) -> Iterator[Finding]:
    for configuration in found.configurations:
        for entry in own_entries(configuration):
            subject = f"{configuration['metadata']['name']}/{entry['name']}"
            yield from (Finding(subject, fault) for fault in _bundle_faults(entry["clientConfig"].get("caBundle"), now))


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


def _secret(server: ApiServer, place: Place, secret: str, found: Surroundings, now: datetime) -> Iterator[Finding]:
    store = SecretStore(server.client, place.namespace, secret)
    with as_input_error(SecretStoreError):
        held = store.load()
    if held is None:
        yield Finding(str(store), "it holds no certificates, or not all of them; a running injector makes them")
        return
    yield from (
        Finding(str(store), fault) for fault in serving_faults(held.serving, held.authority.certificate, (), now)
    )
    for configuration in found.configurations:
        names: Sequence[str] = lacking(configuration, held.bundle)
        if names:
            message = f"the CA bundle of {', '.join(names)} is not that of {store}"
            yield Finding(configuration["metadata"]["name"], message)
