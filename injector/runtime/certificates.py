"""Certificates of a Secret, served by every replica; the one that holds the lease writes them and their authority."""

import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any

from certs.authority import CertificateError, certificates_in, describe, pair_faults, serving_faults
from certs.model import Holding, Settings
from certs.rotation import next_holding
from certs.secret import SecretStore, SecretStoreError
from injector.cluster.api import ClusterError
from injector.cluster.ca_bundles import Registration
from injector.cluster.lease import Lease
from injector.cluster.metrics import ClusterMetrics
from injector.server.run import ServingCertificate
from injector.server.telemetry import Telemetry

# A certificate and its key in memory, under names of files: OpenSSL reads files only, and keys stay off the disk.


class PairFiles:
    """Two files without a place on any disk, which live as long as this object."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """Hold the pair, as PEM."""
        self._descriptors = tuple(os.memfd_create(name, os.MFD_CLOEXEC) for name in ("certificate", "key"))
        for descriptor in self._descriptors:
            os.fchmod(descriptor, 0o600)
        self.write(certificate, key)

    def __del__(self) -> None:
        """Give the memory back."""
        for descriptor in self._descriptors:
            os.close(descriptor)

    @property
    def certificate(self) -> Path:
        """The file of the certificate."""
        return _path(self._descriptors[0])

    @property
    def key(self) -> Path:
        """The file of its private key."""
        return _path(self._descriptors[1])

    def write(self, certificate: bytes, key: bytes) -> None:
        """Hold another pair. Whoever reads at the same moment may see a mixture: they are to be read after this."""
        for descriptor, content in zip(self._descriptors, (certificate, key), strict=True):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)


def _path(descriptor: int) -> Path:
    return Path(f"/proc/{os.getpid()}/fd/{descriptor}")


# API servers follow webhook configurations as everybody does, and say nothing of it: so long they have time to.
SETTLE_SECONDS = 5.0
_ROUND_SECONDS = 2.0


class Custody:
    """Serves what the Secret holds; as the holder of the lease renews it, rotates it, and publishes its authority."""

    def __init__(
        self, store: SecretStore, lease: Lease, registration: Registration, settings: Settings, *, competes: bool = True
    ) -> None:
        """Nothing happens before `first` and `start`. Who does not compete for the lease only serves."""
        self._store, self._lease = store, lease
        self._registration, self._settings, self._competes = registration, settings, competes
        self._woken, self._stopped = Event(), Event()
        self._published: tuple[bytes, float] | None = None
        self._refused: Holding | None = None
        self._holds = False
        self.fault = ""

    def wake(self) -> None:
        """Look at once: something has changed."""
        self._woken.set()

    def first(self) -> PairFiles:
        """The serving certificate to start with, made if nobody has made one. Raises SecretStoreError."""
        found: list[Holding | None] = []

        def step(held: Holding | None) -> Holding:
            found[:] = [held]
            return next_holding(held, self._settings, _now(), published=False)

        self._held = held = self._store.update(step)
        self._found = found[0]
        self._files = PairFiles(held.serving.certificate, held.serving.key)
        return self._files

    def start(self, certificate: ServingCertificate, telemetry: Telemetry, metrics: ClusterMetrics) -> None:
        """Go on in a thread of its own; `certificate` is the one made of the files that `first` gave."""
        self._certificate, self._telemetry, self._metrics = certificate, telemetry, metrics
        telemetry.certificate_expiry.set(_expiry(self._held))
        self._log_authority(self._found, self._held)
        self._registration.start(self.wake)
        self._thread = Thread(target=self._run, name="custody", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and leave the lease to another replica."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(_ROUND_SECONDS)
        self._registration.stop()
        try:
            self._lease.release()
        except ClusterError as error:
            self._telemetry.log.warning("lease not released", message=str(error))

    def detail(self) -> Any:
        """What an operator should know, as JSON."""
        return {
            "holder": self._holds,
            "serial": f"{describe(self._held.serving.certificate).serial:x}",
            "expires": describe(self._held.serving.certificate).not_after.isoformat(),
            "rotating": bool(self._held.upcoming or self._held.retiring),
            "fault": self.fault,
            "registrations": {name: self._registration.faults.get(name, "") for name in self._registration.names},
        }

    @property
    def problem(self) -> str:
        """Why certificates, or CA bundles that this replica writes, cannot be looked after; empty where they can."""
        bundles = [f"{name}: {fault}" for name, fault in self._registration.faults.items() if self._holds]
        return "; ".join([*([self.fault] if self.fault else ()), *bundles])

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                self._round()
                fault = ""
            except (ClusterError, SecretStoreError, CertificateError) as error:
                fault = str(error)
            except Exception as error:  # noqa: BLE001 -- a thread that ends would leave the certificates to expire
                fault = f"{type(error).__name__}: {error}"
            self._tell(fault)
            self._woken.wait(_ROUND_SECONDS)

    def _tell(self, fault: str) -> None:
        if fault and fault != self.fault:
            self._telemetry.log.error("certificates cannot be looked after", fault=fault)
        elif self.fault and not fault:
            self._telemetry.log.info("certificates are looked after again", before=self.fault)
        self.fault = fault

    def _round(self) -> None:
        kept = self._store.load()
        if kept is not None:
            self._serve(kept)
        holds = self._lease.renew(self._held.serving.certificate, competes=self._competes)
        if holds != self._holds:
            self._telemetry.log.info("lease taken" if holds else "lease lost", identity=self._lease.identity)
            self._metrics.lease_held.set(holds)
        self._holds = holds
        if holds:
            self._write(kept)
            self._publish()

    def _serve(self, kept: Holding) -> None:
        """Show what is kept to new connections, unless nobody could trust it: then the last good one stays."""
        if kept in (self._held, self._refused):
            return
        fault = _unfit(kept)
        if not fault:
            self._files.write(kept.serving.certificate, kept.serving.key)
            fault = self._certificate.reload()
        if fault:
            self._refused = kept
            self._telemetry.log.error("certificate refused, the last good one stays", fault=fault)
            return
        if kept.serving != self._held.serving:
            self._telemetry.log.info("certificate in force", secret=str(self._store))
        self._log_authority(self._held, kept)
        self._held = kept
        self._telemetry.certificate_expiry.set(_expiry(kept))

    def _write(self, kept: Holding | None) -> None:
        """Take the step that is due; what was deleted or damaged is put back from memory."""
        published = self._is_published()

        def step(current: Holding | None) -> Holding:
            good = current is not None and not _unfit(current)
            base = current if good else self._held
            following = next_holding(base, self._settings, _now(), published=published and base == self._held)
            return current if current is not None and following == current else following

        if kept is not None and step(kept) is kept:
            return
        following = self._store.update(step)
        if following != kept:
            self._metrics.secret_writes.inc()
            self._telemetry.log.info("certificates written", secret=str(self._store), anew=kept is None)
            self._serve(following)

    def _log_authority(self, before: Holding | None, after: Holding) -> None:
        """Log what became of the authority: whoever trusts it has to know."""
        change = _authority_change(before, after)
        if change:
            authority = describe((after.upcoming or after.authority).certificate)
            expires, serial = authority.not_after.isoformat(), f"{authority.serial:x}"
            self._telemetry.log.info(change, secret=str(self._store), serial=serial, expires=expires)

    def _publish(self) -> None:
        before = self._registration.faults
        for name in self._registration.heal(self._held.bundle):
            self._telemetry.log.info("CA bundle written", webhook_configuration=name)
        for name, fault in self._registration.faults.items():
            if before.get(name) != fault:
                self._telemetry.log.error("CA bundle not written", webhook_configuration=name, fault=fault)
        for name in before.keys() - self._registration.faults.keys():
            self._telemetry.log.info("CA bundle can be written again", webhook_configuration=name)

    def _is_published(self) -> bool:
        """Whether every webhook configuration has had the whole bundle for a while, and every replica shows the same.

        Where no webhook configuration is named, whoever follows the Secret is as good as told.
        """
        bundle = self._held.bundle
        if not self._registration.carries(bundle):
            self._published = None
            return False
        if self._published is None or self._published[0] != bundle:
            self._published = (bundle, monotonic())
        settled = monotonic() - self._published[1] >= SETTLE_SECONDS
        return settled and self._lease.all_show(self._held.serving.certificate)


def _authority_change(before: Holding | None, after: Holding) -> str:
    """What became of the authority; empty where nothing did."""
    if before is None:
        return "authority made"
    if after.authority.certificate != before.authority.certificate:
        return "authority replaced"
    if after.upcoming and after.upcoming != before.upcoming:
        return "next authority published"
    return "former authority retired" if before.retiring and not after.retiring else ""


def _unfit(held: Holding) -> str:
    """Why what `held` says cannot be shown to clients that trust its bundle; empty where it can."""
    try:
        authorities = certificates_in(held.bundle)
    except CertificateError as error:
        return str(error)
    faults = pair_faults(held.authority)
    if faults or (held.upcoming and pair_faults(held.upcoming)):
        return f"authority: {'; '.join(faults) or 'the upcoming one is no pair'}"
    of_each = [serving_faults(held.serving, authority, (), _now()) for authority in authorities]
    return "" if [] in of_each else "; ".join(of_each[0])


def _expiry(held: Holding) -> float:
    return describe(held.serving.certificate).not_after.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)
