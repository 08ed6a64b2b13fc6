"""Certificates of a Secret in the custody of replicas: what each serves, who writes, what is put back."""

import io
import json
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from certs.authority import certificates_in, create_authority, describe, issue, serving_faults
from certs.model import Holding, KeyPair, Settings
from certs.rotation import forced_rotation, renewed_serving
from certs.secret import SecretStore, SecretStoreError
from injector.cluster.api import ApiServer
from injector.cluster.ca_bundles import Registration, is_owned
from injector.cluster.lease import Lease
from injector.cluster.metrics import ClusterMetrics
from injector.runtime import certificates as room
from injector.runtime.certificates import Custody, PairFiles
from injector.server.run import ServingCertificate
from injector.server.telemetry import Telemetry
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.registered import PATH as REGISTRATION
from tests.cluster.registered import configuration
from tests.server.handshakes import certificate_shown
from tests.waiting import wait_until

KEPT_AT = "/api/v1/namespaces/mesh/secrets/certificates"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/mesh/leases/injector"
SETTINGS = Settings(names=("localhost",))


class Replica:
    """One replica of the injector, as far as its certificates go."""

    def __init__(self, server: ApiServer, identity: str, *, competes: bool = True) -> None:
        self.log = io.BytesIO()
        self.telemetry = Telemetry(self.log)
        self.metrics = ClusterMetrics(self.telemetry.registry)
        # Its clock stands still: however slow the machine is, nobody is taken for gone.
        lease = Lease(server, "mesh", "injector", identity, lambda: 0.0)
        registration = Registration(server, ["webhooks"], lambda: "default", self.metrics)
        self.custody = Custody(
            SecretStore(server.client, "mesh", "certificates"), lease, registration, SETTINGS, competes=competes
        )

    def start(self) -> None:
        files = self.custody.first()
        self.certificate = ServingCertificate(files.certificate, files.key)
        self.custody.start(self.certificate, self.telemetry, self.metrics)

    @property
    def detail(self) -> Any:
        return self.custody.detail()

    @property
    def shown(self) -> bytes:
        """The certificate that a new connection is shown, as PEM."""
        return certificate_shown(self.certificate.context)

    def lines(self, event: str) -> list[Any]:
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if line["event"] == event]

    def counted(self, name: str) -> float:
        return self.telemetry.registry.get_sample_value(name) or 0.0

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait for `condition`, without the pauses that a replica makes when nothing happens."""

        def looked() -> bool:
            self.custody.wake()
            return bool(condition())

        wait_until(looked, 30)


@dataclass
class Mesh:
    """A cluster, and the replicas in it."""

    server: ApiServer
    keeper: Keeper
    replicas: list[Replica] = field(default_factory=list)

    def joined(self, identity: str) -> Replica:
        """A further replica, which looked after everything once."""
        replica = Replica(self.server, identity)
        replica.start()
        self.replicas.append(replica)
        holds = len(self.replicas) == 1
        replica.until(lambda: replica.lines("lease taken") if holds else identity in str(self.keeper.objects))
        return replica

    @property
    def store(self) -> SecretStore:
        return SecretStore(self.server.client, "mesh", "certificates")

    def kept(self) -> Holding:
        held = self.store.load()
        assert held is not None
        return held

    def damage(self, **files: bytes) -> None:
        """Somebody overwrites files of the Secret; `tls_key` is `tls.key`."""
        secret = self.keeper.objects[KEPT_AT]
        damaged = {name.replace("_", "."): b64encode(content).decode() for name, content in files.items()}
        self.keeper.put(KEPT_AT, {**secret, "data": {**secret["data"], **damaged}})

    @property
    def bundle(self) -> bytes:
        """What API servers trust."""
        encoded = self.keeper.objects[REGISTRATION]["webhooks"][0]["clientConfig"].get("caBundle") or ""
        return b64decode(encoded)

    @property
    def is_owned(self) -> bool:
        """Whether the injector still owns fields of its registration."""
        return is_owned(self.keeper.objects[REGISTRATION])


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    """A registered injector, of which nothing else is there yet."""
    with keeping() as (server, keeper):
        keeper.put(REGISTRATION, configuration())
        made = Mesh(server, keeper)
        yield made
        for replica in made.replicas:
            replica.custody.stop()


def there(held: Holding | None) -> Holding:
    assert held is not None
    return held


def renewed(held: Holding | None) -> Holding:
    return renewed_serving(there(held), SETTINGS, datetime.now(UTC))


def shows(replica: Replica, held: Holding) -> bool:
    return replica.shown == held.serving.certificate


def test_the_first_replica_makes_what_is_served_kept_and_published(mesh: Mesh) -> None:
    replica = mesh.joined("a")
    replica.until(lambda: mesh.bundle == mesh.kept().bundle)
    assert replica.shown == mesh.kept().serving.certificate
    assert serving_faults(mesh.kept().serving, mesh.bundle, SETTINGS.names, datetime.now(UTC)) == []
    assert replica.detail["registrations"] == {"webhooks": ""}
    assert (replica.detail["holder"], replica.counted("sidecar_injector_lease_held")) == (True, 1)


def test_a_second_replica_serves_the_same_and_writes_nothing(mesh: Mesh) -> None:
    first, second = mesh.joined("a"), mesh.joined("b")
    assert second.shown == first.shown
    assert (second.detail["holder"], second.lines("certificates written")) == (False, [])


def test_what_another_writer_renewed_is_served_by_all(mesh: Mesh) -> None:
    replicas = mesh.joined("a"), mesh.joined("b")
    held = mesh.store.update(renewed)
    for each in replicas:
        each.until(partial(shows, each, held))
        each.until(partial(tells, each, held))


def tells(replica: Replica, held: Holding) -> bool:
    """Whether operators read of the certificate: a moment after it is shown."""
    described, expiry = describe(held.serving.certificate), "sidecar_injector_certificate_expiry_timestamp_seconds"
    return (replica.detail["serial"], replica.counted(expiry)) == (
        f"{described.serial:x}",
        described.not_after.timestamp(),
    )


def test_a_deleted_secret_comes_back_from_memory(mesh: Mesh) -> None:
    replica = mesh.joined("a")
    before = mesh.kept()
    mesh.keeper.remove(KEPT_AT)
    replica.until(lambda: KEPT_AT in mesh.keeper.objects)
    assert (mesh.kept(), replica.shown) == (before, before.serving.certificate)
    replica.until(lambda: replica.lines("certificates written"))
    assert replica.lines("certificates written")[0]["anew"] is True
    assert replica.counted("sidecar_injector_secret_writes_total") == 1


@pytest.mark.parametrize(
    "damaged",
    [
        {"tls_key": b"no key"},
        {"tls_crt": b"no certificate"},
        {"authority_crt": b"no certificate"},
        {"authority_key": b"no key"},
        {"retiring_crt": b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"},
    ],
    ids="".join,
)
def test_a_damaged_pair_is_told_never_served_and_put_back_from_memory(mesh: Mesh, damaged: dict[str, bytes]) -> None:
    replica = mesh.joined("a")
    before = mesh.kept()
    mesh.damage(**damaged)
    replica.until(lambda: replica.lines("certificate refused, the last good one stays"))
    assert replica.shown == before.serving.certificate
    replica.until(lambda: mesh.kept() == before)
    assert replica.shown == before.serving.certificate


def test_a_replica_without_the_lease_goes_on_serving_while_a_damaged_pair_is_kept(mesh: Mesh) -> None:
    """Nobody puts it back: the holder of the lease is somebody who does nothing."""
    replica = mesh.joined("a")
    before = mesh.kept()
    replica.custody.stop()
    mesh.keeper.put(LEASE, {"metadata": {"name": "injector"}, "spec": {"holderIdentity": "idle", "renewTime": "now"}})
    waiting = mesh.joined("b")
    mesh.damage(tls_key=b"no key")
    waiting.until(lambda: waiting.lines("certificate refused, the last good one stays"))
    assert mesh.kept() != before
    assert waiting.shown == before.serving.certificate


def test_an_authority_changes_only_after_its_successor_was_published(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SETTLE_SECONDS", 0.0)
    replica = mesh.joined("a")
    before = mesh.kept()
    replica.until(lambda: mesh.bundle == before.bundle and not mesh.is_owned)
    mesh.keeper.refusing["PATCH"] = 403
    started = mesh.store.update(lambda _: forced_rotation(before, SETTINGS, datetime.now(UTC)))
    replica.until(lambda: replica.detail["rotating"])
    replica.until(lambda: "webhook_update_failure" in replica.detail["registrations"]["webhooks"])
    assert (mesh.kept(), replica.shown) == (started, before.serving.certificate)
    mesh.keeper.refusing.clear()
    assert started.upcoming is not None
    replica.until(lambda: mesh.kept().authority == started.upcoming and not replica.detail["rotating"])
    replica.until(lambda: mesh.bundle == mesh.kept().bundle)
    assert certificates_in(mesh.bundle) == [started.upcoming.certificate]


def test_an_authority_does_not_change_while_a_replica_shows_another_certificate(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SETTLE_SECONDS", 0.0)
    replica = mesh.joined("a")
    late = Lease(mesh.server, "mesh", "injector", "late")
    late.renew(b"an older certificate", competes=False)
    started = mesh.store.update(lambda held: forced_rotation(there(held), SETTINGS, datetime.now(UTC)))
    replica.until(lambda: mesh.bundle == started.bundle)
    passed(replica, mesh, rounds=3)
    assert mesh.kept() == started
    late.release()
    replica.until(lambda: mesh.kept().authority == started.upcoming)


def test_a_rotation_that_somebody_else_began_meanwhile_is_not_taken_for_published(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Secret is gone when the replica looks, and there again, with a successor, when it would write it anew."""
    monkeypatch.setattr(room, "SETTLE_SECONDS", 0.0)
    replica = mesh.joined("a")
    replica.until(lambda: mesh.bundle == mesh.kept().bundle and not mesh.is_owned)
    mesh.keeper.refusing["PATCH"] = 403
    started = mesh.store.update(lambda held: forced_rotation(there(held), SETTINGS, datetime.now(UTC)))
    again = mesh.keeper.objects[KEPT_AT]
    mesh.store.update(lambda held: replace(there(held), upcoming=None))

    def vanished() -> None:
        mesh.keeper.remove(KEPT_AT)
        mesh.keeper.before("PUT", lambda: mesh.keeper.put(KEPT_AT, again), LEASE)

    mesh.keeper.before("GET", vanished, KEPT_AT)
    passed(replica, mesh, rounds=3)
    assert mesh.kept() == started


