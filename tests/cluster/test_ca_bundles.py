"""CA bundles in webhook configurations: which entries are meant, what is written, what could not be used."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from certs.authority import create_authority
from certs.model import Settings
from injector.cluster.api import ApiServer
from injector.cluster.ca_bundles import Registration, bundle_fault, bundles_only, lacking, released
from injector.cluster.metrics import ClusterMetrics
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.registered import OWN, PATH, configuration
from tests.waiting import wait_until

AUTHORITY = create_authority(Settings(names=("a",)), datetime.now(UTC))
CERTIFICATE = AUTHORITY.certificate


def with_bundles(*bundles: str | None, **metadata: Any) -> Any:
    """A webhook with_bundles with one entry for each bundle, and one of somebody else."""
    clients = [{"url": "https://a"} | ({} if each is None else {"caBundle": each}) for each in bundles]
    own = [
        {"name": f"{index}.sidecar-injector.istio.io", "clientConfig": each, "sideEffects": "None"}
        for index, each in enumerate(clients)
    ]
    other = {"name": "other.example", "clientConfig": {"url": "https://b"}}
    return {"metadata": {"name": "webhooks", "uid": "u", "resourceVersion": "7", **metadata}, "webhooks": [*own, other]}


def test_entries_whose_bundle_is_absent_empty_or_another_lack_it() -> None:
    found = lacking(with_bundles(None, "", "bm8=", "eWVz"), b"yes")
    assert [name.partition(".")[0] for name in found] == ["0", "1", "2"]


def test_nothing_but_the_bundles_of_the_own_entries_is_written() -> None:
    assert bundles_only(with_bundles(None, "bm8="), b"yes") == {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "webhooks", "uid": "u"},
        "webhooks": [
            {"name": "0.sidecar-injector.istio.io", "clientConfig": {"caBundle": "eWVz"}},
            {"name": "1.sidecar-injector.istio.io", "clientConfig": {"caBundle": "eWVz"}},
        ],
    }


def test_what_the_injector_owned_is_given_up_and_what_others_own_stays_theirs() -> None:
    helm, own = {"manager": "helm", "operation": "Apply"}, {"manager": "sidecar-injector", "operation": "Apply"}
    metadata = released(with_bundles(managedFields=[helm, own]))["metadata"]
    assert metadata == {"name": "webhooks", "resourceVersion": "7", "managedFields": [helm]}
    assert released(with_bundles(managedFields=[own]))["metadata"]["managedFields"] == [{}]


@pytest.mark.parametrize(
    "bundle",
    [CERTIFICATE, CERTIFICATE * 2, b"# ours\n" + CERTIFICATE, CERTIFICATE + AUTHORITY.key],
    ids=["one", "two", "a comment first", "a key behind"],
)
def test_a_bundle_whose_first_block_is_a_certificate_can_be_used(bundle: bytes) -> None:
    assert bundle_fault(bundle) == ""


@pytest.mark.parametrize(
    ("bundle", "fault"),
    [
        (b"", "no PEM block"),
        (b"rubbish", "no PEM block"),
        (CERTIFICATE[:60], "no PEM block"),
        (AUTHORITY.key + CERTIFICATE, "'PRIVATE KEY' first; valid: certificates"),
        (b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n", "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nü\n-----END CERTIFICATE-----\n".encode(), "cannot be read"),
    ],
    ids=["nothing", "rubbish", "cut off", "a key first", "no certificate", "not ASCII"],
)
def test_a_bundle_that_no_api_server_could_use_is_told(bundle: bytes, fault: str) -> None:
    assert fault in bundle_fault(bundle)


# The registration: its CA bundle is written, healed whatever became of it, and every fault is told and counted.

BUNDLE = create_authority(Settings(names=("a",)), datetime.now(UTC)).certificate
ENCODED = b64encode(BUNDLE).decode()


class Watched:
    """A registration of the configuration `webhooks`, followed."""

    def __init__(self, server: ApiServer, keeper: Keeper) -> None:
        self.keeper, self.counts, self.changed = keeper, CollectorRegistry(), Event()
        self.registration = Registration(server, ["webhooks"], lambda: "default", ClusterMetrics(self.counts))
        self.registration.start(self.changed.set)
        assert self.changed.wait(10), "it is not known that nothing is there"

    def sees(self, document: Any) -> None:
        """Have somebody else write `document`, and wait until that is known."""
        self.changed.clear()
        self.keeper.put(PATH, document)
        assert self.changed.wait(10)

    def heal(self, bundle: bytes = BUNDLE) -> list[str]:
        return self.registration.heal(bundle)

    def counted(self, which: str, /, **labels: str) -> float:
        return self.counts.get_sample_value(f"webhook_patch_{which}_total", labels) or 0.0

    @property
    def bundles(self) -> list[str]:
        return [each["clientConfig"]["caBundle"] for each in self.keeper.objects[PATH]["webhooks"]]


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A registration that is followed, before anything is registered."""
    with keeping() as (server, keeper):
        made = Watched(server, keeper)
        yield made
        made.registration.stop()


