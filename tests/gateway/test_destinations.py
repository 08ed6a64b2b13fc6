"""Where requests go: ports, protocols, subsets as Services, policies of DestinationRules, hosts outside the cluster."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.model import JsonObject
from tests.gateway.support import (
    accepted,
    clusters,
    configuration,
    document,
    faults,
    gateway,
    rendered,
    routes,
    server,
    service,
    to,
    virtual_service,
    warnings,
)

WEB = "web.shop.svc.cluster.local"
CANARY = [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]


def rule(host: str = "web", namespace: str = "shop", **spec: Any) -> JsonObject:
    return document("DestinationRule", "web", {"host": host, **spec}, namespace)


def leading_to(*destinations: JsonObject) -> JsonObject:
    weights = [{**each, "weight": 1} for each in destinations] if len(destinations) > 1 else list(destinations)
    return virtual_service({"route": weights})


def web_cluster(*documents: JsonObject, port: int = 80) -> JsonObject:
    return clusters(configuration(gateway(), leading_to(to("web", port)), *documents))[f"outbound|{port}||{WEB}"]


def address(cluster: JsonObject) -> tuple[str, int]:
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    found = endpoint["endpoint"]["address"]["socket_address"]
    return found["address"], found["port_value"]


def test_a_port_may_be_left_out_where_the_service_has_one() -> None:
    without = virtual_service({"route": [{"destination": {"host": "web"}}]})
    assert "outbound|8080||web.shop.svc.cluster.local" in clusters(
        configuration(gateway(), without, service("web", {"port": 8080}))
    )
    assert "destination.port" in faults(gateway(), without)
    assert "destination.port" in faults(gateway(), without, service("web", {"port": 1}, {"port": 2}))


def test_a_port_that_the_service_does_not_have_is_refused() -> None:
    assert "81 is not a port of" in faults(gateway(), leading_to(to("web", 81)), service("web"))


@pytest.mark.parametrize(
    ("port", "is_http2"),
    [
        ({"port": 80, "name": "grpc-web"}, True),
        ({"port": 80, "name": "http2"}, True),
        ({"port": 80, "name": "grpc", "appProtocol": "http"}, False),
        ({"port": 80, "appProtocol": "kubernetes.io/h2c"}, True),
        ({"port": 80, "name": "http"}, False),
    ],
)
def test_http2_is_spoken_where_the_service_says_so(port: JsonObject, is_http2: bool) -> None:
    assert ("typed_extension_protocol_options" in web_cluster(service("web", port))) == is_http2


def test_a_grpc_server_leads_to_http2_where_nothing_is_known() -> None:
    found = configuration(gateway(server(protocol="GRPC")), leading_to(to("web")))
    assert "typed_extension_protocol_options" in clusters(found)[f"outbound|80||{WEB}"]


def test_a_subset_is_a_service_with_the_selector_and_its_labels() -> None:
    documents = [gateway(), leading_to(to("web", subset="v1"), to("web", subset="v2")), rule(subsets=CANARY)]
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    found = rendered(*documents, service("web", *ports, sessionAffinity="None"))
    assert [each["metadata"]["name"] for each in found.services] == ["web-v1", "web-v2"]
    assert found.services[0]["spec"] == {"selector": {"app": "web", "version": "v1"}, "ports": ports}
    cluster = clusters(found.configuration)[f"outbound|80|v1|{WEB}"]
    assert address(cluster) == ("web-v1.shop.svc.cluster.local", 80)
    assert found.warnings == ()


def test_a_subset_of_an_unknown_service_says_which_service_has_to_exist() -> None:
    documents = [gateway(), leading_to(to("web", subset="v1")), rule(subsets=CANARY)]
    assert "Service 'web-v1', which has to select the pods of 'web' with version=v1" in warnings(*documents)[0]
    assert rendered(*documents).services == []


def test_a_subset_without_labels_is_the_service_itself() -> None:
    documents = [gateway(), leading_to(to("web", subset="all")), rule(subsets=[{"name": "all"}]), service("web")]
    found = rendered(*documents)
    assert address(clusters(found.configuration)[f"outbound|80|all|{WEB}"]) == (WEB, 80)
    assert found.services == []


def test_a_subset_that_no_rule_defines_is_refused() -> None:
    documents = [gateway(), leading_to(to("web", subset="v3"))]
    assert "valid: v1, v2" in faults(*documents, rule(subsets=CANARY))
    assert "destination.subset" in faults(*documents)


def test_a_service_of_the_subset_s_name_is_used_or_in_the_way() -> None:
    documents = [gateway(), leading_to(to("web", subset="v1")), rule(subsets=CANARY), service("web")]
    same = service("web-v1", selector={"app": "web", "version": "v1"})
    assert rendered(*documents, same).services == []
    assert "which another Service has for other pods" in faults(*documents, service("web-v1"))


def test_two_subsets_that_would_have_a_service_of_the_same_name_are_refused() -> None:
    documents = [gateway(), leading_to(to("web", subset="v1-x"), to("web-v1", subset="x")), service("web")]
    rules = [
        document("DestinationRule", host, {"host": host, "subsets": [{"name": name, "labels": {"a": "b"}}]})
        for host, name in (("web", "v1-x"), ("web-v1", "x"))
    ]
    assert "'web-v1-x'" in faults(*documents, *rules, service("web-v1"))


@pytest.mark.parametrize(
    ("policy", "is_headless"),
    [
        ({"outlierDetection": {"consecutive5xxErrors": 3}}, True),
        ({"loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}}}, True),
        ({"connectionPool": {"tcp": {"maxConnections": 10}}}, False),
    ],
)
def test_what_has_to_tell_pods_apart_gets_a_headless_service(policy: JsonObject, is_headless: bool) -> None:
    documents = [gateway(), leading_to(to("web")), rule(trafficPolicy=policy)]
    found = rendered(*documents, service("web", {"port": 80, "targetPort": 8080}))
    expected = ("web-pods.shop.svc.cluster.local", 8080) if is_headless else (WEB, 80)
    assert address(clusters(found.configuration)[f"outbound|80||{WEB}"]) == expected
    assert [each["spec"]["clusterIP"] for each in found.services] == (["None"] if is_headless else [])


def test_a_subset_of_a_service_without_a_selector_is_refused() -> None:
    documents = [gateway(), leading_to(to("web", subset="v1")), rule(subsets=CANARY)]
    assert "has no selector" in faults(*documents, service("web", selector=None))


def test_a_named_target_port_keeps_pods_out_of_sight_and_says_so() -> None:
    documents = [gateway(), leading_to(to("web")), rule(trafficPolicy={"outlierDetection": {}})]
    (line,) = warnings(
        *documents[:2],
        rule(trafficPolicy={"outlierDetection": {"interval": "1s"}}),
        service("web", {"port": 80, "targetPort": "http"}),
    )
    assert "targetPort 'http' is a name" in line


def test_a_headless_service_is_reached_at_the_pods_port() -> None:
    assert address(web_cluster(service("web", {"port": 80, "targetPort": 8080}, clusterIP="None"))) == (WEB, 8080)


POLICY: JsonObject = {
    "connectionPool": {
        "tcp": {
            "maxConnections": 7,
            "connectTimeout": "2s",
            "tcpKeepalive": {"probes": 3, "time": "10s", "interval": "1s"},
            "maxConnectionDuration": "1h",
            "idleTimeout": "5m",
        },
        "http": {
            "http1MaxPendingRequests": 8,
            "http2MaxRequests": 9,
            "maxRequestsPerConnection": 10,
            "maxRetries": 11,
            "idleTimeout": "30s",
            "h2UpgradePolicy": "UPGRADE",
            "maxConcurrentStreams": 12,
        },
    },
    "outlierDetection": {
        "consecutive5xxErrors": 2,
        "consecutiveGatewayErrors": 3,
        "splitExternalLocalOriginErrors": True,
        "consecutiveLocalOriginFailures": 4,
        "interval": "1s",
        "baseEjectionTime": "2m",
        "maxEjectionPercent": 100,
        "minHealthPercent": 20,
    },
    "loadBalancer": {"simple": "ROUND_ROBIN", "warmup": {"duration": "30s", "minimumPercent": 5, "aggression": 1.5}},
    "retryBudget": {"percent": {"value": 25}, "minRetryConcurrency": 5},
    "proxyProtocol": {"version": "V2"},
}


def test_limits_ejection_and_balancing_are_those_of_the_policy() -> None:
    found = web_cluster(rule(trafficPolicy=POLICY))
    (limits,) = found["circuit_breakers"]["thresholds"]
    names = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    assert [limits[name] for name in names] == [7, 8, 9, 11]
    assert found["outlier_detection"]["consecutive_5xx"] == 2
    assert (found["connect_timeout"], found["lb_policy"]) == ("2s", "ROUND_ROBIN")
    (options,) = found["typed_extension_protocol_options"].values()
    assert options["explicit_http_config"]["http2_protocol_options"]["max_concurrent_streams"] == 12


BALANCERS: list[JsonObject] = [
    {"consistentHash": {"httpHeaderName": "x-user", "minimumRingSize": 64}},
    {"consistentHash": {"httpCookie": {"name": "user", "path": "/", "ttl": "0s"}, "maglev": {"tableSize": 65537}}},
    {"consistentHash": {"useSourceIp": True, "ringHash": {"minimumRingSize": 128}}},
    {"consistentHash": {"httpQueryParameterName": "user"}},
    {"simple": "LEAST_REQUEST", "warmupDurationSecs": "10s"},
    {"simple": "RANDOM", "localityLbSetting": {"enabled": False}},
]


def test_envoy_takes_every_kind_of_policy_without_a_warning(tmp_path: Path) -> None:
    policies = [POLICY, *({"loadBalancer": each} for each in BALANCERS)]
    policies.append(
        {"connectionPool": {"http": {"useClientProtocol": True}}, "outlierDetection": {"consecutive5xxErrors": 0}}
    )
    policies.append({"tls": {"mode": "SIMPLE", "insecureSkipVerify": True, "sni": "x.example"}})
    documents = []
    for number, policy in enumerate(policies):
        name = f"s{number}"
        found = virtual_service({"route": [to(name)]}, hosts=(f"{name}.example",), name=name)
        documents += [found, document("DestinationRule", name, {"host": name, "trafficPolicy": policy})]
    accepted(configuration(gateway(), *documents), tmp_path)


def test_a_hash_is_taken_of_what_the_policy_names() -> None:
    (route,) = routes(
        configuration(gateway(), leading_to(to("web")), rule(trafficPolicy={"loadBalancer": BALANCERS[0]}))
    )
    assert route["route"]["hash_policy"] == [{"header": {"header_name": "x-user"}}]


def test_a_subset_s_settings_win_and_those_of_a_port_stand_alone() -> None:
    pool = {"connectionPool": {"tcp": {"maxConnections": 1}}}
    port = {"port": {"number": 80}, "connectionPool": {"http": {"maxRetries": 5}}}
    subset = {"name": "v1", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 3}}}}
    documents = [rule(trafficPolicy={**pool, "portLevelSettings": [port]}, subsets=[subset])]

    def limits(number: int, name: str) -> tuple[int, int]:
        found = clusters(configuration(gateway(), leading_to(to("web", number, subset=name)), *documents))
        (threshold,) = found[f"outbound|{number}|{name}|{WEB}"]["circuit_breakers"]["thresholds"]
        return threshold["max_connections"], threshold["max_retries"]

    unlimited = 2**32 - 1
    assert limits(81, "") == (1, unlimited)
    assert limits(80, "") == (unlimited, 5)
    assert limits(81, "v1") == (3, unlimited)


@pytest.mark.parametrize(
    ("spec", "namespace", "applies"),
    [
        ({}, "shop", True),
        ({"exportTo": ["."]}, "shop", True),
        ({}, "istio-system", True),
        ({}, "elsewhere", False),
        ({"exportTo": ["elsewhere"]}, "shop", False),
        ({"workloadSelector": {"matchLabels": {"app": "other"}}}, "shop", False),
    ],
)
def test_a_rule_applies_in_the_namespaces_that_istio_looks_in(spec: JsonObject, namespace: str, applies: bool) -> None:
    limited = rule(WEB, namespace, trafficPolicy={"connectionPool": {"tcp": {"maxConnections": 1}}}, **spec)
    (threshold,) = web_cluster(limited)["circuit_breakers"]["thresholds"]
    assert (threshold["max_connections"] == 1) == applies


def test_a_rule_for_hosts_that_nothing_is_sent_to_is_left_out_unvalidated() -> None:
    (line,) = warnings(gateway(), leading_to(to("web")), rule("other", nonsense=True))
    assert "sends nothing to this host" in line


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"tls": {"mode": "ISTIO_MUTUAL"}}, "trafficPolicy.tls.mode"),
        ({"tls": {"mode": "MUTUAL"}}, "tls.credentialName"),
        ({"loadBalancer": {"simple": "PASSTHROUGH"}}, "loadBalancer.simple"),
        ({"loadBalancer": {"consistentHash": {}}}, "says nothing to hash"),
        ({"tunnel": {"protocol": "CONNECT"}}, "trafficPolicy.tunnel"),
        ({"conectionPool": {}}, "did you mean 'connectionPool'"),
    ],
)
def test_a_policy_that_cannot_be_honoured_is_refused(policy: JsonObject, message: str) -> None:
    assert message in faults(gateway(), leading_to(to("web")), rule(trafficPolicy=policy))


def entry(**spec: Any) -> JsonObject:
    ports = [{"number": 443, "name": "https", "protocol": "HTTPS"}]
    return document("ServiceEntry", "out", {"hosts": ["api.example"], "ports": ports, **spec})


ENDPOINTS = [
    {"address": "192.0.2.1", "labels": {"zone": "a"}, "ports": {"https": 8443}, "weight": 3},
    {"address": "192.0.2.2"},
]


@pytest.mark.parametrize(
    ("spec", "kind", "addresses"),
    [
        ({"resolution": "DNS"}, "dns", [("api.example", 443)]),
        ({"resolution": "DNS", "endpoints": [{"address": "b.example"}]}, "dns", [("b.example", 443)]),
        ({"resolution": "STATIC", "endpoints": ENDPOINTS}, "static", [("192.0.2.1", 8443), ("192.0.2.2", 443)]),
        ({"resolution": "NONE"}, "dns", [("api.example", 443)]),
        ({"hosts": ["*.example"]}, "dns", [("api.example", 443)]),
    ],
)
def test_a_host_outside_the_cluster_is_found_as_its_entry_says(
    spec: JsonObject, kind: str, addresses: list[tuple[str, int]]
) -> None:
    found = clusters(configuration(gateway(), leading_to(to("api.example", 443)), entry(**spec)))
    cluster = found["outbound|443||api.example"]
    assert ("static" if cluster.get("type") == "STATIC" else "dns") == kind
    sockets = [
        each["endpoint"]["address"]["socket_address"]
        for each in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    ]
    assert [(each["address"], each["port_value"]) for each in sockets] == addresses


def test_a_subset_of_an_entry_is_its_endpoints_with_those_labels() -> None:
    subset = rule("api.example", subsets=[{"name": "a", "labels": {"zone": "a"}}])
    documents = [leading_to(to("api.example", 443, subset="a")), entry(resolution="STATIC", endpoints=ENDPOINTS)]
    found = clusters(configuration(gateway(), *documents, subset))["outbound|443|a|api.example"]
    assert address(found) == ("192.0.2.1", 8443)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"resolution": "STATIC"}, "spec.endpoints"),
        ({"resolution": "STATIC", "endpoints": [{"address": "a.example"}]}, "endpoints[0].address"),
        ({"workloadSelector": {"labels": {"a": "b"}}}, "workloadSelector"),
        ({"resolution": "SOMEHOW"}, "spec.resolution"),
    ],
)
def test_an_entry_that_cannot_be_honoured_is_refused(spec: JsonObject, message: str) -> None:
    assert message in faults(gateway(), leading_to(to("api.example", 443)), entry(**spec))


def test_an_entry_that_nothing_is_sent_to_is_left_out() -> None:
    assert "sends nothing to these hosts" in warnings(gateway(), leading_to(to("web")), entry(workloadSelector={}))[0]


def test_statistics_keep_the_whole_name_of_a_cluster() -> None:
    """Envoy takes what is behind the first dot of a name for another part of the metric."""
    assert web_cluster()["alt_stat_name"] == "outbound|80||web_shop_svc_cluster_local"