def passed(replica: Replica, mesh: Mesh, rounds: int) -> None:
    """Wait until the replica has looked after everything so many times more."""
    before = len(mesh.keeper.asked("PUT"))
    replica.until(lambda: len(mesh.keeper.asked("PUT")) >= before + rounds)


def test_while_the_secret_cannot_be_read_the_last_good_pair_is_served_and_the_reason_told(mesh: Mesh) -> None:
    replica = mesh.joined("a")
    before = replica.shown
    mesh.keeper.refusing["GET"] = 500
    replica.until(lambda: "Secret mesh/certificates: cannot be read: 500" in replica.detail["fault"])
    assert replica.shown == before
    mesh.keeper.refusing.clear()
    replica.until(lambda: not replica.detail["fault"])


def test_what_nobody_foresaw_is_told_and_does_not_end_the_custody(mesh: Mesh) -> None:
    replica = mesh.joined("a")
    before = mesh.keeper.objects[KEPT_AT]
    mesh.keeper.put(KEPT_AT, {**before, "data": ["no mapping"]})
    replica.until(lambda: replica.lines("certificates cannot be looked after"))
    assert replica.detail["fault"]
    mesh.keeper.put(KEPT_AT, before)
    replica.until(lambda: not replica.detail["fault"])


def test_who_stops_leaves_the_lease_to_the_other_one(mesh: Mesh) -> None:
    first, second = mesh.joined("a"), mesh.joined("b")
    first.custody.stop()
    mesh.replicas.remove(first)
    second.until(lambda: second.detail["holder"])


