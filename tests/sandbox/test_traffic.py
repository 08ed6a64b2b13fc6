"""Traffic of every kind passes the sidecars of the template `envoy` unharmed; what is excluded passes them by."""

import hashlib
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded
from websockets.sync.client import connect

from injector.core.setup import Setup
from tests.sandbox import RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.bookinfo import statistics
from tests.sandbox.lab import PATIENCE, ask, client_pod, envoy_setup, images, run, server_pod
from tests.sandbox.programs.protocols import CHUNK, GREETING, PORTS

pytestmark = needs_namespaces

FAMILIES = ("address", "address6")
LARGE_MIB = 100
# How Envoy's statistics name the listeners.
LISTENERS = {"inbound": "[__]_15006", "outbound": "[__]_15001"}
# What an init container runs: it succeeds only with a network.
FETCH = "import urllib.request; print(urllib.request.urlopen('http://{}:7003/', timeout=30).status)"
PROBES = {
    "httpGet": {"httpGet": {"port": 7003, "path": "/"}},
    "tcpSocket": {"tcpSocket": {"port": 7001}},
    "grpc": {"grpc": {"port": 7005}},
    "exec": {"exec": {"command": ["true"]}},
}


@dataclass(frozen=True)
class Lab:
    """A client and a server, both with a sidecar."""

    sandbox: Sandbox
    setup: Setup
    client: RunningPod
    server: RunningPod

    def start(self, pod: dict[str, object]) -> RunningPod:
        """One more pod."""
        return run(self.sandbox, pod, self.setup)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    setup = envoy_setup(tmp_path_factory.mktemp("lab"))
    with Sandbox() as sandbox:
        yield Lab(sandbox, setup, run(sandbox, client_pod(), setup), run(sandbox, server_pod(), setup))


def connections(pod: RunningPod, direction: str) -> float:
    """How many connections of the direction the pod's proxy has taken."""
    return statistics(pod)[f'envoy_listener_downstream_cx_total{{envoy_listener_address="{LISTENERS[direction]}"}}']


def carried(pod: RunningPod, direction: str) -> float:
    """How many requests and connections the proxy has sent on; a connection of HTTP may be used again."""
    counted = statistics(pod)
    return sum(
        counted[f'envoy_cluster_upstream_{what}_total{{envoy_cluster_name="{direction}"}}'] for what in ("rq", "cx")
    )


def requests(pod: RunningPod) -> float:
    """How many requests the pod's proxy has sent on to the application."""
    return statistics(pod)['envoy_cluster_upstream_rq_total{envoy_cluster_name="inbound"}']


@pytest.fixture
def through_both(lab: Lab) -> Iterator[None]:
    """What the test does has to pass the client's proxy outbound and the server's inbound."""
    before = carried(lab.client, "outbound"), carried(lab.server, "inbound")
    yield
    assert carried(lab.client, "outbound") > before[0]
    assert carried(lab.server, "inbound") > before[1]


def received(connection: socket.socket, length: int) -> bytes:
    """Exactly that many bytes, or what came until the end."""
    data = b""
    while len(data) < length and (more := connection.recv(length - len(data))):
        data += more
    return data


@pytest.mark.usefixtures("through_both")
@pytest.mark.parametrize("family", FAMILIES)
def test_raw_tcp(lab: Lab, family: str) -> None:
    with lab.client.entered(), socket.create_connection((getattr(lab.server, family), PORTS["echo"]), 30) as connection:
        for message in (b"\x00\x01binary", b"x" * 300_000):
            connection.sendall(message)
            assert received(connection, len(message)) == message
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


@pytest.mark.usefixtures("through_both")
@pytest.mark.parametrize("family", FAMILIES)
def test_a_server_that_speaks_first(lab: Lab, family: str) -> None:
    with (
        lab.client.entered(),
        socket.create_connection((getattr(lab.server, family), PORTS["greeting"]), 30) as connection,
    ):
        connection.settimeout(30)
        assert received(connection, len(GREETING)) == GREETING
        connection.sendall(b"login")
        assert received(connection, 5) == b"login"


@pytest.mark.usefixtures("through_both")
def test_a_client_that_hesitates_is_let_through(lab: Lab) -> None:
    with lab.client.entered(), socket.create_connection((lab.server.address, PORTS["http"]), 30) as connection:
        time.sleep(0.3)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("through_both")
@pytest.mark.parametrize("family", FAMILIES)
def test_http_keeps_its_headers(lab: Lab, family: str) -> None:
    with lab.client.entered():
        connection = http.client.HTTPConnection(getattr(lab.server, family), PORTS["http"], timeout=30)
        connection.request("GET", "/", headers={"X-MiXeD": "1"})
        answer = json.load(connection.getresponse())
        connection.close()

    assert answer["headers"]["X-MiXeD"] == "1"
    assert not [name for name in answer["headers"] if name.lower().startswith("x-envoy") or name.lower() == "via"]


