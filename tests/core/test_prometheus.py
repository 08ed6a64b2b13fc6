"""Prometheus merge: the agent scrapes the application, Prometheus scrapes the agent (reference 11.2 and 11.3)."""

from typing import Any

import orjson
import pytest

from injector.core.model import InjectionError, Pod
from injector.core.prometheus import RESERVED_PORTS, merge_prometheus, publish_secure_port
from tests.support import container_of, env_of

STATUS_PORT = 15020
AGENT = {"prometheus.io/path": "/stats/prometheus", "prometheus.io/port": "15020", "prometheus.io/scrape": "true"}
MERGE = "prometheus.istio.io/merge-metrics"
TARGETS = "prometheus.istio.io/scrape-targets"


def pod(annotations: dict[str, str], env: Any = ()) -> Pod:
    return {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy", "env": list(env)}]},
    }


def merged(annotations: dict[str, str], *, by_default: bool = True, status_port: int = STATUS_PORT) -> Pod:
    return merge_prometheus(pod(annotations), status_port=status_port, enabled_by_default=by_default)


def scrape(port: str = "", path: str = "", scrape: str = "", **targets: Any) -> dict[str, Any]:
    return {"scrape": scrape, "path": path, "port": port, **targets}


def target(port: str, path: str) -> dict[str, str]:
    return {"port": port, "path": path}


MERGED: list[tuple[dict[str, str], dict[str, Any] | None]] = [
    ({}, None),
    ({"prometheus.io/port": "80"}, scrape("80")),
    ({"prometheus.io/path": "/m"}, scrape(path="/m")),
    ({"prometheus.io/scrape": "true"}, scrape(scrape="true")),
    ({"prometheus.io/scrape": "maybe"}, scrape(scrape="maybe")),
    ({"prometheus.io/port": ""}, None),
    ({"prometheus.io.port": "80", "prometheus-io/path": "/m", "prometheus_io_scrape": "T"}, scrape("80", "/m", "T")),
    ({"prometheus.io/port": "0080"}, scrape("0080")),
    ({"prometheus.io/port": "00000000000080"}, scrape("00000000000080")),
    ({TARGETS: "80"}, scrape("80", "/metrics", targets=[target("80", "/metrics")])),
    (
        {TARGETS: " 80:/a , ,90: ,70 : /b:c"},
        scrape("80", "/a", targets=[target("80", "/a"), target("90", "/metrics"), target("70", "/b:c")]),
    ),
    ({TARGETS: "80", "prometheus.io/port": "15090"}, scrape("80", "/metrics", targets=[target("80", "/metrics")])),
    ({TARGETS: ":/a", "prometheus.io/port": "80"}, scrape("80")),
    ({TARGETS: ","}, None),
    ({MERGE: "true", "prometheus.io/port": "80"}, scrape("80")),
]


@pytest.mark.parametrize(("annotations", "told"), MERGED)
def test_the_agent_learns_what_the_pod_said_and_prometheus_is_sent_to_it(
    annotations: dict[str, str], told: dict[str, Any] | None
) -> None:
    result = merged(annotations)
    found = env_of(container_of(result, "istio-proxy")).get("ISTIO_PROMETHEUS_ANNOTATIONS")
    assert (None if found is None else orjson.loads(found)) == told
    kept = {MERGE: annotations[MERGE]} if MERGE in annotations else {}
    assert result["metadata"]["annotations"] == {**kept, **AGENT}
    assert merge_prometheus(result, status_port=STATUS_PORT, enabled_by_default=True) is result


UNTOUCHED = [
    ({"prometheus.io/scrape": "false", "prometheus.io/port": "15090"}, True),
    ({"prometheus-io-scrape": "F"}, True),
    ({MERGE: "false", "prometheus.io/port": "15001"}, True),
    ({"prometheus.io/port": "15020"}, True),
    ({"prometheus.io/port": "80"}, False),
]


