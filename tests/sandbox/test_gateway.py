"""Bookinfo through an ingress, with packets: a real Envoy with TLS, redirect and routes of the sample's Gateway."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import trustme

from injector.config.loader import sample_files
from injector.envoy import tracing_of
from injector.gateway import Options, render
from tests.sandbox import GATEWAY, RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.bookinfo import start, statistics
from tests.sandbox.collector import Spans, collector
from tests.sandbox.lab import PATIENCE, envoy_setup

pytestmark = needs_namespaces

HOST = "bookinfo.example"
TRACED = "defaultConfig: {tracing: {sampling: 100, zipkin: {address: 'zipkin.tracing:9411'}}}"


@dataclass(frozen=True)
class World:
    """The running sample behind its gateway, the authority of the gateway's certificate, and the spans that arrived."""

    sandbox: Sandbox
    gateway: RunningPod
    pods: dict[str, list[RunningPod]]
    authority: trustme.CA
    spans: Spans

    def https(self, path: str) -> tuple[int, str]:
        """Status and body of a request by a client that verifies the certificate."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        with self.sandbox.on_node():
            connection = HTTPSConnection(self.gateway.address, 443, context=context, timeout=30)
            connection.sock = context.wrap_socket(_connected(connection), server_hostname=HOST)
            connection.request("GET", path, headers={"Host": HOST})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


def _connected(connection: HTTPSConnection) -> Any:
    plain = HTTPConnection(connection.host, connection.port, timeout=30)
    plain.connect()
    return plain.sock


def _gateway_pod(setup: Any, authority: trustme.CA, directory: Path) -> Any:
    certificate = authority.issue_cert(HOST)
    folder = directory / "bookinfo-certificate"
    folder.mkdir(mode=0o755)
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(folder / "tls.crt", append=True)
    file = next(file for file in sample_files("bookinfo") if file.name == "gateway.yaml")
    mesh = setup.config.mesh_config
    options = Options(secrets=str(directory), tracing=tracing_of(mesh, mesh["defaultConfig"]))
    rendered = render([(file.name, file.read_text(encoding="utf-8"))], options)
    assert rendered.warnings == ()
    arguments = [
        "--config-yaml",
        json.dumps(rendered.configuration),
        "--service-cluster",
        "gateway",
        "--service-node",
        "gateway",
    ]
    probe = {"httpGet": {"path": "/healthz/ready", "port": 15021}, "periodSeconds": 1, "failureThreshold": 30}
    container = {"name": "gateway", "image": "docker.io/envoyproxy/envoy", "args": arguments, "readinessProbe": probe}
    return {"metadata": {"name": "gateway", "namespace": "bookinfo"}, "spec": {"containers": [container]}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("gateway")
    setup, authority = envoy_setup(directory, more=f"meshConfig: {{{PATIENCE}, {TRACED}}}\n"), trustme.CA()
    with Sandbox() as sandbox, collector(sandbox) as spans:
        sandbox.host("zipkin.tracing", [GATEWAY])
        pods = start(sandbox, setup, "details", "ratings", "reviews", "productpage")
        images = {"docker.io/envoyproxy/envoy": sandbox.envoy()}
        gateway = sandbox.run(_gateway_pod(setup, authority, directory), images)
        yield World(sandbox, gateway, pods, authority, spans)


def test_the_product_page_comes_over_https_with_what_the_other_services_give(world: World) -> None:
    answers = [world.https("/productpage") for _ in range(6)]
    assert {status for status, _ in answers} == {200}
    assert all("details" in text and "reviews-v" in text for _, text in answers)
    assert any("ratings" in text for _, text in answers)


def test_plain_requests_are_sent_on_to_https(world: World) -> None:
    with world.sandbox.on_node():
        connection = HTTPConnection(world.gateway.address, 80, timeout=30)
        connection.request("GET", "/productpage", headers={"Host": HOST})
        answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}/productpage")


def test_a_path_without_a_route_is_not_found(world: World) -> None:
    assert world.https("/elsewhere")[0] == 404


def test_the_gateway_and_the_sidecars_count_each_hop(world: World) -> None:
    def counted(pod: RunningPod, *parts: str) -> float:
        return sum(value for name, value in statistics(pod).items() if all(part in name for part in parts))

    page = world.pods["productpage"][0]
    before = counted(page, "istio_requests_total{", 'reporter="destination"')
    world.https("/productpage")
    assert (
        counted(
            world.gateway,
            "istio_requests_total{",
            'source_workload="gateway"',
            'destination_workload="productpage-v1"',
            'destination_service="productpage.bookinfo.svc.cluster.local"',
        )
        > 0
    )
    assert counted(page, "istio_requests_total{", 'reporter="destination"') > before


def test_one_trace_begins_at_the_gateway_and_holds_every_hop(world: World) -> None:
    def of_gateway() -> Spans:
        names = {"gateway", "productpage", "details", "reviews"}
        for trace in {span["traceId"] for span in world.spans}:
            spans = [span for span in world.spans if span["traceId"] == trace]
            told = {span["localEndpoint"]["serviceName"].removesuffix(".bookinfo") for span in spans}
            if names <= told:
                return spans
        return []

    world.https("/productpage")
    until(lambda: bool(of_gateway()), 60, "the spans of one trace have arrived")
    spans = of_gateway()
    (root,) = [span for span in spans if "parentId" not in span]
    assert root["localEndpoint"]["serviceName"] == "gateway"
