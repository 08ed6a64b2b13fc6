"""More than can be done: who cannot be served in time is told at once, and API servers try again."""

import signal
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPSConnection
from threading import Barrier, Event
from urllib.parse import urlsplit

import httpx

from tests.cli.serving import Server, Start
from tests.faults.load import BODY, JSON
from tests.support import pod_of, review_of
from tests.waiting import wait_until

CLIENTS = 60


@contextmanager
def held_up(server: Server) -> Iterator[None]:
    """The server's process stands still while the block runs, as on a machine that has no time for it."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def answers_to_a_burst(server: Server, timeouts: list[str]) -> list[httpx.Response]:
    """The answers to one request a timeout, each on a connection of its own, that are all there before work begins."""
    connected = Barrier(len(timeouts) + 1)
    stands_still = Barrier(len(timeouts) + 1)

    def client(number: int, timeout: str) -> httpx.Response:
        review = review_of(pod_of(labels={"app": f"burst-{number}"}))
        with server.client() as connection:
            connection.get("/healthz")
            connected.wait(timeout=60)
            stands_still.wait(timeout=60)
            return connection.post(f"/inject?timeout={timeout}", content=review, headers=JSON)

    with ThreadPoolExecutor(len(timeouts)) as pool:
        futures: list[Future[httpx.Response]] = [
            pool.submit(client, number, timeout) for number, timeout in enumerate(timeouts)
        ]
        connected.wait(timeout=60)
        with held_up(server):
            stands_still.wait(timeout=60)
            time.sleep(1)
        return [future.result() for future in futures]


def test_an_overloaded_server_sheds_in_time_and_serves_on(start: Start) -> None:
    """Of a burst, those who wait long enough are served, and those whose time is over get a 503 instead of work.

    The server's own patience is that of a machine of any speed.
    """
    server = start("--drain-seconds", "1", "--limit", "waitingSeconds=30")
    answers = answers_to_a_burst(server, ["60s", "1ms"] * (CLIENTS // 2))
    patient, impatient = answers[::2], answers[1::2]
    assert Counter(answer.status_code for answer in patient) == {200: CLIENTS // 2}
    statuses = Counter(answer.status_code for answer in impatient)
    assert statuses.keys() <= {200, 503, 408}
    assert statuses[503]
    shed = next(answer for answer in impatient if answer.status_code == 503)
    assert shed.headers["retry-after"] == "1"
    assert shed.text.startswith("overloaded: ")
    assert shed.text.count("\n") == 1
    with server.client() as connection:
        assert connection.post("/inject?timeout=10s", content=BODY, headers=JSON).json()["response"]["allowed"]
        assert connection.get("/readyz").status_code == 200
        metrics = connection.get("/metrics").text
    assert f'sidecar_injection_failure_total{{reason="Overloaded"}} {statuses[503]}.0' in metrics


def test_limits_that_an_operator_sets_are_in_force(start: Start) -> None:
    """A smaller body, a shorter life and less room: each shows in what a client sees."""
    limits = ["bodyBytes=2000", "ageSeconds=1", "connections=5", "handshakes=5"]
    server = start(*(f"--limit={limit}" for limit in limits))
    with server.client() as connection:
        refused = connection.post("/inject", content=BODY.ljust(2001), headers=JSON)
        assert refused.status_code == 413
        assert "2000 bytes" in refused.text
    with server.client() as connection:
        wait_until(lambda: connection.get("/healthz").headers.get("connection") == "close")
    with ExitStack() as idle:
        for _ in range(6):
            idle.enter_context(server.client()).get("/healthz")
        with server.client() as connection:
            metrics = connection.get("/metrics").text
        assert 'connections_dropped_total{reason="TooManyConnections"}' in metrics


def test_readiness_answers_while_clients_keep_connecting(server: Server) -> None:
    """The kubelet waits a second, by default, and takes a replica out that is late twice."""
    over, made = Event(), Counter[str]()

    address = urlsplit(server.url)
    trust = ssl.create_default_context(cafile=server.store.bundle)

    def connect() -> None:
        while not over.is_set():
            fresh = HTTPSConnection(address.hostname or "", address.port, timeout=30, context=trust)
            fresh.request("GET", "/healthz")
            made[str(fresh.getresponse().status)] += 1
            fresh.close()

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(connect) for _ in range(4)]
        try:
            for _ in range(20):
                with server.client() as probe:
                    assert probe.get("/readyz", timeout=1).status_code == 200
        finally:
            over.set()
        for future in futures:
            future.result()
    assert made.keys() == {"200"}
