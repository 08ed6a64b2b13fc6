"""What goes on beside serving: configuration and certificates are followed on disk."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from injector.cli.errors import InputError
from injector.config.watch import FileState, file_state, watch
from injector.server.run import ServingCertificate, Upkeep
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry


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
