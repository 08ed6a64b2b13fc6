"""Only clients of the operator's authority may call the webhook; everybody may ask whether it is well."""

import io
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import trustme

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import create_app
from injector.server.client_auth import ClientAuthority
from injector.server.connections import Guard
from injector.server.limits import ConnectionLimits
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.server.running import JSON, Running
from tests.support import default_setup, review_of

NAMES = frozenset({"kube-apiserver", "api.example.com"})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def guarded(tmp_path: Path, authority: trustme.CA) -> Iterator[Running]:
    """A server that lets two names of `authority` call."""
    file = tmp_path / "clients.pem"
    authority.cert_pem.write_to_path(file)
    store = DirectoryStore(tmp_path / "serving")
    ensure(store, Settings(names=("localhost", "127.0.0.1")), datetime.now(UTC))
    service, log = Service(State(default_setup(), EMPTY_SNAPSHOT)), io.BytesIO()
    clients = ClientAuthority(file, NAMES)
    telemetry, certificate = Telemetry(log), ServingCertificate(store.certificate, store.key, clients)
    guard = Guard(ConnectionLimits(), lambda: False, lambda _reason: None, clients)
    server = server_for(create_app(service, telemetry), service, certificate, guard=guard)
    with serving(server, bind(Listening("127.0.0.1", 0))) as port:
        yield Running(port, store, service, telemetry, certificate, log)


def client_of(running: Running, certificate: trustme.LeafCert | None) -> httpx.Client:
    context = running.trust()
    if certificate is not None:
        certificate.configure_cert(context)
    return httpx.Client(base_url=running.url, verify=context, timeout=60)


def post(running: Running, certificate: trustme.LeafCert | None) -> httpx.Response:
    with client_of(running, certificate) as client:
        return client.post("/inject", content=review_of({"spec": {"containers": [{"name": "app"}]}}), headers=JSON)


def test_a_client_without_a_certificate_is_refused(guarded: Running) -> None:
    answer = post(guarded, None)
    assert (answer.status_code, answer.text.count("\n")) == (401, 1)
    assert "--client-ca" in answer.text


def test_a_client_under_another_name_is_refused(guarded: Running, authority: trustme.CA) -> None:
    answer = post(guarded, authority.issue_cert("tenant.example.com"))
    assert answer.status_code == 403
    assert "tenant.example.com" in answer.text
    assert "kube-apiserver" in answer.text


@pytest.mark.parametrize("common_name", [None, "kube-apiserver"])
def test_a_client_with_an_expected_name_is_served(
    guarded: Running, authority: trustme.CA, common_name: str | None
) -> None:
    names = ("api.example.com",) if common_name is None else ("other.example.com",)
    answer = post(guarded, authority.issue_cert(*names, common_name=common_name))
    assert answer.status_code == 200
    assert answer.json()["response"]["allowed"]


def test_a_certificate_of_another_authority_ends_the_connection(guarded: Running) -> None:
    with pytest.raises(httpx.TransportError):
        post(guarded, trustme.CA().issue_cert("kube-apiserver"))


def test_probes_need_no_certificate(guarded: Running) -> None:
    with client_of(guarded, None) as client:
        assert {client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")} == {200}


def test_another_authority_takes_over_when_its_file_changes(guarded: Running, tmp_path: Path) -> None:
    following = trustme.CA()
    following.cert_pem.write_to_path(tmp_path / "clients.pem")
    assert guarded.certificate.reload() == ""
    assert post(guarded, following.issue_cert("api.example.com")).status_code == 200


def test_an_authority_that_cannot_be_read_leaves_the_last_good_one(
    guarded: Running, authority: trustme.CA, tmp_path: Path
) -> None:
    (tmp_path / "clients.pem").write_text("rubbish")
    assert str(tmp_path / "clients.pem") in guarded.certificate.reload()
    assert post(guarded, authority.issue_cert("api.example.com")).status_code == 200


def test_without_names_every_certificate_of_the_authority_will_do(tmp_path: Path) -> None:
    clients = ClientAuthority(tmp_path / "unused.pem")
    assert clients.refusal({"subject": ((("commonName", "anybody"),),)}) is None
    assert clients.refusal({}) is not None


def test_the_server_of_everybody_asks_for_no_certificate(guarded: Running) -> None:
    assert guarded.certificate.context.verify_mode is ssl.CERT_NONE