@pytest.mark.usefixtures("through_both")
def test_http2_without_tls(lab: Lab) -> None:
    with lab.client.entered(), socket.create_connection((lab.server.address, PORTS["http2"]), 30) as connection:
        h2 = H2Connection()
        h2.initiate_connection()
        headers = [(":method", "GET"), (":path", "/deep"), (":scheme", "http"), (":authority", "server")]
        for stream in (1, 3):
            h2.send_headers(stream, headers, end_stream=True)
        connection.sendall(h2.data_to_send())
        events: list[object] = []
        while sum(isinstance(event, StreamEnded) for event in events) < 2:
            events += h2.receive_data(connection.recv(65536))

    responses = [dict(event.headers or ()) for event in events if isinstance(event, ResponseReceived)]
    assert [(each[b":status"], each[b"x-path"]) for each in responses] == [(b"200", b"/deep")] * 2
    assert [event.data for event in events if isinstance(event, DataReceived) and event.data] == [b"two"] * 2


@pytest.mark.usefixtures("through_both")
def test_grpc_streams_and_trailers(lab: Lab) -> None:
    target = f"{lab.server.address}:{PORTS['grpc']}"

    done = lab.client.exec(sys.executable, "-m", "tests.sandbox.programs.grpc_client", target, "one", "two")

    assert (done.stdout, done.returncode) == ("one two well\n", 0), done.stderr


@pytest.mark.usefixtures("through_both")
def test_websocket(lab: Lab) -> None:
    with lab.client.entered(), connect(f"ws://{lab.server.address}:{PORTS['websocket']}/") as connection:
        for message in ("text", b"\x00binary"):
            connection.send(message)
            assert connection.recv(timeout=30) == message


