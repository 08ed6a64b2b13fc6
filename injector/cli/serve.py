"""`injector serve`: the webhook server. The one place where the injector meets the certificate bootstrapper."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from certs.authority import describe
from certs.bootstrap import ensure, next_check
from certs.directory import DirectoryStore
from certs.model import Settings
from injector.cli.check import checked_setup
from injector.cli.errors import InputError
from injector.cli.following import following_certificate, following_configuration
from injector.cli.inputs import ConfigFiles, Sets, SnapshotFile, read_configuration, snapshot_of
from injector.cli.workers import in_workers
from injector.config.watch import file_state
from injector.server.app import create_app
from injector.server.run import Listening, Upkeep, bind, run, server_for
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from injector.server.tls import ServingCertificate

DEFAULT_NAMES = ("localhost", "127.0.0.1", "::1")


def serve(  # noqa: PLR0913, PLR0917 -- one parameter an option
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0",  # noqa: S104 -- a pod's own network
    port: Annotated[int, typer.Option(help="Port to listen on; 0 is any free one.")] = 8443,
    tls_cert: Annotated[Path | None, typer.Option(help="Serving certificate, PEM.", show_default=False)] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.", show_default=False)] = None,
    cert_dir: Annotated[
        Path, typer.Option(help="Where an authority of its own is kept when no certificate is given.")
    ] = Path(".injector-certs"),
    cert_name: Annotated[
        list[str] | None, typer.Option(help="Name to certify then; may be repeated.", show_default=False)
    ] = None,
    drain_seconds: Annotated[float, typer.Option(help="How long to answer on after SIGTERM.")] = 5.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port; one a core.")] = 1,
) -> None:
    """Run the webhook server over HTTPS until SIGTERM; configuration and certificates are followed on disk."""
    if (tls_cert is None) != (tls_key is None):
        raise typer.BadParameter("--tls-cert and --tls-key belong together")

    listening = in_workers(Listening(host, port, drain_seconds), workers)
    followed = _followed(config, snapshot)
    known = file_state(followed)

    def load() -> State:
        return State(checked_setup(read_configuration(config, sets)), snapshot_of(snapshot))

    service, telemetry = Service(load()), Telemetry()
    upkeep: list[Upkeep] = []
    if tls_cert is None or tls_key is None:
        store, settings = DirectoryStore(cert_dir), Settings(names=(*(cert_name or ()), *DEFAULT_NAMES))
        ensure(store, settings, _now())
        tls_cert, tls_key = store.certificate, store.key
        upkeep.append(renewing(store, settings))
    try:
        certificate = ServingCertificate(tls_cert, tls_key)
        bound = bind(listening)
    except OSError as error:
        raise InputError(f"cannot serve on {host}:{port} with {tls_cert}, {tls_key}: {error}") from error
    upkeep.append(following_certificate(certificate, lambda: _expiry(certificate), telemetry))
    if followed:
        upkeep.append(following_configuration(followed, known, load, service, telemetry))
    telemetry.configuration_current.set(1)
    server = server_for(create_app(service, telemetry), service, certificate, drain_seconds)
    run(server, bound, upkeep, telemetry, listening.worker)


def renewing(store: DirectoryStore, settings: Settings) -> Upkeep:
    """Renews what is due in `store`, as long as the server runs."""

    async def renew() -> None:
        while True:
            held = await asyncio.to_thread(ensure, store, settings, _now())
            await asyncio.sleep(next_check(held, settings, _now()).total_seconds())

    return renew


def _followed(config: Sequence[Path] | None, snapshot: Path | None) -> list[Path]:
    return [*(config or ()), *([snapshot] if snapshot else ())]


def _expiry(certificate: ServingCertificate) -> float:
    return describe(certificate.files[0].read_bytes()).not_after.timestamp()


def _now() -> datetime:
    return datetime.now(UTC)