def test_who_does_not_compete_for_the_lease_serves_what_others_keep_and_writes_nothing(mesh: Mesh) -> None:
    quiet = Replica(mesh.server, "quiet", competes=False)
    quiet.start()
    mesh.replicas.append(quiet)
    held = mesh.store.update(renewed)
    quiet.until(lambda: shows(quiet, held))
    mesh.keeper.remove(KEPT_AT)
    reads = len(mesh.keeper.asked("GET"))
    quiet.until(lambda: len(mesh.keeper.asked("GET")) > reads + 4)
    assert (quiet.detail["holder"], KEPT_AT in mesh.keeper.objects, mesh.bundle) == (False, False, b"")
    assert shows(quiet, held)


def test_without_a_first_certificate_there_is_nothing_to_serve(mesh: Mesh) -> None:
    mesh.keeper.refusing["POST"] = 403
    with pytest.raises(SecretStoreError, match="Secret mesh/certificates: cannot be written: 403"):
        Replica(mesh.server, "a").start()


# A pair in memory: for this process only, and always what was written last.


def pair() -> KeyPair:
    now = datetime.now(UTC)
    return issue(create_authority(SETTINGS, now), SETTINGS, now)


def test_the_files_are_for_their_owner_only_and_on_no_disk() -> None:
    files = PairFiles(b"certificate", b"key")
    for file in (files.certificate, files.key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_nlink == 0


def test_a_shorter_pair_leaves_nothing_of_the_longer_one_before() -> None:
    files = PairFiles(b"a long certificate", b"a long key")
    files.write(b"short", b"k")
    assert (files.certificate.read_bytes(), files.key.read_bytes()) == (b"short", b"k")


def test_a_broken_pair_is_not_served_and_the_next_good_one_is() -> None:
    first, second = pair(), pair()
    files = PairFiles(first.certificate, first.key)
    serving = ServingCertificate(files.certificate, files.key)
    files.write(second.certificate, b"no key")
    assert str(files.certificate) in serving.reload()
    files.write(second.certificate, first.key)
    assert serving.reload() != ""
    files.write(second.certificate, second.key)
    assert serving.reload() == ""


def test_the_memory_is_given_back() -> None:
    files = PairFiles(b"certificate", b"key")
    paths = files.certificate, files.key
    inodes = {file.stat().st_ino for file in paths}
    del files
    # The numbers of the descriptors may belong to something else by now.
    assert not {file.stat().st_ino for file in paths if file.exists()} & inodes


def test_what_becomes_of_the_authority_is_logged(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SETTLE_SECONDS", 0.0)
    first, second = mesh.joined("a"), mesh.joined("b")
    assert (len(first.lines("authority made")), second.lines("authority made")) == (1, [])
    assert {"serial", "expires", "secret"} <= first.lines("authority made")[0].keys()
    mesh.store.update(lambda held: forced_rotation(there(held), SETTINGS, datetime.now(UTC)))
    for each in (first, second):
        each.until(partial(each.lines, "next authority published"))
    for each in (first, second):
        each.until(partial(each.lines, "authority replaced"))


def test_the_end_of_a_fault_is_logged(mesh: Mesh) -> None:
    replica = mesh.joined("a")
    mesh.keeper.refusing[KEPT_AT] = 403
    replica.until(lambda: "403" in replica.custody.problem)
    mesh.keeper.refusing.clear()
    replica.until(lambda: replica.lines("certificates are looked after again"))
    assert not replica.custody.problem
