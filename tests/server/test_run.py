"""The serving certificate is exchanged while the server runs, and only for one that can be used."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certs.authority import describe
from certs.model import Settings
from certs.rotation import renewed_serving
from injector.core.model import EMPTY_SNAPSHOT
from injector.server.run import ServingCertificate, warmed, warming
from injector.server.state import Service, State
from tests.server.handshakes import shake_hands
from tests.server.running import Running
from tests.support import fresh_setup


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


# What the first pods need is compiled before they come.


def compiled(state: State) -> list[str]:
    return state.setup.templates.compiled_for_usual_pods


def test_what_the_server_starts_with_is_made_ready() -> None:
    service = Service(State(fresh_setup(), EMPTY_SNAPSHOT))

    async def start() -> None:
        await warming(service)()

    assert compiled(service.state) == []
    asyncio.run(start())
    assert compiled(service.state) == ["sidecar"]


def test_another_configuration_is_ready_before_it_is_in_force() -> None:
    loaded = warmed(lambda: State(fresh_setup(), EMPTY_SNAPSHOT))()
    assert compiled(loaded) == ["sidecar"]
    assert len(loaded.answers) == 0
