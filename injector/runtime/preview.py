"""`injector serve --preview-port`: the preview on a port of its own, with the API server at the door."""

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from injector.config import load
from injector.config.loader import ConfigText
from injector.core.errors import Fault, InjectorError
from injector.core.render import TemplateFault
from injector.core.setup import Setup, set_up
from injector.core.template_check import template_faults
from injector.runtime.errors import InputError, UsageError
from injector.server.preview_server import PreviewServer, SecondServer, create_preview_app
from injector.server.run import Listening, ServingCertificate, Upkeep, bind, run, server_for
from injector.server.state import Service
from injector.server.telemetry import Telemetry
from injector.server.workers import Supervisor

if TYPE_CHECKING:
    from injector.cluster.access import Access


_TRIED = "configuration"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 15018


@dataclass(frozen=True, slots=True)
class PreviewAddress:
    """Where the preview listens apart from the webhook."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine, or this pod, can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def preview_address(host: str | None, port: int | None, *, in_cluster: bool) -> PreviewAddress | None:
    """The address that the options name; None where neither is given.

    Raises UsageError for an address that others reach where no API server can be asked who they are.
    """
    if host is None and port is None:
        return None
    address = PreviewAddress(host or DEFAULT_HOST, DEFAULT_PORT if port is None else port)
    if not in_cluster and not address.is_loopback:
        raise UsageError(
            f"--preview-host {address.host}: without a cluster nobody can be asked who calls; valid: {DEFAULT_HOST}"
        )
    return address


def serving_preview(
    address: PreviewAddress,
    service: Service,
    certificate: ServingCertificate,
    access: "Access | None",
    telemetry: Telemetry,
) -> Upkeep:
    """Serves the preview at `address` as long as the webhook is served. Raises InputError where it cannot be had."""
    bound = _bound(address)
    app = create_preview_app(service, None if access is None or address.is_loopback else access.verdict)
    first = server_for(app, service, certificate)

    async def serve() -> None:
        host, port = bound.getsockname()[:2]
        telemetry.log.info("serving preview", address=f"https://{host}:{port}", open=address.is_loopback)
        await SecondServer(first.config, service, 0.0, first.guard).serve(sockets=[bound])

    return serve


def preview_process(
    address: PreviewAddress,
    service: Service,
    certificate: ServingCertificate,
    upkeep: Sequence[Upkeep],
    telemetry: Telemetry,
) -> Upkeep:
    """Forks a process that serves the preview at `address`, with `upkeep` going on in it, and is replaced if it dies.

    Call it while this process has one thread. Work on previews then takes no time from reviews, so that configurations
    can be tried. Raises InputError where the address cannot be had.
    """
    bound, parent = _bound(address), os.getpid()
    child = os.fork()
    if not child:
        first = server_for(create_preview_app(service, None, try_configuration), service, certificate)
        server = PreviewServer(first.config, service, 0.0, first.guard)
        os._exit(_serve_alone(server, bound, upkeep, telemetry, parent))
    bound.close()

    async def watch() -> None:
        try:
            await _end_of(child)
            telemetry.log.error("the preview is not served any more", process=child)
        except asyncio.CancelledError:
            os.kill(child, signal.SIGTERM)
            raise

    return watch


def _serve_alone(
    server: PreviewServer, bound: socket.socket, upkeep: Sequence[Upkeep], telemetry: Telemetry, parent: int
) -> int:
    """Serve the preview until SIGTERM, or until `parent` ends. The exit status of the process.

    The process that is forked for that could not be replaced by `parent`, which by then has threads. So another one
    stands between them, which does nothing else.
    """
    try:
        worker = Supervisor(bound, 1, telemetry.log.bind(serves="preview"), parent=parent).forked()
        run(server, bound, upkeep, telemetry, worker)
    except SystemExit as ended:
        return int(ended.code or 0)
    except Exception as error:
        telemetry.log.exception("the preview failed", message=str(error))
        return 1
    return 0


async def _end_of(process: int) -> None:
    """Return when the process has ended. Source: man 2 pidfd_open."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    descriptor = os.pidfd_open(process)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def try_configuration(text: str) -> Setup:
    """The configuration in `text`, whole as `-c` takes it, ready for use.

    Raises InjectorError with every fault of it and of its templates, each with its line.
    """
    loaded = load([ConfigText(_TRIED, text)])
    setup = set_up(loaded.config)
    faults = template_faults(setup)
    if faults:
        raise InjectorError(*(_located(fault, *loaded.template_origins[fault.template]) for fault in faults))
    return setup


def _located(fault: TemplateFault, file: str, first_line: int) -> Fault:
    line = first_line + fault.line - 1 if file == _TRIED else None
    return Fault(file, line, f"template {fault.template!r}", fault.message)


def _bound(address: PreviewAddress) -> socket.socket:
    try:
        return bind(Listening(address.host, address.port), shared=True)
    except OSError as error:
        raise InputError(f"cannot serve the preview on {address.host}:{address.port}: {error}") from error
