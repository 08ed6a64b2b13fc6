"""Alerts and dashboard ask for metrics that the server really exports, under the labels that a scrape gives them."""

import json
import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import pytest

from injector.cluster.metrics import NOT_FOUND, ClusterMetrics
from injector.cluster.watch import Status
from injector.core.review import parse_review
from injector.server.handler import Answer
from injector.server.telemetry import Telemetry
from tests.chart.rendering import CERT_MANAGER, only, rendered, server_of
from tests.support import admitted, default_setup, pod_of, review_of
from tests.test_docs import DOCS, anchors_of
from tools.generate import CHART

_METRIC = re.compile(r"\b(?:sidecar|webhook)_\w+")
_ANY_METRIC = re.compile(r"\b(?:sidecar|webhook|apiserver)_\w+")
_BY = re.compile(r"by \(([\w, ]+)\)")


@cache
def exported() -> str:
    """What a server in a cluster exports that has injected, skipped and refused a pod, and missed an update."""
    telemetry, setup = Telemetry(BytesIO()), default_setup()
    cluster = ClusterMetrics(telemetry.registry)
    cluster.watch(lambda: {"nodes": Status(known=True, connected=True, age_seconds=0.0, error="", objects=1)})
    cluster.patch_failed("injector", NOT_FOUND)
    for pod in (pod_of(), pod_of(hostNetwork=True), pod_of(annotations={"sidecar.istio.io/proxyCPU": "much"})):
        request = parse_review(review_of(pod))
        telemetry.record(Answer(200, b"", request=request, admission=admitted(pod, setup)), 0.001)
    return telemetry.exposition().decode()


def alerts() -> dict[str, Any]:
    """The rules by name."""
    rule = only(rendered({"prometheusRule": {"enabled": True}}), "PrometheusRule")
    return {each["alert"]: each for group in rule["spec"]["groups"] for each in group["rules"]}


def dashboard_expressions() -> Iterator[str]:
    board = only(rendered({"dashboard": {"enabled": True}}), "ConfigMap", "injector-dashboard")
    document = json.loads(board["data"]["sidecar-injector.json"])
    for panel in document["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (variable["query"] for variable in document["templating"]["list"])


EXPRESSIONS = [*(rule["expr"] for rule in alerts().values()), *dashboard_expressions()]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_asked_for_is_exported(expression: str) -> None:
    text = exported()
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert set(_METRIC.findall(expression)) <= names
    grouped = {label for labels in _BY.findall(expression) for label in labels.split(", ")}
    assert all(f"{label}=" in text for label in grouped - {"pod"})
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


def test_there_is_an_alert_for_each_thing_that_can_go_wrong() -> None:
    metrics = {name: _ANY_METRIC.findall(rule["expr"])[0] for name, rule in alerts().items()}
    assert metrics == {
        "SidecarInjectorAbsent": "sidecar_injector_configuration_current",
        "SidecarInjectorCallsFail": "apiserver_admission_webhook_rejection_count",
        "SidecarInjectorBypassed": "apiserver_admission_webhook_fail_open_count",
        "SidecarInjectorCertificateExpiry": "sidecar_injector_certificate_expiry_timestamp_seconds",
        "SidecarInjectorInternalErrors": "sidecar_injection_failure_total",
        "SidecarInjectorOverloaded": "sidecar_injection_failure_total",
        "SidecarInjectorRefusals": "sidecar_injector_refusals_total",
        "SidecarInjectorLatency": "sidecar_injection_time_seconds_bucket",
        "SidecarInjectorConfigurationNotCurrent": "sidecar_injector_configuration_current",
        "SidecarInjectorClusterAway": "sidecar_injector_cluster_connected",
        "SidecarInjectorClusterUnknown": "sidecar_injector_cluster_known",
        "SidecarInjectorCABundle": "webhook_patch_failures_total",
    }
    for name, rule in alerts().items():
        is_own = not metrics[name].startswith("apiserver_")
        assert ('namespace="injector-system",service="injector"' in rule["expr"]) == is_own
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_each_alert_has_a_runbook() -> None:
    anchors = anchors_of(DOCS / "operations.md")
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
        assert name.lower() in anchors


def test_the_dashboard_s_panels_have_a_place_and_a_number_of_their_own() -> None:
    panels = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


@pytest.mark.parametrize("values", [{}, CERT_MANAGER], ids=["own certificates", "cert-manager"])
def test_the_scrape_verifies_the_server_with_the_authority_of_its_secret(values: dict[str, Any]) -> None:
    documents = rendered({"serviceMonitor": {"enabled": True}, **values})
    (endpoint,) = only(documents, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["tlsConfig"] == {
        "serverName": "injector.injector-system.svc",
        "ca": {"secret": {"name": "injector-certificates", "key": "ca.crt"}},
    }
    assert endpoint["port"] in {port["name"] for port in only(documents, "Service")["spec"]["ports"]}
    assert endpoint["port"] in {port["name"] for port in server_of(documents)["ports"]}
