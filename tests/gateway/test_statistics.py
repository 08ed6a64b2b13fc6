"""What clients choose is counted nowhere by name: hosts, paths and headers do not make the statistics grow."""

import socket
from pathlib import Path

from injector.envoy.peers import HEADER
from tests.gateway.running import LOOPBACK, application, ask, running, with_statistics
from tests.gateway.support import configuration, gateway, routes, server, to, virtual_service
from tests.ports import free_port

_FEW, _MANY = 100, 20_000
_LARGEST = 1024 * 1024
CLAIM = "web-v1,shop,web,v1,web,v1,Kubernetes"


def status_of(connection: socket.socket, number: int) -> bytes:
    """The status of the answer to a request that has nothing in common with any other."""
    path, agent = f"/p{number}?q={number}", f"User-Agent: u{number}\r\nX-Request-Id: {number}"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: h{number}.example\r\n{agent}\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    return answer.split()[1]


def test_the_exposition_stays_small_whatever_clients_ask_for(tmp_path: Path) -> None:
    port = free_port()
    # An answer without a body ends where its head ends.
    routed = virtual_service({"match": [{"uri": {"prefix": "/p"}}], "directResponse": {"status": 204}})
    with running(configuration(gateway(server(port)), routed, address=LOOPBACK), tmp_path) as envoy:
        with socket.create_connection((LOOPBACK, port), 60) as connection:
            assert {status_of(connection, number) for number in range(_FEW)} == {b"204"}
            few = len(envoy.admin("/stats/prometheus"))
            assert {status_of(connection, number) for number in range(_FEW, _MANY)} == {b"204"}
        many = len(envoy.admin("/stats/prometheus"))
    assert many < _LARGEST
    # Numbers get more digits, and nothing else is added.
    assert many - few < 10 * 1024


def test_requests_are_counted_by_the_cluster_that_they_go_to(tmp_path: Path) -> None:
    port = free_port()
    with application("shop") as shop:
        found = configuration(
            gateway(server(port)), virtual_service({"route": [to(LOOPBACK, shop.port)]}), address=LOOPBACK
        )
        with running(found, tmp_path) as envoy:
            for number in range(3):
                ask(port, Host=f"h{number}.example")
            lines = envoy.admin("/stats/prometheus").splitlines()
    counted = [line for line in lines if line.startswith("envoy_istio_requests_total{")]
    assert [line.rpartition(" ")[2] for line in counted] == ["3"]
    assert f'cluster="outbound|{shop.port}||{LOOPBACK}"' in counted[0]
    assert not [line for line in lines if "h0.example" in line]


def test_the_parts_of_a_name_stay_labels(tmp_path: Path) -> None:
    """A dot in the name of a cluster or a chain would end it: the rest would be part of the metric's name."""
    port = free_port()
    routed = virtual_service({"route": [to("web")]}, hosts=("a.example",))
    with running(configuration(gateway(server(port)), routed, address=LOOPBACK), tmp_path) as envoy:
        lines = envoy.admin("/stats/prometheus").splitlines()
    assert any(
        line.startswith('envoy_cluster_upstream_cx_total{envoy_cluster_name="outbound|80||web_') for line in lines
    )
    assert f'envoy_http_downstream_rq_total{{envoy_http_conn_manager_prefix="http_{port}"}} 0' in lines


def test_who_peers_are_is_said_to_nobody_outside(tmp_path: Path) -> None:
    """The response of a peer is made by a rule here. 127.0.0.1 is no Service, so it is told nothing either."""
    port = free_port()
    with application("web") as web:
        answering = {"headers": {"response": {"set": {HEADER: CLAIM}}}, "route": [to(LOOPBACK, web.port)]}
        found = configuration(gateway(server(port)), virtual_service(answering), address=LOOPBACK)
        with running(found, tmp_path) as envoy:
            answer = ask(port, x_sidecar_injector_peer="liar,shop,liar,v1,liar,v1,Kubernetes")
            page = envoy.admin("/stats/prometheus")
    assert HEADER not in answer.headers
    assert HEADER not in answer.seen["headers"]
    assert any("istio_requests_total{" in line and f'peer="{CLAIM}|"' in line for line in page.splitlines())


def test_services_are_told_who_the_gateway_is() -> None:
    first = {"match": [{"uri": {"prefix": "/in"}}], "route": [to("web")]}
    routed = virtual_service(first, {"route": [to("elsewhere.example")]})
    inside, outside = routes(configuration(gateway(server(80)), routed))
    assert [each["header"]["key"] for each in inside["request_headers_to_add"]] == [HEADER]
    assert "request_headers_to_add" not in outside


def series(page: str, metric: str, **labels: str) -> list[str]:
    """The values of the lines of a metric that have these labels."""
    wanted = [f'{name}="{value}"' for name, value in labels.items()]
    lines = [line for line in page.splitlines() if line.startswith(f"{metric}{{")]
    return [line.rpartition(" ")[2] for line in lines if all(each in line for each in wanted)]


def test_a_gateway_s_page_has_the_metrics_of_istio(tmp_path: Path) -> None:
    http, tcp, statistics = free_port(), free_port(), free_port()
    with application("web") as web, application("behind") as behind:
        documents = (
            gateway(server(http), server(tcp, "TCP")),
            virtual_service(
                {"headers": {"response": {"set": {HEADER: CLAIM}}}, "route": [to(LOOPBACK, web.port)]},
                tcp=[{"route": [to(LOOPBACK, behind.port)]}],
            ),
        )
        found = configuration(*documents, address=LOOPBACK, workload="edge")
        with running(with_statistics(found, statistics), tmp_path):
            for port in (http, http, tcp):
                ask(port)
            page = ask(statistics, "/stats/prometheus").text
    ends = {"reporter": "source", "source_workload": "edge", "destination_service": LOOPBACK}
    answered = {"destination_workload": "web-v1", "response_code": "200", "request_protocol": "http"}
    assert series(page, "istio_requests_total", **ends, **answered) == ["2"]
    for name, least in (("connections_opened", 1), ("sent_bytes", 100), ("received_bytes", 50)):
        (value,) = series(page, f"istio_tcp_{name}_total", **ends, request_protocol="tcp")
        assert int(value) >= least
    assert "envoy_istio" not in page
