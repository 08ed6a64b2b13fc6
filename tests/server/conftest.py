"""A real webhook server over TLS, with an authority of its own."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from injector.core.model import EMPTY_SNAPSHOT
from injector.server.app import create_app
from injector.server.limits import Limits
from injector.server.run import Listening, ServingCertificate, bind, server_for, serving
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.server.running import Running
from tests.support import default_setup


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that lives for one module of tests; a busy machine may take its time."""
    store = DirectoryStore(Path(tmp_path_factory.mktemp("certs")))
    ensure(store, Settings(names=("localhost", "127.0.0.1")), datetime.now(UTC))
    service, log = Service(State(default_setup(), EMPTY_SNAPSHOT)), io.BytesIO()
    telemetry, certificate = Telemetry(log), ServingCertificate(store.certificate, store.key)
    app = create_app(service, telemetry, Limits(seconds=60))
    with serving(server_for(app, service, certificate), bind(Listening("127.0.0.1", 0))) as port:
        yield Running(port, store, service, telemetry, certificate, log)


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    """A client that trusts the server's authority and keeps its connection."""
    with httpx.Client(base_url=running.url, verify=running.trust(), timeout=60) as made:
        yield made