@pytest.mark.parametrize(("annotations", "by_default"), UNTOUCHED)
def test_a_pod_that_does_not_want_it_is_the_same_object(annotations: dict[str, str], by_default: bool) -> None:
    given = pod(annotations)
    assert merge_prometheus(given, status_port=STATUS_PORT, enabled_by_default=by_default) is given


def test_the_annotation_counts_more_than_the_mesh() -> None:
    assert merged({MERGE: "true"}, by_default=False)["metadata"]["annotations"] == {MERGE: "true", **AGENT}


REFUSED = [
    ({"prometheus.io/port": "http"}, "invalid prometheus scrape configuration: invalid port 'http'"),
    ({"prometheus.io/port": "0"}, "invalid prometheus scrape configuration: invalid port '0'"),
    ({"prometheus.io/port": "65536"}, "invalid prometheus scrape configuration: invalid port '65536'"),
    ({"prometheus.io/port": "-1"}, "invalid prometheus scrape configuration: invalid port '-1'"),
    (
        {"prometheus.io/port": "015020"},
        "invalid prometheus scrape configuration: port 015020 conflicts with agent port",
    ),
    ({TARGETS: "http"}, "invalid prometheus scrape targets: invalid target port 'http'"),
    ({TARGETS: "80,15020:/x"}, "invalid prometheus scrape targets: port 15020 conflicts with agent port"),
    ({TARGETS: "80,15001"}, "invalid prometheus scrape targets: port 15001 is reserved for Istio"),
]


@pytest.mark.parametrize(("annotations", "message"), REFUSED)
def test_a_port_that_cannot_be_scraped_refuses_the_pod(annotations: dict[str, str], message: str) -> None:
    with pytest.raises(InjectionError) as caught:
        merged(annotations)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("port", "reason"), RESERVED_PORTS.items())
def test_the_reserved_ports(port: int, reason: str) -> None:
    with pytest.raises(InjectionError) as caught:
        merged({"prometheus.io/port": str(port)}, status_port=1)
    assert f"is reserved for Istio ({reason}) and cannot be scraped" in str(caught.value)


def bare(*init: str) -> Pod:
    return {
        "metadata": {"annotations": {"prometheus.io/port": "80"}},
        "spec": {"containers": [{"name": "app"}], "initContainers": [{"name": name} for name in init]},
    }


def test_without_the_agent_prometheus_still_asks_the_application() -> None:
    given = bare("audit")
    assert merge_prometheus(given, status_port=STATUS_PORT, enabled_by_default=True) is given


def test_without_the_agent_no_port_is_refused() -> None:
    given = bare()
    given["metadata"]["annotations"]["prometheus.io/port"] = "15090"
    assert merge_prometheus(given, status_port=STATUS_PORT, enabled_by_default=True) is given


def test_a_native_agent_is_one() -> None:
    result = merge_prometheus(bare("istio-proxy"), status_port=STATUS_PORT, enabled_by_default=True)
    assert result["metadata"]["annotations"] == AGENT


def test_proxyless_grpc_is_merged_as_istio_does() -> None:
    given = bare("grpc-bootstrap-init")
    result = merge_prometheus(given, status_port=STATUS_PORT, enabled_by_default=True)
    assert result["metadata"]["annotations"] == AGENT
    assert result["spec"] is given["spec"]


SECURE = "ENVOY_SECURE_MERGED_METRICS_PORT"


@pytest.mark.parametrize(
    ("value", "annotations", "published"),
    [
        ("15444", {}, "15444"),
        ("0", {}, None),
        ("", {}, None),
        (None, {}, None),
        ("15444", {"prometheus-istio-io/secure-port": "1"}, None),
    ],
)
def test_the_port_of_encrypted_metrics_is_published(
    value: str | None, annotations: dict[str, str], published: str | None
) -> None:
    result = publish_secure_port(pod(annotations, [{"name": SECURE, "value": value}]))
    assert result["metadata"]["annotations"].get("prometheus.istio.io/secure-port") == published
