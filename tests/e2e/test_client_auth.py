"""The API server shows its client certificate to the webhook; whoever has none is turned away."""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import Snapshot
from injector.server.app import create_app
from injector.server.client_auth import ClientAuthority
from injector.server.connections import Guard
from injector.server.limits import ConnectionLimits
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.e2e.cluster import Cluster, control_plane
from tests.e2e.test_injection import is_injected, namespace, pod, registration
from tests.support import default_setup, review_of

pytestmark = pytest.mark.e2e

NAME = "kube-apiserver-webhook-client"


def admission_configuration(directory: Path, authority: trustme.CA) -> Path:
    """The file for --admission-control-config-file: the API server calls every webhook with one certificate."""
    certificate = authority.issue_cert(common_name=NAME)
    certificate.private_key_pem.write_to_path(directory / "client.key")
    certificate.cert_chain_pems[0].write_to_path(directory / "client.crt")
    user = {"client-certificate": str(directory / "client.crt"), "client-key": str(directory / "client.key")}
    kubeconfig = directory / "webhooks.kubeconfig"
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "users": [{"name": "*", "user": user}]}))
    plugin = {
        "name": "MutatingAdmissionWebhook",
        "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": str(kubeconfig),
        },
    }
    file = directory / "admission.json"
    api_version = "apiserver.config.k8s.io/v1"
    file.write_text(json.dumps({"apiVersion": api_version, "kind": "AdmissionConfiguration", "plugins": [plugin]}))
    return file


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def identified(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane whose API server has a client certificate of `authority`."""
    directory = tmp_path_factory.mktemp("identified")
    flags = (f"--admission-control-config-file={admission_configuration(directory, authority)}",)
    with control_plane(directory, pytest.skip, api_server_flags=flags) as started:
        yield started


def test_the_api_server_is_served_and_who_has_no_certificate_is_not(
    identified: Cluster, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    clients = ClientAuthority(tmp_path / "clients.pem", frozenset({NAME}))
    store = DirectoryStore(tmp_path / "serving")
    ensure(store, Settings(names=("127.0.0.1",)), datetime.now(UTC))
    mesh: Any = namespace("mesh", {"istio-injection": "enabled"})
    service = Service(State(default_setup(), Snapshot({"mesh": mesh}, nodes=())))
    guard = Guard(ConnectionLimits(), lambda: False, lambda _reason: None, clients)
    certificate = ServingCertificate(store.certificate, store.key, clients)
    server = server_for(create_app(service, Telemetry()), service, certificate, guard=guard)
    with serving(server, bind(Listening("127.0.0.1", 0))) as port:
        identified.apply(registration(port, store.bundle.read_bytes()), mesh)
        identified.apply(pod("app", "mesh", {}))
        (created,) = identified.items("pods", "mesh")
        assert is_injected(created)
        with httpx.Client(verify=ssl.create_default_context(cafile=store.bundle)) as stranger:
            headers = {"Content-Type": "application/json"}
            url = f"https://127.0.0.1:{port}/inject"
            assert stranger.post(url, content=review_of(created), headers=headers).status_code == 401
