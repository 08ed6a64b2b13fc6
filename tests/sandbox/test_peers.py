"""Who proxies say that they are: seen by no application and nobody outside, bounded however much is made up."""

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from injector.envoy.peers import DEFAULT_OTHER_PEERS, HEADER
from tests.sandbox import RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.bookinfo import statistics
from tests.sandbox.lab import PATIENCE, client_pod, envoy_setup, images, run, server_pod
from tests.sandbox.network import inside
from tests.sandbox.programs.protocols import PORTS

pytestmark = needs_namespaces

MANY = 20_000
LARGEST = 1024 * 1024
OUTSIDE = "203.0.113.7"
LISTED = "shop/listed"
THREADS = 2
NOBODY_LISTENS = 7999


@dataclass(frozen=True)
class Lab:
    """A client and a server with a sidecar each, and a client without."""

    sandbox: Sandbox
    client: RunningPod
    server: RunningPod
    stranger: RunningPod


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    listed = f"values: {{global: {{envoy: {{peers: [{LISTED}]}}}}}}\n"
    setup = envoy_setup(tmp_path_factory.mktemp("peers"), more=f"{listed}meshConfig: {{{PATIENCE}}}\n")
    with Sandbox() as sandbox:
        yield Lab(
            sandbox,
            run(sandbox, client_pod(), setup),
            run(sandbox, server_pod(), setup),
            sandbox.run(client_pod(), images(sandbox)),
        )


def claim(namespace: str, workload: str, version: str = "v1") -> str:
    return f"{workload},{namespace},{workload},{version},{workload},{version},Kubernetes"


def asked(
    pod: RunningPod, server: str, headers: dict[str, str] | None = None, port: int = PORTS["http"]
) -> tuple[dict[str, str], dict[str, str]]:
    """The headers of the request as the server got them, and of the response as the client did, in lower case."""
    with pod.entered():
        connection = http.client.HTTPConnection(server, port, timeout=30)
        connection.request("GET", "/", headers=headers or {})
        answer = connection.getresponse()
        seen = json.loads(answer.read())["headers"]
        connection.close()
    return ({name.lower(): seen[name] for name in seen}, {name.lower(): value for name, value in answer.getheaders()})


def requests(pod: RunningPod, **labels: str) -> float:
    """How many requests with these labels the pod's proxy has counted."""
    return counted(pod, "istio_requests_total", **labels)


def counted(pod: RunningPod, metric: str, **labels: str) -> float:
    parts = [f'{name}="{value}"' for name, value in labels.items()]
    lines = statistics(pod).items()
    return sum(value for name, value in lines if name.startswith(metric) and all(part in name for part in parts))


def sources(pod: RunningPod) -> set[str]:
    """Whom the requests to the pod are said to come from."""
    names = (name for name in statistics(pod) if name.startswith('istio_requests_total{reporter="destination"'))
    return {re.findall(r'source_workload="([^"]*)"', name)[0] for name in names}


def of_proxies(*headers: dict[str, str]) -> set[str]:
    """The headers with which only proxies should speak."""
    return {name for each in headers for name in each if name.startswith("x-sidecar-injector-")}


@pytest.mark.parametrize("client", ["client", "stranger"])
def test_no_application_sees_the_header(lab: Lab, client: str) -> None:
    assert not of_proxies(*asked(getattr(lab, client), lab.server.address))


def test_an_answer_of_a_proxy_itself_is_no_other(lab: Lab) -> None:
    with lab.client.entered():
        connection = http.client.HTTPConnection(lab.server.address, NOBODY_LISTENS, timeout=30)
        connection.request("GET", "/")
        answer = connection.getresponse()
        connection.close()
    assert answer.status == 503
    assert not of_proxies({name.lower(): value for name, value in answer.getheaders()})
    ends = {"source_workload": "shop", "destination_workload": "shop"}
    assert requests(lab.client, reporter="source", response_code="503", **ends) == 1
    assert requests(lab.server, reporter="destination", response_code="503", **ends) == 1


def test_an_application_cannot_speak_for_another(lab: Lab) -> None:
    before = requests(lab.server, reporter="destination", source_workload="liar")
    request, _ = asked(lab.client, lab.server.address, {HEADER: claim("shop", "liar")})
    assert HEADER not in request
    assert requests(lab.server, reporter="destination", source_workload="liar") == before


def test_both_ends_name_each_other(lab: Lab) -> None:
    ends = {"source_workload_namespace": "default", "destination_workload_namespace": "default"}
    before = [requests(lab.client, reporter="source", **ends), requests(lab.server, reporter="destination", **ends)]
    asked(lab.client, lab.server.address)
    after = [requests(lab.client, reporter="source", **ends), requests(lab.server, reporter="destination", **ends)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1]


