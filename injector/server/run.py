"""Running the server: listen, follow what changes, drain before stopping."""

import asyncio
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread
from time import sleep
from types import FrameType

import uvicorn
import uvloop
from starlette.types import ASGIApp

from injector.server.client_auth import ClientAuthority
from injector.server.connections import Guard, GuardedConnection, Listener
from injector.server.limits import ConnectionLimits, ServerLimits
from injector.server.replies import Turns
from injector.server.state import Service
from injector.server.telemetry import DEFAULT_STYLE, LogStyle, Telemetry
from injector.server.workers import Worker

# TLS whose certificate can be exchanged while connections come in.


class ServingCertificate:
    """The certificate that new connections are shown, read from two files.

    Each handshake takes the contexts of its time, which nothing touches any more: a live context into which a key is
    loaded that does not fit is broken from then on. A callback for the name that clients ask for (SNI) could exchange
    them too, but Python writes a traceback for every name that is not ASCII.
    """

    def __init__(self, certificate: Path, key: Path, clients: ClientAuthority | None = None) -> None:
        """Read the pair, and the authority of clients. Raises OSError (ssl.SSLError is one) for unusable files."""
        self._certificate, self._key, self._clients = certificate, key, clients
        self._contexts = self._read()

    @property
    def context(self) -> ssl.SSLContext:
        """For servers that everybody may call."""
        return self._contexts[0]

    @property
    def client_context(self) -> ssl.SSLContext:
        """Asks for certificates of `clients`, if any."""
        return self._contexts[1]

    @property
    def files(self) -> tuple[Path, Path]:
        """The files of the certificate and of its private key."""
        return self._certificate, self._key

    def reload(self) -> str:
        """Use what the files hold now; where that is no pair the last good one stays. Returns the fault, if any."""
        try:
            self._contexts = self._read()
        except OSError as error:
            authority = f", {self._clients.file}" if self._clients else ""
            return f"{self._certificate}, {self._key}{authority}: {error.strerror or error}"
        return ""

    def _read(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        contexts = _context(), _context()
        for context in contexts:
            context.load_cert_chain(self._certificate, self._key, password="")
        if self._clients:
            self._clients.trust_in(contexts[1])
        return contexts


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Of TLS 1.2 what encrypts and authenticates at once, with keys of one connection: no CBC, no RSA key exchange.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    # A client that asks for handshake after handshake costs the server far more than itself.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


_RETRY_SECONDS = 5.0
_POLL_SECONDS = 0.005

# Goes on beside serving until it is cancelled.
Upkeep = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen; port 0 is any free one. `drain_seconds`: how long to answer on after the order to stop.

    `worker`: which of several processes this is, if it is one of several. `limits`: what clients may take.
    `clients`: the authority of those who may call the webhook; None lets everybody. `log`: which log lines are written.
    """

    host: str = "127.0.0.1"
    port: int = 8443
    drain_seconds: float = 0.0
    worker: Worker | None = None
    limits: ServerLimits = field(default_factory=ServerLimits)
    clients: ClientAuthority | None = None
    log: LogStyle = DEFAULT_STYLE


def bind(listening: Listening, *, shared: bool = False) -> socket.socket:
    """The socket to serve on; `shared`: other workers have sockets of their own there. Raises OSError without one."""
    if listening.worker:
        return listening.worker.bound
    family, kind, protocol, _, address = socket.getaddrinfo(
        listening.host, listening.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    return bound


class DrainingServer(uvicorn.Server):
    """Stops in three steps, as API servers re-use connections to pods that terminate.

    Readiness fails and every reply closes its connection; after the drain time nothing new is accepted; what is under
    way is finished. A second signal stops at once. `announcement` is what the log says once it listens; `prepare` is
    called before that.
    """

    announcement = "serving"

    def __init__(self, config: uvicorn.Config, service: Service, drain_seconds: float, guard: Guard) -> None:
        """Serve `config` behind `guard`, and drain `service` for `drain_seconds` before stopping."""
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds
        self.guard = guard
        self.listening = asyncio.Event()
        self.prepare: Callable[[], None] = lambda: None
        self._turns = Turns()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and tell those who wait for it."""
        await super().startup([])
        for bound in sockets or ():
            listener = Listener(bound, self._context, self.guard)
            listener.start(self._connection, self.server_state.connections)  # type: ignore[arg-type]
            self.servers.append(listener)  # type: ignore[arg-type]
        self.listening.set()

    def _connection(self) -> GuardedConnection:
        return GuardedConnection(self.config, self.server_state, self.lifespan.state, self.guard, self._turns)

    def _context(self) -> ssl.SSLContext:
        factory = self.config.ssl_context_factory
        if factory is None:
            raise ValueError("the server speaks HTTPS only: its configuration has no TLS context")
        return factory(self.config, _context)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to drain; on the second signal stop without waiting for anything."""
        if self._service.draining:
            self.force_exit = True
            self.stop()
            return
        self._service.draining = True
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, self.stop)

    def stop(self) -> None:
        """Finish what is under way and return from `serve`."""
        self.should_exit = True


def server_for(
    app: ASGIApp,
    service: Service,
    certificate: ServingCertificate,
    drain_seconds: float = 0.0,
    guard: Guard | None = None,
) -> DrainingServer:
    """A server of `app` over TLS, not yet running; without a `guard` with the usual limits."""
    guard = guard or Guard(ConnectionLimits(), lambda: service.draining, lambda _reason: None)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        # A line for each request that is no HTTP would let strangers fill the log: they are counted.
        log_level="error",
        access_log=False,
        server_header=False,
        # Nobody asks where a request came from.
        proxy_headers=False,
        timeout_keep_alive=guard.limits.idle,
        timeout_graceful_shutdown=10,
        ssl_context_factory=lambda _config, _default: (
            certificate.client_context if guard.clients else certificate.context
        ),
    )
    return DrainingServer(config, service, drain_seconds, guard)


@contextmanager
def serving(server: DrainingServer, bound: socket.socket) -> Iterator[int]:
    """Serve on `bound` from a thread of its own while the block runs; gives the port."""
    thread = Thread(target=lambda: uvloop.run(server.serve(sockets=[bound])), name="webhook", daemon=True)
    thread.start()
    while not server.listening.is_set() and thread.is_alive():
        sleep(_POLL_SECONDS)
    try:
        yield bound.getsockname()[1]
    finally:
        server.stop()
        thread.join()


def run(
    server: DrainingServer,
    bound: socket.socket,
    upkeep: Sequence[Upkeep],
    telemetry: Telemetry,
    worker: Worker | None = None,
) -> None:
    """Serve on `bound` until told to stop, with everything in `upkeep` going on beside it."""
    if worker:
        upkeep = [*upkeep, partial(worker.share, telemetry, server.listening)]
    server.guard = replace(server.guard, dropped=telemetry.connection_dropped)
    uvloop.run(_run(server, bound, upkeep, telemetry))


async def _run(server: DrainingServer, bound: socket.socket, upkeep: Sequence[Upkeep], telemetry: Telemetry) -> None:
    tasks = [asyncio.create_task(_kept_up(each, telemetry)) for each in upkeep]
    tasks.append(asyncio.create_task(_announce(server, bound, telemetry)))
    await asyncio.to_thread(server.prepare)
    # What is there by now stays: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    try:
        await server.serve(sockets=[bound])
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _announce(server: DrainingServer, bound: socket.socket, telemetry: Telemetry) -> None:
    """Log where the server listens as soon as it does."""
    host, port = bound.getsockname()[:2]
    await server.listening.wait()
    telemetry.log.info(server.announcement, address=f"https://{host}:{port}")


async def _kept_up(upkeep: Upkeep, telemetry: Telemetry) -> None:
    """Run `upkeep`; where it fails serving goes on, and it is tried again."""
    while True:
        try:
            await upkeep()
        except Exception as error:
            telemetry.log.exception("upkeep failed", message=str(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