@pytest.mark.parametrize("bundle", [None, "", "bm8="], ids=["absent", "empty", "overwritten"])
def test_a_bundle_that_is_not_there_is_written_and_nothing_else(watched: Watched, bundle: str | None) -> None:
    watched.sees(configuration(bundle))
    assert watched.heal() == ["webhooks"]
    assert watched.bundles == [ENCODED, "Yg=="]
    applied = watched.keeper.asked("PATCH")[0]
    assert (applied.path, applied.content_type) == (PATH, "application/apply-patch+yaml")
    assert applied.query == {"fieldManager": "sidecar-injector", "force": "true"}
    assert applied.body["webhooks"] == [{"name": OWN, "clientConfig": {"caBundle": ENCODED}}]
    assert watched.counted("attempts", name="sidecar-injector.istio.io") == 1


def test_nothing_is_written_where_the_bundle_is_there(watched: Watched) -> None:
    watched.sees(configuration(ENCODED))
    assert (watched.heal(), watched.keeper.asked("PATCH")) == ([], [])
    assert (watched.registration.carries(BUNDLE), watched.registration.carries(BUNDLE * 2)) == (True, False)


def test_the_entries_stay_their_owner_s_who_may_take_them_out_again(watched: Watched) -> None:
    """An entry of which the injector owned a field would outlive, without its other fields, who applied it."""
    watched.sees(configuration())
    watched.heal()
    assert watched.keeper.objects[PATH]["metadata"]["managedFields"] == [{"manager": "helm"}]


def test_what_an_earlier_injector_owned_is_given_up_and_is_no_healing(watched: Watched) -> None:
    found = configuration(ENCODED)
    found["metadata"]["managedFields"].append({"manager": "sidecar-injector"})
    watched.sees(found)
    assert watched.heal() == []
    assert watched.keeper.objects[PATH]["metadata"]["managedFields"] == [{"manager": "helm"}]


def test_who_wrote_before_the_fields_were_given_up_is_not_overwritten(watched: Watched) -> None:
    found = configuration(ENCODED)
    found["metadata"]["managedFields"].append({"manager": "sidecar-injector"})
    watched.sees(found)
    newer = {**found, "metadata": {**found["metadata"], "labels": {"team": "mesh"}}}
    watched.keeper.before("PATCH", lambda: watched.keeper.put(PATH, newer))
    assert (watched.heal(), watched.registration.faults) == ([], {})
    assert watched.keeper.objects[PATH]["metadata"]["labels"] == {"team": "mesh"}
    wait_until(lambda: not (watched.heal() or "sidecar-injector" in str(watched.keeper.objects[PATH]["metadata"])))


def test_a_registration_made_anew_gets_its_bundle(watched: Watched) -> None:
    watched.sees(configuration())
    watched.heal()
    watched.keeper.remove(PATH)
    wait_until(lambda: not watched.heal() and "not_found" in watched.registration.faults.get("webhooks", ""))
    watched.keeper.put(PATH, configuration())
    wait_until(lambda: watched.heal() == ["webhooks"])
    assert watched.bundles == [ENCODED, "Yg=="]


@pytest.mark.parametrize(
    ("found", "reason", "message"),
    [
        (configuration(labels={"istio.io/rev": "canary"}), "wrong_revision", "'canary'; this injector is 'default'"),
        (configuration(name=f"{OWN}.example"), "webhook_entry_not_found", "no entry has a name that ends with"),
        (None, "webhook_config_not_found", "there is no such webhook configuration"),
    ],
)
def test_a_fault_of_the_registration_is_told_and_counted_once(
    watched: Watched, found: Any, reason: str, message: str
) -> None:
    if found is not None:
        watched.sees(found)
    for _ in range(3):
        assert watched.heal() == []
    assert message in watched.registration.faults["webhooks"]
    assert watched.keeper.asked("PATCH") == []
    assert watched.counted("failures", name="webhooks", reason=reason) == 1
    assert watched.counted("retries", name="webhooks") == 0
    assert not watched.registration.carries(BUNDLE)


def test_a_bundle_that_no_api_server_could_use_is_never_written_and_counted_each_time(watched: Watched) -> None:
    watched.sees(configuration(ENCODED))
    for _ in range(2):
        assert watched.heal(b"rubbish") == []
    assert "load_ca_bundle_failure: the CA bundle has no PEM block" in watched.registration.faults["webhooks"]
    assert watched.bundles == [ENCODED, "Yg=="]
    assert watched.counted("failures", name="webhooks", reason="load_ca_bundle_failure") == 2
    assert watched.counted("retries", name="webhooks") == 2
    assert (watched.heal(), watched.registration.faults) == ([], {})


def test_a_refused_update_is_told_and_tried_again(watched: Watched) -> None:
    watched.sees(configuration())
    watched.keeper.refusing["PATCH"] = 403
    for _ in range(2):
        assert watched.heal() == []
    assert "webhook_update_failure" in watched.registration.faults["webhooks"]
    assert watched.counted("failures", name="webhooks", reason="webhook_update_failure") == 2
    assert watched.counted("retries", name="webhooks") == 2
    watched.keeper.refusing.clear()
    assert (watched.heal(), watched.registration.faults) == (["webhooks"], {})
