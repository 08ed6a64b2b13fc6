"""What operators look at: health, readiness, version, metrics, the description, and one log line a review."""

import httpx
import pytest

from injector.config import ConfigFaults, Fault
from injector.server.state import State
from tests.server.running import JSON, Running
from tests.support import pod_of, review_of


def metric(client: httpx.Client, line: str) -> float:
    found = [
        each.rpartition(" ")[2] for each in client.get("/metrics").text.splitlines() if each.startswith(f"{line} ")
    ]
    return float(found[0]) if found else 0.0


def test_health_and_version(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/version").json()["revision"] == "default"


def test_the_description_names_every_path(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert {"/inject", "/healthz", "/readyz", "/version", "/metrics"} <= described["paths"].keys()


@pytest.mark.parametrize(
    ("labels", "counter"),
    [
        ({"app": "a"}, 'sidecar_injection_success_total{reason="Policy"}'),
        ({"sidecar.istio.io/inject": "true"}, 'sidecar_injection_success_total{reason="PodLabel"}'),
        ({"sidecar.istio.io/inject": "false"}, 'sidecar_injection_skip_total{reason="PodLabel"}'),
    ],
)
def test_each_result_is_counted_once_with_its_reason(
    client: httpx.Client, labels: dict[str, str], counter: str
) -> None:
    before, requests = metric(client, counter), metric(client, "sidecar_injection_requests_total")
    client.post("/inject", content=review_of(pod_of(labels=labels)), headers=JSON)
    assert metric(client, counter) == before + 1
    assert metric(client, "sidecar_injection_requests_total") == requests + 1


def test_failures_are_counted_with_their_reason(client: httpx.Client) -> None:
    refused, bad = (f'sidecar_injection_failure_total{{reason="{reason}"}}' for reason in ("Refused", "BadReview"))
    before = metric(client, refused), metric(client, bad)
    wrong = pod_of(annotations={"sidecar.istio.io/interceptionMode": "x"})
    client.post("/inject", content=review_of(wrong), headers=JSON)
    client.post("/inject", content=b"{", headers=JSON)
    assert (metric(client, refused), metric(client, bad)) == (before[0] + 1, before[1] + 1)


def test_times_are_measured_from_half_a_millisecond(client: httpx.Client) -> None:
    client.post("/inject", content=review_of(pod_of()), headers=JSON)
    text = client.get("/metrics").text
    assert 'sidecar_injection_time_seconds_bucket{le="0.0005"}' in text
    assert metric(client, "sidecar_injection_time_seconds_count") >= 1


def test_a_review_is_one_line_of_the_log(running: Running, client: httpx.Client) -> None:
    before = len(running.lines())
    client.post("/inject", content=review_of(pod_of(), uid="u-log", namespace="shop"), headers=JSON)
    (line,) = running.lines()[before:]
    assert line["event"] == "review"
    assert (line["uid"], line["namespace"], line["name"]) == ("u-log", "shop", "shop")
    assert (line["allowed"], line["inject"], line["reason"], line["templates"]) == (True, True, "Policy", ["sidecar"])
    assert line["milliseconds"] >= 0


def test_a_refusal_says_why_in_the_log(running: Running, client: httpx.Client) -> None:
    wrong = pod_of(annotations={"sidecar.istio.io/interceptionMode": "x"})
    client.post("/inject", content=review_of(wrong), headers=JSON)
    line = running.lines()[-1]
    assert line["level"] == "warning"
    assert "sidecar.istio.io/interceptionMode" in line["message"]


def test_readiness_tells_of_a_configuration_that_was_refused_and_serving_goes_on(
    running: Running, client: httpx.Client
) -> None:
    good = running.service.state

    def broken() -> State:
        raise ConfigFaults(Fault("config.yaml", 3, "policy", "has to be enabled or disabled"))

    running.service.reload(broken, (ConfigFaults,))
    detail = client.get("/readyz").json()
    assert (detail["ready"], detail["configuration"]) == (True, "last good one")
    assert "config.yaml:3: policy" in detail["fault"]
    assert client.post("/inject", content=review_of(pod_of()), headers=JSON).json()["response"]["allowed"]
    running.service.reload(lambda: good, (ConfigFaults,))
    assert client.get("/readyz").json()["configuration"] == "current"


def test_while_the_cluster_is_unknown_nobody_is_answered(running: Running, client: httpx.Client) -> None:
    """API servers try again after Retry-After, on another connection: another replica may know the cluster."""
    running.service.waiting = "the cluster is not known yet: nodes: 403"
    try:
        detail = client.get("/readyz")
        assert (detail.status_code, detail.json()["ready"], detail.json()["waiting"]) == (
            503,
            False,
            "the cluster is not known yet: nodes: 403",
        )
        assert client.get("/healthz").status_code == 200
        response = client.post("/inject", content=review_of(pod_of()), headers=JSON)
        assert (response.status_code, response.text) == (503, "the cluster is not known yet: nodes: 403\n")
        assert (response.headers["retry-after"], response.headers["connection"]) == ("1", "close")
        assert metric(client, 'sidecar_injection_failure_total{reason="ClusterUnknown"}') >= 1
    finally:
        running.service.waiting = ""


def test_while_draining_readiness_fails_and_every_reply_closes_its_connection(
    running: Running, client: httpx.Client
) -> None:
    running.service.draining = True
    try:
        assert client.get("/readyz").status_code == 503
        response = client.post("/inject", content=review_of(pod_of()), headers=JSON)
        assert response.json()["response"]["allowed"]
        assert response.headers["connection"] == "close"
    finally:
        running.service.draining = False
