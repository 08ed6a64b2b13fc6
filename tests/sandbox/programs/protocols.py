"""One server for each way to use TCP, at the port that `PORTS` names.

Usage: `python -m tests.sandbox.programs.protocols [FILE]`: it listens once the file is there.
"""

import hashlib
import json
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from websockets.sync.server import ServerConnection, serve

PORTS = {
    "echo": 7001,
    "greeting": 7002,
    "http": 7003,
    "http2": 7004,
    "grpc": 7005,
    "websocket": 7006,
    "record": 7007,
    "last": 7008,
    "raw": 7009,
}
GREETING = b"5.7.0-greeting\n"
CHUNK = b"x" * 2**20
SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}
_SECONDS_TO_FINISH = 4


class _Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(data)


class _Greeting(_Echo):
    def handle(self) -> None:
        self.request.sendall(GREETING)
        super().handle()


class _Record(socketserver.BaseRequestHandler):
    """Keeps what it is sent until the sender ends, as a log server does; answers `?` with all of it so far."""

    kept: ClassVar[list[str]] = []

    def handle(self) -> None:
        data = b""
        with suppress(ConnectionResetError):
            while more := self.request.recv(65536):
                data += more
                if data == b"?\n":
                    self.request.sendall(json.dumps(self.kept).encode())
                    return
        self.kept.append(f"{len(data)} {hashlib.sha256(data).hexdigest()}")


class _Last(socketserver.BaseRequestHandler):
    """Ends its own direction at once, then reads, and says so on a second connection by the record server."""

    def handle(self) -> None:
        self.request.sendall(GREETING)
        self.request.shutdown(socket.SHUT_WR)
        data = b""
        while more := self.request.recv(65536):
            data += more
        _Record.kept.append(f"{len(data)} {hashlib.sha256(data).hexdigest()}")


class _Raw(socketserver.BaseRequestHandler):
    """Answers an HTTP request, up to the end of its head or chunked body, with the bytes that came, and a trailer."""

    def handle(self) -> None:
        data = b""
        while more := self.request.recv(65536):
            data += more
            head, separator, body = data.partition(b"\r\n\r\n")
            if separator and (b"chunked" not in head.lower() or body.endswith(b"\r\n\r\n")):
                break
        if b"Upgrade:" in data:
            self.request.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd/7\r\nConnection: Upgrade\r\n\r\n")
            while more := self.request.recv(65536):
                self.request.sendall(more)
            return
        chunk = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        answer = b"HTTP/1.1 200 Fine\r\nX-CaSe: Kept\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
        if b" HTTP/1.0\r\n" in data:
            self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + data)
            return
        self.request.sendall(answer + chunk + b"0\r\nX-End: well\r\n\r\n")


class _Http(BaseHTTPRequestHandler):
    """`GET /large?N` answers N MiB, `GET /slow?S` after S seconds; `POST` answers what came in; else who asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, number = self.path.partition("?")
        if path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(int(number) * len(CHUNK)))
            self.end_headers()
            for _ in range(int(number)):
                self.wfile.write(CHUNK)
            return
        if path == "/slow":
            time.sleep(float(number))
        self._answer({"client": self.client_address[0].removeprefix("::ffff:"), "headers": dict(self.headers.items())})

    def do_POST(self) -> None:
        digest, left = hashlib.sha256(), int(self.headers["Content-Length"])
        while left:
            data = self.rfile.read(min(left, len(CHUNK)))
            digest.update(data)
            left -= len(data)
        self._answer({"sha256": digest.hexdigest()})

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Quiet."""


class _Http2(socketserver.BaseRequestHandler):
    """HTTP/2 without TLS and without an upgrade: answers each request with its path."""

    def handle(self) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        self.request.sendall(connection.data_to_send())
        while data := self.request.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers: dict[Any, Any] = dict(event.headers or ())
                    connection.send_headers(event.stream_id, [(":status", "200"), ("x-path", headers[":path"])])
                    connection.send_data(event.stream_id, b"two", end_stream=True)
            self.request.sendall(connection.data_to_send())


class _Grpc(grpc.GenericRpcHandler):  # type: ignore[misc]
    """`/test/Echo` sends back each message of a stream; the health service says that it serves."""

    def service(self, details: Any) -> Any:
        if details.method == "/test/Echo":
            return grpc.stream_stream_rpc_method_handler(self._echo)
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: SERVING)

    def _echo(self, messages: Iterator[bytes], context: Any) -> Iterator[bytes]:
        yield from messages
        context.set_trailing_metadata((("ended", "well"),))


def _websocket(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def _tcp(handler: type[socketserver.BaseRequestHandler], name: str) -> Callable[[], None]:
    return _Server(("::", PORTS[name]), handler).serve_forever


def main() -> None:
    """Serve until TERM comes, and then for the time that requests in flight may need."""
    signal.signal(signal.SIGTERM, lambda *_: threading.Timer(_SECONDS_TO_FINISH, lambda: _exit(0)).start())
    while len(sys.argv) > 1 and not Path(sys.argv[1]).exists():
        time.sleep(0.05)
    handlers = {"echo": _Echo, "greeting": _Greeting, "http": _Http, "http2": _Http2}
    handlers |= {"record": _Record, "last": _Last, "raw": _Raw}
    servers = [_tcp(handler, name) for name, handler in handlers.items()]
    websocket = socket.create_server(("::", PORTS["websocket"]), family=socket.AF_INET6, dualstack_ipv6=True)
    servers.append(serve(_websocket, sock=websocket).serve_forever)
    rpc = grpc.server(ThreadPoolExecutor(), handlers=[_Grpc()])
    rpc.add_insecure_port(f"[::]:{PORTS['grpc']}")
    rpc.start()
    threads = [threading.Thread(target=server) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _exit(status: int) -> None:
    import os  # noqa: PLC0415 -- only to leave from a thread

    os._exit(status)


if __name__ == "__main__":
    main()
