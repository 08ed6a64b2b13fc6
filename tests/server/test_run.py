"""The serving certificate is exchanged while the server runs, and only for one that can be used."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certs.authority import describe
from certs.model import Settings
from certs.rotation import renewed_serving
from injector.server.app import create_app
from injector.server.run import Listening, ServingCertificate, bind, run, server_for
from tests.server.handshakes import shake_hands
from tests.server.running import Running


def shown(running: Running) -> int:
    """The serial number of the certificate that a new connection is shown."""
    return describe(ssl.get_server_certificate(("127.0.0.1", running.port)).encode()).serial


def renew(running: Running) -> None:
    settings = Settings(names=("localhost", "127.0.0.1"))
    running.store.update(lambda held: renewed_serving(held, settings, datetime.now(UTC)))  # type: ignore[arg-type]


def test_a_renewed_certificate_is_shown_to_new_connections_while_old_ones_go_on(
    running: Running, client: httpx.Client
) -> None:
    assert client.get("/healthz").status_code == 200
    before = shown(running)
    renew(running)
    assert running.certificate.reload() == ""
    assert shown(running) != before
    assert client.get("/healthz").status_code == 200
    with httpx.Client(base_url=running.url, verify=running.trust()) as fresh:
        assert fresh.get("/healthz").status_code == 200


@pytest.mark.parametrize("broken", ["mismatched key", "no certificate", "missing file"])
def test_a_pair_that_cannot_be_used_is_refused_and_the_last_good_one_stays(
    running: Running, tmp_path: Path, broken: str
) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(running.store.certificate.read_bytes())
    key.write_bytes(running.store.key.read_bytes())
    serving = ServingCertificate(certificate, key)
    renew(running)
    if broken == "mismatched key":
        key.write_bytes(running.store.key.read_bytes())
    elif broken == "no certificate":
        certificate.write_bytes(b"rubbish")
    else:
        key.unlink()
    fault = serving.reload()
    assert str(certificate) in fault
    peer = shake_hands(running.trust(), serving.context)
    assert peer.version() in ("TLSv1.2", "TLSv1.3")


def test_the_first_certificate_has_to_be_usable(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"tls\.crt|No such file"):
        ServingCertificate(tmp_path / "tls.crt", tmp_path / "tls.key")


def test_what_the_first_pods_need_is_made_before_they_can_come(running: Running) -> None:
    seen = []

    def prepare() -> None:
        seen.append(server.listening.is_set())
        server.stop()

    app = create_app(running.service, running.telemetry)
    server = server_for(app, running.service, running.certificate)
    server.prepare = prepare
    run(server, bind(Listening("127.0.0.1", 0)), (), running.telemetry)
    assert seen == [False]
    assert server.listening.is_set()
