"""Bookinfo between pods, through the sidecars of the template `envoy`: every hop seen by both proxies, one trace."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.sandbox import GATEWAY, RunningPod, Sandbox, needs_namespaces, until
from tests.sandbox.bookinfo import access_log, get, start, statistics
from tests.sandbox.collector import Spans, collector
from tests.sandbox.lab import PATIENCE, envoy_setup

pytestmark = needs_namespaces

TRACED = "defaultConfig: {tracing: {sampling: 100, zipkin: {address: 'zipkin.tracing:9411'}}}"


@dataclass(frozen=True)
class World:
    """The running sample, by app label, and what the collector got."""

    sandbox: Sandbox
    pods: dict[str, list[RunningPod]]
    spans: Spans

    def ask(self, app: str, path: str, port: int = 9080) -> str:
        """What the first pod of `app` answers to a client outside the mesh."""
        with self.sandbox.on_node():
            return str(get(f"http://{self.pods[app][0].address}:{port}{path}"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    setup = envoy_setup(tmp_path_factory.mktemp("bookinfo"), more=f"meshConfig: {{{PATIENCE}, {TRACED}}}\n")
    with Sandbox() as sandbox, collector(sandbox) as spans:
        sandbox.host("zipkin.tracing", [GATEWAY])
        pods = start(sandbox, setup, "details", "ratings", "reviews", "productpage", "legacy-catalog")
        yield World(sandbox, pods, spans)


def requests(pod: RunningPod, reporter: str, service: str) -> float:
    """How many requests to that service the pod's proxy has counted, at that end."""
    wanted = ("istio_requests_total{", f'reporter="{reporter}"', f'destination_service_name="{service}"')
    return sum(value for name, value in statistics(pod).items() if all(part in name for part in wanted))


def test_each_hop_is_counted_by_the_proxy_of_the_caller_and_of_the_callee(world: World) -> None:
    callers = {"details": "productpage", "reviews": "productpage", "ratings": "reviews"}
    before = {app: sum(requests(pod, "destination", app) for pod in world.pods[app]) for app in callers}

    answers = [world.ask("productpage", "/productpage") for _ in range(6)]

    assert all("details" in answer and "reviews-v" in answer for answer in answers)
    assert sum("ratings" in answer for answer in answers) >= 2
    for app, caller in callers.items():
        sent = sum(requests(pod, "source", app) for pod in world.pods[caller])
        received = sum(requests(pod, "destination", app) for pod in world.pods[app])
        assert received - before[app] >= 2
        assert sent > 0


def test_the_access_log_is_json_with_both_directions(world: World) -> None:
    world.ask("productpage", "/productpage?logged")
    productpage = world.pods["productpage"][0]

    until(
        lambda: any(each["path"] == "/productpage?logged" for each in access_log(productpage)), 60, "the log is written"
    )

    entries = access_log(productpage)
    assert {entry["direction"] for entry in entries} == {"inbound", "outbound"}
    assert {entry["authority"] for entry in entries if entry["direction"] == "outbound"} == {
        "details:9080",
        "reviews:9080",
    }
    assert all(entry["response_code"] == 200 for entry in entries)


def test_one_request_is_one_trace(world: World) -> None:
    expected = {
        ("SERVER", "productpage"),
        ("CLIENT", "productpage"),
        ("SERVER", "details"),
        ("SERVER", "reviews"),
        ("CLIENT", "reviews"),
        ("SERVER", "ratings"),
    }

    def whole_trace() -> Spans:
        traces = {span["traceId"] for span in world.spans}
        for trace in traces:
            spans = [span for span in world.spans if span["traceId"] == trace]
            if {(s["kind"], s["localEndpoint"]["serviceName"].removesuffix(".bookinfo")) for s in spans} == expected:
                return spans
        return []

    for _ in range(3):
        world.ask("productpage", "/productpage")
    until(lambda: len(whole_trace()) == 7, 60, "all spans of one trace have arrived")

    spans = {span["id"]: span for span in whole_trace()}
    roots = [span for span in spans.values() if "parentId" not in span]
    assert len(roots) == 1
    assert all(span.get("parentId") in spans for span in spans.values() if span not in roots)


def test_a_service_that_opted_out_works_without_a_proxy(world: World) -> None:
    catalog = world.pods["legacy-catalog"][0]
    before = requests(world.pods["details"][0], "destination", "details")

    assert "legacy-catalog" in world.ask("legacy-catalog", "/", 8080)

    assert "initContainers" not in catalog.pod["spec"]
    assert requests(world.pods["details"][0], "destination", "details") == before + 1


def test_with_ipv6_it_is_the_same(world: World) -> None:
    with world.sandbox.on_node():
        answer = get(f"http://[{world.pods['productpage'][0].address6}]:9080/productpage")

    assert answer["asked"]["details"]["name"] == "details"
