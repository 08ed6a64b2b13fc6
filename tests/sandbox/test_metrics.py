"""Prometheus scrapes Bookinfo's proxies, and the queries of Istio's dashboards and of Kiali find what went where.

The queries are those of the dashboards Istio Mesh, Istio Service and Istio Workload, and of Kiali's graph, written out.
"""

import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox import RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.bookinfo import NAMESPACE, start
from tests.sandbox.lab import PATIENCE, envoy_setup
from tests.sandbox.prometheus import Prometheus, needs_prometheus, scraping
from tests.waiting import wait_for

pytestmark = [needs_namespaces, needs_prometheus]

RATE = 5
# Every page asks details and reviews, two of three reviews ask ratings.
RATES = {"productpage": RATE, "details": RATE, "reviews": RATE, "ratings": RATE * 2 / 3}
DOMAIN = f"{NAMESPACE}.svc.cluster.local"
WINDOW = "10s"
HTTP_EDGES = {
    ("unknown", "productpage-v1"),
    ("productpage-v1", "details-v1"),
    *(("productpage-v1", f"reviews-v{n}") for n in (1, 2, 3)),
    *((f"reviews-v{n}", "ratings-v1") for n in (2, 3)),
}
KIALI_LABELS = (
    "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,"
    "destination_cluster,destination_service_namespace,destination_service,destination_service_name,"
    "destination_workload_namespace,destination_workload,destination_canonical_service,"
    "destination_canonical_revision,request_protocol,response_code,grpc_response_status,response_flags"
)


@dataclass
class Visitors:
    """Requests for the product page, `RATE` a second, until it is over."""

    sandbox: Sandbox
    page: RunningPod
    is_over: bool = False

    def run(self) -> None:
        due = time.monotonic()
        with self.sandbox.on_node():
            while not self.is_over:
                url = f"http://{self.page.address}:9080/productpage"
                with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
                    answer.read()
                due += 1 / RATE
                time.sleep(max(0, due - time.monotonic()))


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("metrics")
    with Sandbox() as sandbox:
        setup = envoy_setup(directory, more=f"meshConfig: {{{PATIENCE}}}\n")
        pods = start(sandbox, setup, "details", "ratings", "reviews", "productpage")
        visitors = Visitors(sandbox, pods["productpage"][0])
        thread = threading.Thread(target=visitors.run, daemon=True)
        thread.start()
        everyone = [pod for each in pods.values() for pod in each]
        with scraping(sandbox, everyone, directory) as found:
            # Histograms too, which Envoy merges every five seconds.
            until(lambda: len(found.query("istio_request_bytes_count")) >= 2 * len(HTTP_EDGES) - 1, 120, "all is seen")
            yield found
        visitors.is_over = True
        thread.join()


def about(rate: float) -> Any:
    """A rate as a window shows it that has not seen a pause of the machine: it is waited for."""
    return pytest.approx(rate, rel=0.3)


def positive(values: Mapping[tuple[str, ...], float]) -> set[tuple[str, ...]]:
    """The labels of what is more than 0."""
    return {labels for labels, value in values.items() if value > 0}


def test_the_mesh_has_a_volume_and_a_success_rate(prometheus: Prometheus) -> None:
    volume = f'round(sum(irate(istio_requests_total{{reporter=~"source|waypoint"}}[{WINDOW}])), 0.001)'
    wait_for(lambda: prometheus.value(volume), about(RATE * (2 + 2 / 3)))
    ok = f'sum(rate(istio_requests_total{{reporter=~"source|waypoint",response_code!~"5.*"}}[{WINDOW}]))'
    all_requests = f'sum(rate(istio_requests_total{{reporter=~"source|waypoint"}}[{WINDOW}]))'
    wait_for(lambda: prometheus.value(f"{ok} / {all_requests}"), 1)
    failed = f'sum(irate(istio_requests_total{{reporter=~"source|waypoint",response_code=~"5.*"}}[{WINDOW}]))'
    assert prometheus.query(failed) == []


def test_the_mesh_lists_its_workloads_with_rate_and_latency(prometheus: Prometheus) -> None:
    ends = "destination_workload, destination_workload_namespace"
    joined = f'"destination_workload_var", ".", {", ".join(f"{chr(34)}{each}{chr(34)}" for each in ends.split(", "))}'
    rate = f'sum(rate(istio_requests_total{{reporter=~"source|waypoint"}}[{WINDOW}])) by ({ends}, destination_service)'
    expected = {
        (f"details-v1.{NAMESPACE}", f"details.{DOMAIN}"): about(RATE),
        **{(f"reviews-v{n}.{NAMESPACE}", f"reviews.{DOMAIN}"): about(RATE / 3) for n in (1, 2, 3)},
        (f"ratings-v1.{NAMESPACE}", f"ratings.{DOMAIN}"): about(RATES["ratings"]),
    }
    query = f"label_join({rate}, {joined})"
    wait_for(lambda: prometheus.by(query, "destination_workload_var", "destination_service"), expected)
    duration = f'istio_request_duration_milliseconds_bucket{{reporter=~"source|waypoint"}}[{WINDOW}]'
    for quantile in (0.5, 0.9, 0.99):
        query = f"label_join(histogram_quantile({quantile}, sum(rate({duration})) by (le, {ends})), {joined})"
        workloads = {(workload,) for source, workload in HTTP_EDGES if source != "unknown"}
        wait_for(lambda: positive(prometheus.by(query, "destination_workload")), workloads)  # noqa: B023 -- called at once


