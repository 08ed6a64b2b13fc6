"""What `injector check` says of the certificates in a cluster: bundles, the Secret, and whether they agree."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certs.authority import create_authority, issue
from certs.directory import files_of
from certs.model import Holding, Settings
from injector.cluster.findings import problems
from injector.core.selection import selection_rules
from injector.runtime.cluster_check import Place, cluster_sections
from injector.runtime.config_sources import Connection
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import kubeconfig
from tests.support import default_setup

REGISTERED = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhooks"
KEPT_AT = "/api/v1/namespaces/mesh/secrets/certificates"
SETTINGS = Settings(names=("injector.mesh.svc",))


def holding(days_ago: float = 0) -> Holding:
    """An authority of a year and a serving certificate of a week, made so many days ago."""
    then = datetime.now(UTC) - timedelta(days=days_ago)
    authority = create_authority(SETTINGS, then)
    return Holding(authority, issue(authority, SETTINGS, then))


class Checked:
    """A cluster whose registration is whole but for its CA bundle."""

    def __init__(self, kubeconfig: Path, keeper: Keeper) -> None:
        self.keeper = keeper
        self._place = Place(Connection(kubeconfig), secret=("mesh", "certificates"))

    def register(self, bundle: bytes) -> None:
        entries = [
            {
                "name": f"{rule.name}.sidecar-injector.istio.io",
                "namespaceSelector": rule.namespace.as_json(),
                "objectSelector": rule.pod.as_json(),
                "rules": [{"operations": ["CREATE"]}],
                "clientConfig": {"url": "https://a", "caBundle": b64encode(bundle).decode()},
            }
            for rule in selection_rules("default", (), namespaces_by_default=False)
        ]
        self.keeper.put(REGISTERED, {"metadata": {"name": "webhooks"}, "webhooks": entries})

    def keep(self, held: Holding, **instead: Any) -> None:
        data = {name: b64encode(content).decode() for name, content in files_of(held).items()}
        self.keeper.put(KEPT_AT, {"kind": "Secret", "metadata": {"name": "certificates"}, "data": {**data, **instead}})

    def findings(self) -> list[str]:
        """What is wrong with certificates; nothing here admits pods."""
        sections = [each for each in cluster_sections(self._place, default_setup()) if each.title == "certificates"]
        return [f"{each.subject}: {each.message}" for _, each in problems(sections)]


@pytest.fixture
def checked(tmp_path: Path) -> Iterator[Checked]:
    with keeping() as (server, keeper):
        yield Checked(kubeconfig(tmp_path, server.url), keeper)


def test_where_everything_is_in_its_place_nothing_is_found(checked: Checked) -> None:
    held = holding()
    checked.register(held.bundle)
    checked.keep(held)
    assert checked.findings() == []


def test_a_bundle_that_is_not_the_secret_s_is_found(checked: Checked) -> None:
    checked.register(holding().bundle)
    checked.keep(holding())
    (found,) = checked.findings()
    assert found.startswith("webhooks: the CA bundle of rev.namespace.sidecar-injector.istio.io, ")
    assert found.endswith("is not that of Secret mesh/certificates")


def test_a_bundle_that_has_expired_or_cannot_be_read_is_found_at_each_entry(checked: Checked) -> None:
    held = holding(days_ago=400)
    checked.register(held.bundle)
    entries = len(checked.keeper.objects[REGISTERED]["webhooks"])
    assert sum("every certificate of its CA bundle has expired" in each for each in checked.findings()) == entries
    checked.register(b"rubbish")
    assert sum("its CA bundle cannot be read" in each for each in checked.findings()) == entries


def test_one_certificate_that_is_valid_is_enough(checked: Checked) -> None:
    checked.register(holding(days_ago=400).bundle + holding().bundle)
    assert not [each for each in checked.findings() if "expired" in each]


def test_a_secret_that_is_missing_or_not_whole_is_found(checked: Checked) -> None:
    held = holding()
    checked.register(held.bundle)
    expected = ["Secret mesh/certificates: it holds no certificates, or not all of them; a running injector makes them"]
    assert checked.findings() == expected
    checked.keep(held, **{"tls.key": ""})
    assert checked.findings() == expected


def test_a_serving_certificate_that_nobody_can_trust_is_found(checked: Checked) -> None:
    held = holding(days_ago=10)
    checked.register(held.bundle)
    checked.keep(held)
    (found,) = checked.findings()
    assert found.startswith("Secret mesh/certificates: the certificate is valid from")


def test_what_may_not_be_read_is_told(checked: Checked) -> None:
    checked.register(holding().bundle)
    checked.keeper.refusing[KEPT_AT] = 403
    (found,) = checked.findings()
    assert found.startswith("Secret mesh/certificates: not looked at: Secret mesh/certificates: cannot be read: 403")


def test_without_a_registration_nothing_is_injected(checked: Checked, tmp_path: Path) -> None:
    (section,) = cluster_sections(Place(Connection(tmp_path / "kubeconfig")), default_setup())
    (found,) = section.findings
    assert found.message == "no webhook configuration calls the injector: no pod is injected"
    assert checked.keeper.asked("POST", "PUT", "PATCH", "DELETE") == []