class _Liar(BaseHTTPRequestHandler):
    """Says that another workload answers, and that another host was asked for."""

    def do_GET(self) -> None:
        body = json.dumps({"headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(HEADER, claim("shop", "liar"))
        self.send_header("x-sidecar-injector-asked", "|liar")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Quiet."""


@contextmanager
def lying(place: AbstractContextManager[None], address: str, port: int) -> Iterator[None]:
    """A server that lies at the address, from where the place is."""
    with place:
        server = HTTPServer((address, port), _Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_is_said_to_addresses_outside(lab: Lab) -> None:
    subprocess.run(inside(lab.sandbox.node_name, "ip", "address", "add", f"{OUTSIDE}/32", "dev", "cbr0"), check=True)
    with lying(lab.sandbox.on_node(), OUTSIDE, PORTS["http"]):
        assert not of_proxies(*asked(lab.client, OUTSIDE))


@pytest.mark.parametrize("client", ["client", "stranger"])
def test_an_application_cannot_answer_for_another(lab: Lab, client: str) -> None:
    before = requests(lab.client, destination_workload="liar")
    with lying(lab.server.entered(), lab.server.address, NOBODY_LISTENS):
        _, response = asked(getattr(lab, client), lab.server.address, port=NOBODY_LISTENS)
    assert HEADER not in response
    assert requests(lab.client, destination_workload="liar") == before


def test_grpc_is_counted_with_its_status(lab: Lab) -> None:
    target = f"{lab.server.address}:{PORTS['grpc']}"
    assert lab.client.exec(sys.executable, "-m", "tests.sandbox.programs.grpc_client", target, "one").returncode == 0
    for pod, reporter in ((lab.client, "source"), (lab.server, "destination")):
        assert requests(pod, reporter=reporter, request_protocol="grpc", grpc_response_status="0") > 0


def test_connections_are_counted_with_their_bytes(lab: Lab) -> None:
    ends = {lab.client: "source", lab.server: "destination"}
    metrics = ("sent_bytes", "received_bytes", "connections_opened", "connections_closed")

    def all_counted() -> list[float]:
        return [counted(pod, f"istio_tcp_{name}_total", reporter=end) for pod, end in ends.items() for name in metrics]

    before = all_counted()
    with lab.client.entered(), socket.create_connection((lab.server.address, PORTS["echo"]), 30) as connection:
        connection.sendall(b"\x00" * 1000)
        left = 1000
        while left:
            left -= len(connection.recv(left))
        # What a connection carries is seen while it lasts.
        until(lambda: all_counted()[0] - before[0] == 1000, 60, "bytes are counted")
    until(lambda: all_counted()[-1] > before[-1], 60, "the end is counted")
    assert [new - old for new, old in zip(all_counted(), before, strict=True)] == [1000, 1000, 1, 1] * 2


def _flood(lab: Lab, client: RunningPod, numbers: range) -> None:
    """One request a number, with a Host, a path and a claim of its own, on one connection."""
    with client.entered(), socket.create_connection((lab.server.address, PORTS["http"]), 30) as connection:
        answers = connection.makefile("rb")
        for number in numbers:
            made_up = f"Host: h{number}.example\r\n{HEADER}: {claim('shop', f'w{number}')}\r\n"
            connection.sendall(f"HEAD /p{number}?q={number} HTTP/1.1\r\n{made_up}\r\n".encode())
            while answers.readline() not in (b"\r\n", b""):
                pass


def _knock(lab: Lab, client: RunningPod, ports: range) -> None:
    """One connection to each port, where nobody listens."""
    for port in ports:
        address = (lab.server.address, port)
        with client.entered(), suppress(ConnectionError), socket.create_connection(address, 30) as connection:
            connection.sendall(b"\x00binary\n")
            connection.recv(4096)


def exposition(pod: RunningPod) -> int:
    with pod.entered():
        connection = http.client.HTTPConnection("127.0.0.1", 15090, timeout=30)
        connection.request("GET", "/stats/prometheus")
        return len(connection.getresponse().read())


@pytest.mark.slow
def test_statistics_stay_small_whatever_clients_make_up(lab: Lab) -> None:
    for client in (lab.stranger, lab.client):
        _flood(lab, client, range(MANY))
    share = MANY // 64
    shares = [range(start, start + share) for start in range(10_000, 10_000 + MANY, share)]
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(lambda ports: _knock(lab, lab.client, ports), shares))
    time.sleep(6)  # Histograms are merged every five seconds.
    named = sources(lab.server) - {"shop", "unknown"}
    assert 0 < len(named) <= DEFAULT_OTHER_PEERS * THREADS
    assert requests(lab.server, reporter="destination") >= 2 * MANY
    assert exposition(lab.server) < LARGEST
    assert exposition(lab.client) < LARGEST
    # A listed workload is named all the same, and so is a peer that was there before.
    asked(lab.stranger, lab.server.address, {HEADER: claim(*LISTED.split("/"))})
    assert "listed" in sources(lab.server)
    asked(lab.client, lab.server.address)
    assert "shop" in sources(lab.server)