@pytest.mark.parametrize("service", RATES)
def test_a_service_sees_its_clients(prometheus: Prometheus, service: str) -> None:
    chosen = f'destination_service=~"{service}.{DOMAIN}",connection_security_policy!="mutual_tls"'
    of_service = f'{{reporter=~"destination",{chosen}}}[{WINDOW}]'
    wait_for(lambda: prometheus.value(f"sum(rate(istio_requests_total{of_service}))"), about(RATES[service]))
    by = "source_workload, source_workload_namespace, response_code"
    rates = f"round(sum(irate(istio_requests_total{of_service})) by ({by}), 0.001)"
    clients = {source for source, workload in HTTP_EDGES if workload.startswith(service)}
    namespaces = {client: "unknown" if client == "unknown" else NAMESPACE for client in clients}
    # A probe was counted once: its rate becomes 0.
    expected = {(client, namespaces[client], "200") for client in clients}
    wait_for(lambda: positive(prometheus.by(rates, *by.split(", "))), expected)
    for size in ("request", "response"):
        buckets = f"sum(rate(istio_{size}_bytes_bucket{of_service})) by (le)"
        quantile = f"histogram_quantile(0.95, {buckets}) >= bool 0"
        wait_for(lambda: prometheus.value(quantile), 1)  # noqa: B023 -- called at once
    buckets = f"sum(rate(istio_request_duration_milliseconds_bucket{of_service})) by (le)"
    wait_for(lambda: prometheus.value(f"histogram_quantile(0.50, {buckets}) / 1000 > bool 0"), 1)


def test_a_workload_sees_whom_it_asks(prometheus: Prometheus) -> None:
    chosen = f'source_workload_namespace=~"{NAMESPACE}",source_workload=~"productpage-v1",reporter="source"'
    query = f"sum(rate(istio_requests_total{{{chosen}}}[{WINDOW}])) by (destination_service, response_code)"
    expected = {(f"{each}.{DOMAIN}", "200"): about(RATE) for each in ("details", "reviews")}
    wait_for(lambda: prometheus.by(query, "destination_service", "response_code"), expected)


@pytest.mark.parametrize("reporter", ["source", "destination"])
def test_the_graph_has_every_edge_with_its_rate(prometheus: Prometheus, reporter: str) -> None:
    chosen = f'reporter=~"{reporter}",destination_service_namespace="{NAMESPACE}"'
    query = f"sum(rate(istio_requests_total{{{chosen}}}[{WINDOW}])) by ({KIALI_LABELS}) > 0"
    expected = HTTP_EDGES if reporter == "destination" else {each for each in HTTP_EDGES if each[0] != "unknown"}
    services = {edge: edge[1].partition("-")[0] for edge in expected}
    shares = {
        edge: about(RATES[service] / sum(each.startswith(service) for _, each in expected))
        for edge, service in services.items()
    }
    wait_for(lambda: prometheus.by(query, "source_workload", "destination_workload"), shares)
    for edge in prometheus.query(query):
        source, destination = (edge.labels[f"{end}_workload"] for end in ("source", "destination"))
        service, _, version = destination.partition("-")
        assert {
            "destination_service": f"{service}.{DOMAIN}",
            "destination_service_name": service,
            "destination_canonical_service": service,
            "destination_canonical_revision": version,
            "destination_workload_namespace": NAMESPACE,
            "destination_cluster": "Kubernetes",
            "source_cluster": "unknown" if source == "unknown" else "Kubernetes",
            "source_canonical_service": source.partition("-")[0],
            "request_protocol": "http",
            "response_code": "200",
            "response_flags": "-",
        }.items() <= dict(edge.labels).items()


def test_the_graph_knows_response_times_and_security(prometheus: Prometheus) -> None:
    ends = "source_workload,destination_workload,request_protocol"
    buckets = f'rate(istio_request_duration_milliseconds_bucket{{reporter="destination"}}[{WINDOW}])'
    times = f"histogram_quantile(0.95, sum({buckets}) by (le,{ends}))"
    wait_for(lambda: positive(prometheus.by(times, "source_workload", "destination_workload")), HTTP_EDGES)
    query = f"sum(rate(istio_requests_total[{WINDOW}])) by (reporter,connection_security_policy,source_principal)"
    assert set(prometheus.by(query, "reporter", "connection_security_policy", "source_principal")) == {
        ("destination", "none", "unknown"),
        ("source", "unknown", "unknown"),
    }


def test_the_rules_of_the_sample_give_each_service_a_rate(prometheus: Prometheus) -> None:
    rates = "service:istio_requests:rate5m"
    wait_for(
        lambda: positive(prometheus.by(rates, "destination_service")), {(f"{service}.{DOMAIN}",) for service in RATES}
    )
    assert prometheus.query('ALERTS{alertstate="firing"}') == []
