"""CA bundles in webhook configurations: which entries are meant, what is written, what could not be used."""

from datetime import UTC, datetime
from typing import Any

import pytest

from certs.authority import create_authority
from certs.model import Settings
from injector.cluster.bundles import bundle_fault, bundles_only, lacking, released

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
