"""The webhook server put together: state, certificate, cluster, and what goes on beside serving."""

import asyncio
import pickle
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from certs.authority import describe
from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure, next_check
from injector.config.watch import FileState, file_state, watch
from injector.core.admission import set_up
from injector.runtime.errors import InputError
from injector.runtime.loading import checked_setup, read_configuration, snapshot_of
from injector.runtime.options import CertificateOptions, ClusterOptions
from injector.runtime.preview import PreviewAddress, serving_preview
from injector.server.app import create_app
from injector.server.client_auth import ClientAuthority
from injector.server.connections import Guard
from injector.server.run import Listening, ServingCertificate, Upkeep, bind, run, server_for, warmed, warming
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.workers import LastGood

if TYPE_CHECKING:
    from injector.runtime.cluster import ClusterSide
from injector.server.workers import Supervisor

# What goes on beside serving: configuration and certificates are followed on disk.


def following_configuration(
    files: Sequence[Path], known: FileState, load: Callable[[], State], service: Service, telemetry: Telemetry
) -> Upkeep:
    """Loads anew when one of `files` is no longer as `known`; what cannot be used leaves the last good state in force.

    `known` is what the files were before they were first loaded: a change while the server starts is not missed.
    """

    async def follow() -> None:
        async for _ in watch(files, known=known):
            fault = await asyncio.to_thread(service.reload, load, (InputError,))
            tell_of_configuration(fault, files, telemetry)

    return follow


def tell_of_configuration(fault: str, files: Sequence[Path], telemetry: Telemetry) -> None:
    """Say whether what stands in `files` is in force, and if not, for which `fault`."""
    telemetry.configuration_current.set(0 if fault else 1)
    if fault:
        telemetry.log.error("configuration refused, the last good one stays", fault=fault)
    elif files:
        telemetry.log.info("configuration in force", files=[str(file) for file in files])


def following_certificate(certificate: ServingCertificate, expiry: Callable[[], float], telemetry: Telemetry) -> Upkeep:
    """Serves what the certificate's files hold; `expiry` tells when that ends, in seconds of Unix time."""

    async def follow() -> None:
        known = file_state(certificate.files)
        certificate.reload()
        telemetry.certificate_expiry.set(expiry())
        async for _ in watch(certificate.files, known=known):
            fault = certificate.reload()
            if fault:
                telemetry.log.error("certificate refused, the last good one stays", fault=fault)
                continue
            telemetry.certificate_expiry.set(expiry())
            telemetry.log.info("certificate in force", file=str(certificate.files[0]))

    return follow


def following_client_authority(
    clients: ClientAuthority, certificate: ServingCertificate, telemetry: Telemetry
) -> Upkeep:
    """Trusts the authority that the file of `clients` holds; one that cannot be read leaves the last one in force."""

    async def follow() -> None:
        known = file_state([clients.file])
        async for _ in watch([clients.file], known=known):
            if fault := certificate.reload():
                telemetry.log.error("client authority refused, the last good one stays", fault=fault)
            else:
                telemetry.log.info("client authority in force", file=str(clients.file))

    return follow


# A worker that takes the place of another one begins where that one was, whatever stands in the files by then.


def leaving_behind(load: Callable[[], State], last_good: LastGood) -> Callable[[], State]:
    """Loads as `load` does, and leaves what was good to workers that come after this one."""

    def loaded() -> State:
        state = load()
        last_good.keep(pickle.dumps((state.setup.config, state.snapshot)))
        return state

    return loaded


def first_state(load: Callable[[], State], last_good: LastGood) -> State:
    """What `load` gives; where that is at fault, what an earlier worker left, with the fault told.

    Raises InputError where there is no earlier worker: who starts the program has to know.
    """
    try:
        return load()
    except InputError as error:
        held = last_good.content()
        if held is None:
            raise
        config, snapshot = pickle.loads(held)  # noqa: S301 -- written by this program, in memory that is its own
        return replace(State(set_up(config), snapshot), fault=str(error))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Configuration files, `--set` flags, and the file that stands in for a cluster, if any."""

    config: tuple[Path, ...]
    sets: tuple[str, ...]
    snapshot: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file whose change matters."""
        return [*self.config, *([self.snapshot] if self.snapshot else ())]

    def load(self) -> State:
        """The state that the files give now. Raises InputError."""
        setup = checked_setup(read_configuration(list(self.config), list(self.sets)))
        return State(setup, snapshot_of(self.snapshot))


