"""Where replicas run and how they are reached: networks, address families, priorities, scaling."""

from typing import Any

import pytest

from tests.chart.rendering import of_kind, only, rendered, server_of


def pod_of(documents: list[Any]) -> Any:
    return only(documents, "Deployment")["spec"]["template"]["spec"]


def test_on_the_node_s_network_names_of_the_cluster_are_still_known() -> None:
    documents = rendered({"hostNetwork": True, "server": {"port": 15018}})
    pod = pod_of(documents)
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    assert server_of(documents)["ports"][0]["containerPort"] == 15018
    # A port of a node is taken until the old replica is gone.
    assert only(documents, "Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_a_dns_policy_is_set_where_one_is_named() -> None:
    assert "dnsPolicy" not in pod_of(rendered())
    assert pod_of(rendered({"hostNetwork": True, "dnsPolicy": "Default"}))["dnsPolicy"] == "Default"


def test_address_families_reach_the_service() -> None:
    service = {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "PreferDualStack", "type": "LoadBalancer"}
    spec = only(rendered({"service": service, "server": {"host": "::"}}), "Service")["spec"]
    assert {key: spec[key] for key in service} == service


@pytest.mark.parametrize(("workers", "value"), [(1, "500m"), (4, "2000m")])
def test_the_autoscaler_counts_in_cpus_of_a_worker_whatever_is_requested(workers: int, value: str) -> None:
    values = {"autoscaling": {"enabled": True}, "server": {"workers": workers}}
    (metric,) = only(rendered(values), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "AverageValue", "averageValue": value}


def test_a_budget_may_count_those_that_go() -> None:
    spec = only(rendered({"podDisruptionBudget": {"maxUnavailable": 1}}), "PodDisruptionBudget")["spec"]
    assert (spec["maxUnavailable"], "minAvailable" in spec) == (1, False)


def test_a_class_of_the_system_comes_with_the_quota_that_lets_it_be_used() -> None:
    documents = rendered()
    (quota,) = of_kind(documents, "ResourceQuota")
    (scope,) = quota["spec"]["scopeSelector"]["matchExpressions"]
    assert scope["values"] == [pod_of(documents)["priorityClassName"]] == ["system-cluster-critical"]
    assert of_kind(rendered({"priorityClassName": "mine"}), "ResourceQuota") == []
    assert "priorityClassName" not in pod_of(rendered({"priorityClassName": ""}))


def test_a_proxy_leaves_the_cluster_alone() -> None:
    env = server_of(rendered({"proxy": {"httpsProxy": "http://p:1", "noProxy": ["corp.example"]}}))["env"]
    given = {each["name"]: each["value"] for each in env}
    assert given["HTTPS_PROXY"] == "http://p:1"
    assert given["NO_PROXY"].split(",")[0] == "$(KUBERNETES_SERVICE_HOST)"
    assert {".svc", "corp.example"} <= set(given["NO_PROXY"].split(","))
    assert "env" not in server_of(rendered())
