"""The webhook server put together: state, certificate, cluster, and what goes on beside serving."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from certs.authority import describe
from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure, next_check
from injector.config.watch import FileState, file_state, watch
from injector.runtime.configuration import (
    Inputs,
    first_state,
    following_files,
    following_installations,
    inherited_state,
    keeping_last_good,
    kept_state,
    leaving_behind,
    log_configuration,
)
from injector.runtime.errors import InputError
from injector.runtime.options import CertificateOptions, ClusterOptions
from injector.runtime.preview import PreviewAddress, preview_process, serving_preview
from injector.server.app import create_app
from injector.server.client_auth import ClientAuthority
from injector.server.connections import Guard
from injector.server.run import Listening, ServingCertificate, Upkeep, bind, run, server_for
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.warming import warm, warmed
from injector.server.workers import LastGood, Supervisor

if TYPE_CHECKING:
    from injector.runtime.cluster import ClusterSide, LastGoodConfigMap


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


def serve_until_stopped(
    inputs: Inputs,
    listening: Listening,
    certificates: CertificateOptions,
    cluster: ClusterOptions | None,
    preview: PreviewAddress | None = None,
) -> None:
    """Serve until SIGTERM. Raises InputError where the start fails.

    In a cluster the preview is served only where `preview` says; elsewhere beside the webhook, if nothing is said, and
    in a process of its own where `preview` says.
    """
    known, leads = file_state(inputs.files), listening.worker is None or listening.worker.index == 0
    last_good = listening.worker.last_good if listening.worker else LastGood()
    store = _last_good_map(cluster) if cluster and cluster.last_good else None
    load_files = leaving_behind(inputs.load, last_good)
    earlier = (inherited_state(last_good), *((kept_state(inputs, store),) if store else ()))
    service, telemetry = Service(first_state(load_files, *earlier)), Telemetry(style=listening.log)
    log_configuration(service.state.fault, inputs, telemetry)
    upkeep: list[Upkeep] = []
    side = _cluster_side(cluster, service, telemetry) if cluster else None
    try:
        if side and certificates.secret:
            certificate = side.keep_certificates(
                certificates.secret, certificates.settings, competes=leads, clients=listening.clients
            )
        else:
            certificate = _certificate_of_files(certificates, listening.clients, upkeep, telemetry)
        if listening.clients:
            upkeep.append(following_client_authority(listening.clients, certificate, telemetry))
        load = _keeping_snapshot(load_files, service) if side else load_files
        following = list(_following(inputs, known, warmed(load), service, telemetry))
        upkeep += following
        if store and leads:
            upkeep.append(keeping_last_good(inputs, store, service, telemetry))
        if side and leads:
            upkeep.append(side.tell_of_faults)
        if preview and side:
            access = side.access()
            service.more_caches.append(access.known)
            upkeep.append(serving_preview(preview, service, certificate, access, telemetry))
        elif preview and leads:
            # Here, before there is a second thread; the certificate is renewed in this process, and read in both.
            following.append(following_certificate(certificate, lambda: _expiry(certificate), telemetry))
            upkeep.append(preview_process(preview, service, certificate, following, telemetry))
        app = create_app(service, telemetry, listening.limits.requests, with_preview=not side and not preview)
        guard = Guard(
            listening.limits.connections, lambda: service.draining, telemetry.connection_dropped, listening.clients
        )
        server = server_for(app, service, certificate, listening.drain_seconds, guard)
        server.prepare = lambda: warm(service.state)
        run(server, _bound(listening), upkeep, telemetry, listening.worker)
    finally:
        if side:
            side.stop()


def _following(
    inputs: Inputs, known: FileState, load: Callable[[], State], service: Service, telemetry: Telemetry
) -> Iterator[Upkeep]:
    """What puts changes of the configuration in force; `known` is the state of its files when it was read."""
    if inputs.files:
        yield following_files(inputs, known, load, service, telemetry)
    if inputs.installations:
        yield following_installations(inputs, load, service, telemetry)


def _last_good_map(cluster: ClusterOptions) -> "LastGoodConfigMap":
    from injector.runtime.cluster import LastGoodConfigMap  # noqa: PLC0415 -- as below

    return LastGoodConfigMap(cluster)


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
        try:
            ensure(store, certificates.settings, _now())
        except OSError as error:
            raise InputError(
                f"--cert-dir {store.path}: no certificates can be kept there: {error.strerror}; "
                "valid: a directory that can be written, or --tls-cert with --tls-key"
            ) from error
        files = store.certificate, store.key
        upkeep.append(renewing(store, certificates.settings))
    try:
        certificate = ServingCertificate(*files, clients)
    except OSError as error:
        authority = f" and the client authority {clients.file}" if clients else ""
        raise InputError(f"cannot serve with {files[0]}, {files[1]}{authority}: {error.strerror or error}") from error
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
        raise InputError(f"cannot serve on {listening.host}:{listening.port}: {error.strerror or error}") from error


def _expiry(certificate: ServingCertificate) -> float:
    return describe(certificate.files[0].read_bytes()).not_after.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)


# `--workers`: the command goes on in every worker, each a whole server; this process only looks after them.


def in_workers(listening: Listening, workers: int, *, supervised: bool = False) -> Listening:
    """Where to listen: as given for a single worker, which is this process; else forks, and returns in each worker.

    A single worker that is `supervised` is forked too: while it is replaced connections wait, and none is refused.
    Raises InputError where the address cannot be had.
    """
    if workers == 1 and not supervised:
        return listening
    try:
        bound = bind(listening)
    except OSError as error:
        raise InputError(f"cannot serve on {listening.host}:{listening.port}: {error.strerror or error}") from error
    return replace(listening, worker=Supervisor(bound, workers, Telemetry(style=listening.log).log).forked())