def serve_until_stopped(
    inputs: Inputs,
    listening: Listening,
    certificates: CertificateOptions,
    cluster: ClusterOptions | None,
    preview: PreviewAddress | None = None,
) -> None:
    """Serve until SIGTERM. Raises InputError where the start fails.

    In a cluster the preview is served only where `preview` says; elsewhere beside the webhook, if nothing is said.
    """
    known = file_state(inputs.files)
    last_good = listening.worker.last_good if listening.worker else LastGood()
    load_files = leaving_behind(inputs.load, last_good)
    service, telemetry = Service(first_state(load_files, last_good)), Telemetry()
    tell_of_configuration(service.state.fault, inputs.files, telemetry)
    upkeep: list[Upkeep] = [warming(service)]
    side = _cluster_side(cluster, service, telemetry) if cluster else None
    try:
        if side and certificates.secret:
            competes = listening.worker is None or listening.worker.index == 0
            certificate = side.keep_certificates(
                certificates.secret, certificates.settings, competes=competes, clients=listening.clients
            )
        else:
            certificate = _certificate_of_files(certificates, listening.clients, upkeep, telemetry)
        if listening.clients:
            upkeep.append(following_client_authority(listening.clients, certificate, telemetry))
        load = _keeping_snapshot(load_files, service) if side else load_files
        if inputs.files:
            upkeep.append(following_configuration(inputs.files, known, warmed(load), service, telemetry))
        if preview:
            access = side.access() if side else None
            upkeep.append(serving_preview(preview, service, certificate, access, telemetry))
        app = create_app(service, telemetry, listening.limits.requests, with_preview=not side and not preview)
        guard = Guard(
            listening.limits.connections, lambda: service.draining, telemetry.connection_dropped, listening.clients
        )
        server = server_for(app, service, certificate, listening.drain_seconds, guard)
        run(server, _bound(listening), upkeep, telemetry, listening.worker)
    finally:
        if side:
            side.stop()


def _cluster_side(cluster: ClusterOptions, service: Service, telemetry: Telemetry) -> "ClusterSide":
    # The official client takes 38 MB and a fifth of a second to load: it is left alone without a cluster.
    from injector.runtime.cluster import ClusterSide  # noqa: PLC0415

    return ClusterSide(cluster, service, telemetry)


def _keeping_snapshot(load: Callable[[], State], service: Service) -> Callable[[], State]:
    """Loads what the files give; the cluster is as it was last seen."""
    return lambda: replace(load(), snapshot=service.state.snapshot)


def _certificate_of_files(
    certificates: CertificateOptions, clients: ClientAuthority | None, upkeep: list[Upkeep], telemetry: Telemetry
) -> ServingCertificate:
    """The certificate in two given files, or in a directory where it is made and renewed."""
    files = certificates.files
    if files is None:
        store = DirectoryStore(certificates.directory)
        ensure(store, certificates.settings, _now())
        files = store.certificate, store.key
        upkeep.append(renewing(store, certificates.settings))
    try:
        certificate = ServingCertificate(*files, clients)
    except OSError as error:
        authority = f" and the client authority {clients.file}" if clients else ""
        raise InputError(f"cannot serve with {files[0]}, {files[1]}{authority}: {error}") from error
    upkeep.append(following_certificate(certificate, lambda: _expiry(certificate), telemetry))
    return certificate


def renewing(store: DirectoryStore, settings: Settings) -> Upkeep:
    """Renews what is due in `store`, as long as the server runs."""

    async def renew() -> None:
        while True:
            held = await asyncio.to_thread(ensure, store, settings, _now())
            await asyncio.sleep(next_check(held, settings, _now()).total_seconds())

    return renew


def _bound(listening: Listening) -> socket.socket:
    try:
        return bind(listening)
    except OSError as error:
        raise InputError(f"cannot serve on {listening.host}:{listening.port}: {error}") from error


def _expiry(certificate: ServingCertificate) -> float:
    return describe(certificate.files[0].read_bytes()).not_after.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)


# `--workers`: the command goes on in every worker, each a whole server; this process only looks after them.


def in_workers(listening: Listening, workers: int) -> Listening:
    """Where to listen: as given for a single worker, which is this process; else forks, and returns in each worker.

    Raises InputError where the address cannot be had.
    """
    if workers == 1:
        return listening
    try:
        bound = bind(listening)
    except OSError as error:
        raise InputError(f"cannot serve on {listening.host}:{listening.port}: {error}") from error
    return replace(listening, worker=Supervisor(bound, workers, Telemetry().log).forked())