@pytest.mark.usefixtures("through_both")
def test_a_large_body_in_both_directions(lab: Lab) -> None:
    with lab.client.entered():
        connection = http.client.HTTPConnection(lab.server.address, PORTS["http"], timeout=30)
        connection.request(
            "POST", "/", (CHUNK for _ in range(LARGE_MIB)), {"Content-Length": str(LARGE_MIB * len(CHUNK))}
        )
        assert json.load(connection.getresponse())["sha256"] == hashlib.sha256(CHUNK * LARGE_MIB).hexdigest()
        connection.request("GET", f"/large?{LARGE_MIB}")
        answer = connection.getresponse()
        length = 0
        while data := answer.read(len(CHUNK)):
            length += len(data)
        assert length == LARGE_MIB * len(CHUNK)
        connection.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_to_oneself(lab: Lab, family: str) -> None:
    before = connections(lab.server, "outbound"), connections(lab.server, "inbound")

    with lab.server.entered():
        assert ask(getattr(lab.server, family))["client"] == getattr(lab.server, family)
        assert ask("127.0.0.1")["client"] == "127.0.0.1"

    assert (connections(lab.server, "outbound"), connections(lab.server, "inbound")) == before


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("port", [15001, 15006])
def test_a_connection_to_the_proxy_itself_does_not_loop(lab: Lab, family: str, port: int) -> None:
    for enter in (lab.sandbox.on_node, lab.server.entered, lab.client.entered):
        before = connections(lab.server, "inbound") + connections(lab.server, "outbound")
        with enter(), socket.create_connection((getattr(lab.server, family), port), 30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: loop\r\n\r\n")
            answer = b"HTTP/1.1 503"
            with suppress(ConnectionResetError):
                answer = connection.recv(65536) or answer
            assert answer.startswith(b"HTTP/1.1 503")
        assert connections(lab.server, "inbound") + connections(lab.server, "outbound") - before <= 2


def test_a_refused_connection_ends(lab: Lab) -> None:
    with lab.client.entered(), socket.create_connection((lab.server.address, 7999), 30) as connection:
        connection.sendall(b"\x00anybody")
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_the_administration_interface_cannot_be_reached_from_outside(lab: Lab) -> None:
    with lab.sandbox.on_node():
        with socket.create_connection((lab.server.address, 15000), 30) as connection:
            connection.sendall(b"GET /config_dump HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n")
            # As HTTP it is answered; as bytes, after a pause of this machine, the connection ends.
            answer = b" 503 "
            with suppress(ConnectionResetError):
                answer = connection.recv(65536) or answer
            assert b" 503 " in answer
        for path in ("/config_dump", "/quitquitquit", "/stats"):
            connection2 = http.client.HTTPConnection(lab.server.address, 15090, timeout=30)
            connection2.request("GET", path)
            assert connection2.getresponse().status == 404
            connection2.close()


@pytest.mark.parametrize(
    ("annotations", "captured"),
    [
        ({"excludeOutboundPorts": str(PORTS["http"])}, False),
        ({"excludeOutboundIPRanges": "10.244.0.0/16"}, False),
        ({"includeOutboundIPRanges": "192.0.2.0/24"}, False),
        ({"includeOutboundIPRanges": "192.0.2.0/24", "includeOutboundPorts": str(PORTS["http"])}, True),
        ({"excludeInterfaces": "eth0"}, False),
    ],
)
def test_excluded_outbound_traffic_passes_the_proxy_by(lab: Lab, annotations: dict[str, str], captured: bool) -> None:
    client = lab.start(client_pod({f"traffic.sidecar.istio.io/{name}": value for name, value in annotations.items()}))
    before = connections(client, "outbound")

    with client.entered():
        ask(lab.server.address)

    assert (connections(client, "outbound") > before) is captured


@pytest.mark.parametrize(
    ("annotations", "captured"),
    [
        ({"excludeInboundPorts": str(PORTS["http"])}, False),
        ({"includeInboundPorts": "80"}, False),
        ({"includeInboundPorts": str(PORTS["http"])}, True),
        ({"excludeInterfaces": "eth0"}, False),
    ],
)
def test_excluded_inbound_traffic_passes_the_proxy_by(lab: Lab, annotations: dict[str, str], captured: bool) -> None:
    names = {f"traffic.sidecar.istio.io/{name}": value for name, value in annotations.items()}
    server = lab.start(server_pod(annotations=names))
    before = connections(server, "inbound")

    with lab.sandbox.on_node():
        ask(server.address)

    assert (connections(server, "inbound") > before) is captured


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_tproxy_keeps_the_address_of_the_client(lab: Lab, tmp_path: Path, native: bool, backend: str) -> None:
    more = f"values: {{global: {{nativeNftables: {str(backend == 'nftables').lower()}}}}}\n"
    setup = envoy_setup(tmp_path, native=native, more=more)
    server = run(lab.sandbox, server_pod(annotations={"sidecar.istio.io/interceptionMode": "TPROXY"}), setup)
    before = connections(server, "inbound")

    for family in FAMILIES:
        with lab.client.entered():
            assert ask(getattr(server, family))["client"] == getattr(lab.client, family)
        with server.entered():
            assert ask(getattr(lab.server, family))

    assert connections(server, "inbound") > before


def test_without_interception_the_proxy_is_there_and_nothing_passes_it(lab: Lab) -> None:
    server = lab.start(server_pod(annotations={"sidecar.istio.io/interceptionMode": "NONE"}))

    with lab.client.entered():
        assert ask(server.address)

    assert connections(server, "inbound") == 0
    assert server.exec("iptables-save").stdout == ""


def test_a_plain_sidecar_serves_as_well(lab: Lab, tmp_path: Path) -> None:
    prepare = {"name": "prepare", "image": "registry.example/python", "args": ["-c", FETCH.format(lab.server.address)]}
    pod = server_pod(initContainers=[prepare])
    server = run(lab.sandbox, pod, envoy_setup(tmp_path, native=False))

    with lab.client.entered():
        assert ask(server.address)
    assert connections(server, "inbound") > 0


def test_init_containers_have_a_network_through_the_proxy(lab: Lab) -> None:
    prepare = {"name": "prepare", "image": "registry.example/python", "args": ["-c", FETCH.format(lab.server.address)]}

    pod = lab.start(client_pod(initContainers=[prepare]))

    assert pod.logs("prepare") == "200\n"
    assert connections(pod, "outbound") == 1


@pytest.mark.parametrize("kind", [*PROBES])
def test_probes_pass_as_before_and_fail_as_before(lab: Lab, tmp_path: Path, kind: str) -> None:
    sign = tmp_path / "listen"
    late = {"args": [str(sign)], "readinessProbe": PROBES[kind]}
    bare = lab.sandbox.run(server_pod(late), images(lab.sandbox), wait=False)
    server = run(lab.sandbox, server_pod(late), lab.setup, wait=False)

    early = [pod.probe("app") for pod in (bare, server)]
    sign.touch()
    for pod in (bare, server):
        pod.wait_ready()

    assert early == [kind == "exec"] * 2


@pytest.mark.parametrize("native", [True, False])
def test_requests_in_flight_end_well_and_new_clients_are_sent_away(lab: Lab, tmp_path: Path, native: bool) -> None:
    pod = server_pod(annotations={"proxy.istio.io/config": "terminationDrainDuration: 5s"})
    server = run(lab.sandbox, pod, envoy_setup(tmp_path, native=native, more=f"meshConfig: {{{PATIENCE}}}\n"))
    with lab.sandbox.on_node():
        connection = http.client.HTTPConnection(server.address, PORTS["http"], timeout=30)
        before = requests(server)
        connection.request("GET", "/slow?3")
        until(lambda: requests(server) > before, 60, "the request is under way")
        server.stop()
        answer = connection.getresponse()

    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    assert not server.is_running("envoy-sidecar")
