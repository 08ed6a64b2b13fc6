"""TLS at a real Envoy: certificates by name, of clients, of servers behind the gateway, and renewed under load."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from injector.core.model import JsonObject
from injector.core.yaml.writer import write
from tests.gateway.running import LOOPBACK, application, ask, connect_tls, exchange, running
from tests.gateway.support import document, gateway, rendered, server, to, virtual_service
from tests.ports import free_port

AUTHORITY, CLIENTS = trustme.CA(), trustme.CA()


def mount(folder: Path, *names: str, serial: str = "1", authority: trustme.CA | None = None) -> None:
    """A Secret as the kubelet mounts it: entries are links, and what they lead to is renamed as a whole."""
    version = folder / f"..{serial}"
    version.mkdir(parents=True)
    certificate = AUTHORITY.issue_cert(*names)
    certificate.private_key_pem.write_to_path(version / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(version / "tls.crt")
    (authority or CLIENTS).cert_pem.write_to_path(version / "ca.crt")
    new = folder / "..new"
    new.symlink_to(version.name)
    new.replace(folder / "..data")
    for entry in ("tls.key", "tls.crt", "ca.crt"):
        if not (folder / entry).is_symlink():
            (folder / entry).symlink_to(f"..data/{entry}")


def client(*, with_certificate: bool = False, authority: trustme.CA = CLIENTS) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if with_certificate:
        authority.issue_cert("me.example").configure_cert(context)
    return context


@contextmanager
def tls_application(name: str) -> Iterator[int]:
    """A server that speaks TLS itself, under one name. Gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    behind = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    behind.socket = context.wrap_socket(behind.socket, server_side=True)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    try:
        yield behind.server_address[1]
    finally:
        behind.shutdown()
        behind.server_close()


@dataclass(frozen=True)
class World:
    """The ports of a gateway: for TLS, for plain requests, for connections."""

    tls: int
    plain: int
    tcp: int
    secrets: Path

    def https(self, name: str, context: ssl.SSLContext) -> tuple[int, str]:
        connection = connect_tls(self.tls, context, name)
        try:
            answer = exchange(connection, "/", Host=name)
            return answer.status, answer.text
        finally:
            connection.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("tls")
    secrets = directory / "secrets"
    for name in ("a", "b", "mutual", "optional"):
        mount(secrets / name, f"{name}.example")
    AUTHORITY.cert_pem.write_to_path(directory / "authority.crt")
    tls, plain, tcp = free_port(), free_port(), free_port()

    def https(name: str, mode: str = "SIMPLE") -> JsonObject:
        return server(tls, "HTTPS", (f"{name}.example",), tls={"mode": mode, "credentialName": name})

    with application("plain") as behind, tls_application("through.example") as through:
        servers = [
            https("a"),
            https("b"),
            https("mutual", "MUTUAL"),
            https("optional", "OPTIONAL_MUTUAL"),
            server(tls, "TLS", ("through.example",), tls={"mode": "PASSTHROUGH"}),
            server(plain, "HTTP", ("a.example",), tls={"httpsRedirect": True}),
            server(plain, "HTTP", ("upstream.example",)),
            server(tcp, "TCP"),
        ]
        by_name = {"match": [{"sniHosts": ["through.example"]}], "route": [to(LOOPBACK, through)]}
        routed = virtual_service(
            {"match": [{"authority": {"prefix": "upstream"}}], "route": [to("through.example", through)]},
            {"route": [to(LOOPBACK, behind.port)]},
            tls=[by_name],
            tcp=[{"route": [to(LOOPBACK, behind.port)]}],
        )
        originated = {"mode": "SIMPLE", "sni": "through.example", "caCertificates": str(directory / "authority.crt")}
        rule = document("DestinationRule", "x", {"host": "through.example", "trafficPolicy": {"tls": originated}})
        entry = document(
            "ServiceEntry",
            "x",
            {
                "hosts": ["through.example"],
                "ports": [{"number": through, "name": "https", "protocol": "HTTPS"}],
                "resolution": "STATIC",
                "endpoints": [{"address": LOOPBACK}],
            },
        )
        found = rendered(
            gateway(*servers),
            routed,
            rule,
            entry,
            secrets=str(secrets),
            directory=str(directory),
            address=LOOPBACK,
        )
        for name, content in found.files.items():
            (directory / name).write_text(write(content), encoding="utf-8")
        with running(found.files["envoy.yaml"], directory):
            yield World(tls, plain, tcp, secrets)


