"""Rotation under load: certificates and authorities change while reviews come in, and no client notices."""

import base64
import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from certs.authority import describe
from certs.model import Holding, Settings
from certs.rotation import forced_rotation, renewed_serving
from certs.secret import SecretStore, connect
from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import CONFIGURATION, NAMESPACE, SECRET, Injector, injectors, registration
from tests.ports import free_port
from tests.support import pod_of, review_of

pytestmark = pytest.mark.e2e

SERVING_ROTATIONS, AUTHORITY_ROTATIONS, REVIEWS = 20, 3, 20_000
REFUSED = "certificate refused, the last good one stays"
BODY = review_of(pod_of())
HEADERS = {"Content-Type": "application/json"}


class Clients:
    """Clients that trust, as the API server does, what the webhook configuration holds at the moment they connect."""

    def __init__(self, port: int, bundle: str) -> None:
        self._port, self.bundle = port, bundle
        self.counted: Counter[str] = Counter()
        self.faults: list[str] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._fresh, self._kept, self._kept)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They send reviews while the block runs."""
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in self.threads:
                thread.join(20)

    @property
    def reviews(self) -> int:
        return sum(self.counted.values())

    def _fresh(self) -> None:
        while not self._stopped.is_set():
            self._review(self._connection(), "fresh")

    def _kept(self) -> None:
        connection = self._connection()
        while not self._stopped.is_set():
            self._review(connection, "kept", close=False)

    def _connection(self) -> HTTPSConnection:
        context = ssl.create_default_context(cadata=self.bundle)
        context.check_hostname = True
        return HTTPSConnection("127.0.0.1", self._port, context=context, timeout=10)

    def _review(self, connection: HTTPSConnection, kind: str, *, close: bool = True) -> None:
        try:
            connection.request("POST", "/inject", BODY, HEADERS)
            answer = connection.getresponse()
            allowed = json.loads(answer.read())["response"]["allowed"]
            assert (answer.status, allowed) == (200, True)
        except Exception as error:  # noqa: BLE001 -- whatever a client meets is a fault
            self.faults.append(f"{kind}: {type(error).__name__}: {error}")
            connection.close()
        else:
            with self._lock:
                self.counted[kind] += 1
        if close:
            connection.close()


@pytest.fixture(scope="module")
def injector(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    port = free_port()
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, registration(port))
    with injectors(cluster, Path(tmp_path_factory.mktemp("rotation")), port) as started:
        wait_until(lambda: bundle_of(cluster), "there is no CA bundle")
        wait_until(lambda: started[0].ready()["certificates"]["holder"], "nobody holds the lease")
        yield started[0]
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


def bundle_of(cluster: Cluster) -> str:
    found = json.loads(cluster.kubectl("get", "mutatingwebhookconfiguration", CONFIGURATION, "-o", "json"))
    encoded = {each["clientConfig"].get("caBundle", "") for each in found["webhooks"]}
    return base64.b64decode(encoded.pop()).decode() if len(encoded) == 1 else ""


def served(port: int) -> int:
    """The serial number of the certificate that new connections are shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=10)
    return describe(pem.encode()).serial


def serial(held: Holding) -> int:
    return describe(held.serving.certificate).serial


def test_no_review_is_lost_while_certificates_and_authorities_rotate(cluster: Cluster, injector: Injector) -> None:
    store = SecretStore(connect(cluster.kubeconfig, None), NAMESPACE, SECRET)
    settings = Settings(names=("localhost", "127.0.0.1", "::1"))
    clients = Clients(injector.port, bundle_of(cluster))
    with clients.at_work():
        for number in range(SERVING_ROTATIONS):
            held = store.update(lambda before: renewed_serving(_there(before), settings, datetime.now(UTC)))
            wait_until(lambda held=held: served(injector.port) == serial(held), "the new certificate is not served")  # type: ignore[misc]
            if number in (5, 12):
                refused = len(injector.lines(REFUSED))
                corrupt(cluster)
                wait_until(lambda refused=refused: len(injector.lines(REFUSED)) > refused, "it is not read")  # type: ignore[misc]
                wait_until(lambda: not _is_corrupt(cluster), "the corrupt pair stays in the Secret")
            if number % 7 == 6 or number == SERVING_ROTATIONS - 1:
                clients.bundle = _rotated_authority(cluster, store, settings, clients)
        wait_until(lambda: clients.reviews >= REVIEWS, "not enough reviews", 120)
    told = dict(clients.counted)
    print(f"\nrotation under load: {told} reviews, {SERVING_ROTATIONS} certificates, {AUTHORITY_ROTATIONS} authorities")  # noqa: T201
    assert clients.faults == []
    assert min(clients.counted[kind] for kind in ("fresh", "kept")) > REVIEWS // 20
    assert not any(thread.is_alive() for thread in clients.threads)


def _rotated_authority(cluster: Cluster, store: SecretStore, settings: Settings, clients: Clients) -> str:
    """Rotate the authority; clients take the bundle of the moment, as the API server does."""
    before = _there(store.load()).authority.certificate
    store.update(lambda held: forced_rotation(_there(held), settings, datetime.now(UTC)))

    def is_done() -> bool:
        clients.bundle = bundle_of(cluster) or clients.bundle
        held = _there(store.load())
        return held.authority.certificate != before and held.upcoming is None and held.retiring is None

    wait_until(is_done, "the authority does not change", 90)
    wait_until(lambda: bundle_of(cluster).encode() == _there(store.load()).bundle, "the old authority stays")
    return bundle_of(cluster)


def _there(held: Holding | None) -> Holding:
    assert held is not None
    return held


def corrupt(cluster: Cluster) -> None:
    data = {"data": {"tls.key": base64.b64encode(b"no key").decode()}}
    cluster.kubectl("patch", "secret", SECRET, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(data))


def _is_corrupt(cluster: Cluster) -> bool:
    found = json.loads(cluster.kubectl("get", "secret", SECRET, "-n", NAMESPACE, "-o", "json"))
    return base64.b64decode(found["data"]["tls.key"]) == b"no key"