def test_each_name_has_its_certificate_and_other_names_have_none(world: World) -> None:
    assert [world.https(f"{name}.example", client())[0] for name in ("a", "b")] == [200, 200]
    with pytest.raises(OSError, match=r"reset|EOF|closed"):
        world.https("unknown.example", client())


def test_plain_requests_are_sent_on_to_https(world: World) -> None:
    answer = ask(world.plain, "/page", Host="a.example")
    assert (answer.status, answer.headers["location"]) == (301, "https://a.example/page")


def test_a_client_without_a_certificate_of_the_authority_is_turned_away(world: World) -> None:
    for context in (client(), client(with_certificate=True, authority=trustme.CA())):
        with pytest.raises((OSError, http.client.HTTPException)):
            world.https("mutual.example", context)
    assert world.https("mutual.example", client(with_certificate=True))[0] == 200


def test_where_a_certificate_is_optional_it_is_verified_if_it_is_shown(world: World) -> None:
    assert world.https("optional.example", client())[0] == 200
    status, text = world.https("optional.example", client(with_certificate=True))
    assert (status, "DNS=me.example" in text) == (200, True)
    with pytest.raises((OSError, http.client.HTTPException)):
        world.https("optional.example", client(with_certificate=True, authority=trustme.CA()))


def test_a_client_s_own_word_on_its_certificate_is_taken_away(world: World) -> None:
    connection = connect_tls(world.tls, client(), "a.example")
    seen = exchange(connection, "/", Host="a.example", X_Forwarded_Client_Cert="By=me").seen["headers"]
    connection.close()
    assert "x-forwarded-client-cert" not in seen


def test_tls_is_passed_through_to_the_server_of_that_name(world: World) -> None:
    assert world.https("through.example", client()) == (200, "through.example")


def test_tls_is_spoken_to_a_server_behind_the_gateway_that_shows_its_name(world: World) -> None:
    assert ask(world.plain, Host="upstream.example").text == "through.example"


def test_connections_are_forwarded_as_they_are(world: World) -> None:
    assert ask(world.tcp).seen["name"] == "plain"


def serial(port: int, name: str) -> int:
    """The serial number of the certificate that is shown to a new client."""
    context = client()
    with (
        socket.create_connection((LOOPBACK, port), 20) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        found = tls.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found).serial_number


@dataclass
class Load:
    """Requests without a pause until the block ends: on connections that stay, and on new ones."""

    succeeded: int = 0
    failed: int = 0
    is_over: bool = False

    def run(self, world: World, name: str, *, stays: bool) -> None:
        context = client()
        connection = connect_tls(world.tls, context, name)
        while not self.is_over:
            try:
                if not stays:
                    connection.close()
                    connection = connect_tls(world.tls, context, name)
                assert exchange(connection, "/", Host=name).status == 200
                self.succeeded += 1
            except (OSError, http.client.HTTPException, AssertionError):
                self.failed += 1
        connection.close()


def test_a_renewed_certificate_is_shown_at_once_and_no_request_is_lost(world: World) -> None:
    before, load = serial(world.tls, "b.example"), Load()
    threads = [
        threading.Thread(target=load.run, args=(world, "b.example"), kwargs={"stays": each}) for each in (True, False)
    ]
    for thread in threads:
        thread.start()
    mount(world.secrets / "b", "b.example", serial="2")
    end = time.monotonic() + 60
    while serial(world.tls, "b.example") == before:
        assert time.monotonic() < end
    renewed = load.succeeded
    while load.succeeded < renewed + 20:
        assert time.monotonic() < end + 60
        time.sleep(0.01)
    load.is_over = True
    for thread in threads:
        thread.join()
    assert load.failed == 0


def test_a_renewed_authority_of_clients_is_trusted_at_once(world: World) -> None:
    new = trustme.CA()
    mount(world.secrets / "mutual", "mutual.example", serial="2", authority=new)
    end = time.monotonic() + 60
    while True:
        try:
            assert world.https("mutual.example", client(with_certificate=True, authority=new))[0] == 200
            break
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < end
    with pytest.raises((OSError, http.client.HTTPException)):
        world.https("mutual.example", client(with_certificate=True))
