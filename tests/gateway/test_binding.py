"""Which routes a server takes, for which hosts: names of Gateways, namespaces, ports, callers, delegates."""

from typing import Any

import pytest

from injector.core.model import JsonObject
from injector.gateway.model import GatewayFaults
from tests.gateway.support import (
    configuration,
    document,
    faults,
    gateway,
    managers,
    routes,
    server,
    to,
    virtual_service,
    warnings,
)


def domains(found: JsonObject) -> list[list[str]]:
    return [host["domains"] for manager in managers(found) for host in manager["route_config"]["virtual_hosts"]]


def bound_as(name: str, namespace: str = "shop", **spec: Any) -> JsonObject:
    fields = {"hosts": ["*"], "gateways": [name], "http": [{"route": [to("a")]}], **spec}
    return document("VirtualService", "bound", fields, namespace)


@pytest.mark.parametrize(
    ("name", "namespace", "is_bound"),
    [
        ("edge", "shop", True),
        ("./edge", "shop", True),
        ("shop/edge", "other", True),
        ("edge.shop", "other", True),
        ("edge.shop.svc.cluster.local", "other", True),
        ("edge", "other", False),
        ("./edge", "other", False),
        ("edge.other", "shop", False),
    ],
)
def test_a_gateway_is_named_in_every_way_that_istio_knows(name: str, namespace: str, is_bound: bool) -> None:
    assert bool(domains(configuration(gateway(), bound_as(name, namespace)))) == is_bound


@pytest.mark.parametrize(
    ("exported", "is_bound"), [(["*"], True), (["."], False), (["shop"], True), (["~"], False), (["else"], False)]
)
def test_a_virtual_service_counts_where_it_is_exported_to(exported: list[str], is_bound: bool) -> None:
    assert bool(domains(configuration(gateway(), bound_as("shop/edge", "other", exportTo=exported)))) == is_bound


@pytest.mark.parametrize(
    ("of_server", "of_service", "common"),
    [
        ("*", "a.example", ["a.example"]),
        ("*.example", "a.example", ["a.example"]),
        ("a.example", "*.example", ["a.example"]),
        ("*/*", "*", ["*"]),
        ("./a.example", "a.example", ["a.example"]),
        ("other/a.example", "a.example", None),
        ("b.example", "a.example", None),
        ("*", "web", ["web.shop.svc.cluster.local"]),
    ],
)
def test_hosts_are_those_that_both_have(of_server: str, of_service: str, common: list[str] | None) -> None:
    found = configuration(
        gateway(server(hosts=(of_server,))), virtual_service({"route": [to("a")]}, hosts=(of_service,))
    )
    assert domains(found) == ([common] if common else [])


def test_gateways_that_are_no_list_do_not_hide_that_there_is_none() -> None:
    with pytest.raises(GatewayFaults, match="holds no Gateway"):
        warnings(bound_as("a", gateways=1.5))


def test_a_host_of_no_server_is_warned_of() -> None:
    documents = gateway(server(hosts=("a.example",))), virtual_service({"route": [to("a")]}, hosts=("b.example",))
    assert ["'b.example' is a host of no server" in line for line in warnings(*documents)] == [True]


def test_the_first_rule_wins_and_a_rule_for_everything_comes_last() -> None:
    everything, part = {"route": [to("all")]}, {"match": [{"uri": {"exact": "/a"}}], "route": [to("a")]}
    first, last = virtual_service(everything, name="x"), virtual_service(part)
    found = routes(configuration(gateway(), first, last))
    assert [each["match"] for each in found] == [{"path": "/a"}, {"prefix": "/"}]


def test_a_rule_behind_one_for_everything_is_warned_of() -> None:
    (line,) = warnings(gateway(), virtual_service({"route": [to("a")]}, {"route": [to("b")]}))
    assert "http[0] matches every request" in line


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"gateways": ["mesh"]},
        {"port": 8080},
        {"sourceLabels": {"app": "caller"}},
        {"sourceNamespace": "callers"},
    ],
)
def test_a_match_for_other_ports_gateways_and_callers_does_not_count(elsewhere: JsonObject) -> None:
    inner = {"match": [elsewhere], "route": [{"destination": {"host": "b", "subset": "v1"}}]}
    (route,) = routes(configuration(gateway(), virtual_service(inner, {"route": [to("a")]})))
    assert route["route"]["cluster"] == "outbound|80||a.shop.svc.cluster.local"


def test_a_match_for_the_gateway_s_own_labels_and_namespace_counts() -> None:
    own = {"sourceLabels": {"app": "edge"}, "sourceNamespace": "shop", "gateways": ["edge"], "port": 80}
    assert len(routes(configuration(gateway(), virtual_service({"match": [own], "route": [to("a")]})))) == 1


def test_a_plain_server_that_redirects_does_so_for_hosts_without_a_route_too() -> None:
    found = configuration(gateway(server(hosts=("a.example",), tls={"httpsRedirect": True})))
    (host,) = next(managers(found))["route_config"]["virtual_hosts"]
    assert (host["domains"], host["require_tls"]) == (["a.example"], "ALL")


def delegating(match: list[JsonObject], *rules: JsonObject, **spec: Any) -> list[JsonObject]:
    root = virtual_service({"match": match, "delegate": {"name": "leaf", "namespace": "team"}})
    return [gateway(), root, document("VirtualService", "leaf", {"http": list(rules), **spec}, "team")]


def paths(documents: list[JsonObject]) -> list[JsonObject]:
    hosts = [
        host for manager in managers(configuration(*documents)) for host in manager["route_config"]["virtual_hosts"]
    ]
    return [route["match"] for host in hosts for route in host["routes"]]


def test_a_delegate_s_short_names_are_those_of_its_namespace() -> None:
    (route,) = routes(configuration(*delegating([{"uri": {"prefix": "/a"}}], {"route": [to("b")]})))
    assert route["route"]["cluster"] == "outbound|80||b.team.svc.cluster.local"
    assert route["match"] == {"prefix": "/a"}


@pytest.mark.parametrize(
    ("root", "leaf", "found"),
    [
        ({"uri": {"prefix": "/a"}}, {"uri": {"exact": "/a/b"}}, [{"path": "/a/b"}]),
        ({"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}, []),
        ({"uri": {"exact": "/a"}}, {"uri": {"prefix": "/a"}}, []),
        ({"uri": {"regex": "/a.*"}}, {"uri": {"prefix": "/a"}}, []),
        (
            {"headers": {"x": {"exact": "1"}}},
            {"headers": {"y": {"exact": "2"}}},
            [
                {
                    "prefix": "/",
                    "headers": [
                        {"name": "x", "string_match": {"exact": "1"}},
                        {"name": "y", "string_match": {"exact": "2"}},
                    ],
                }
            ],
        ),
        ({"headers": {"x": {"exact": "1"}}}, {"headers": {"x": {"exact": "2"}}}, []),
        ({"port": 80}, {"port": 8080}, []),
        ({"gateways": ["edge"]}, {"uri": {"prefix": "/b"}}, [{"prefix": "/b"}]),
    ],
)
def test_a_delegate_s_match_has_to_be_within_the_root_s(
    root: JsonObject, leaf: JsonObject, found: list[JsonObject]
) -> None:
    documents = delegating([root], {"match": [leaf], "route": [to("b")]})
    assert paths(documents) == found
    assert [line for line in warnings(*documents) if "matches nothing that" in line] or found


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (delegating([], {"delegate": {"name": "x"}}), "cannot be set in a delegate"),
        (delegating([], {"route": [to("b")]})[:2], 'VirtualService "team/leaf" is not among the documents'),
        (delegating([], {"route": [to("b")]}, hosts=["b.example"]), "has hosts"),
        (delegating([], {"route": [to("b")]}, exportTo=["."]), "is not exported to namespace shop"),
        (delegating([], {"rout": []}), "did you mean 'route'"),
    ],
)
def test_a_delegation_that_leads_nowhere_is_refused(documents: list[JsonObject], message: str) -> None:
    assert message in faults(*documents)


def test_a_delegate_that_nobody_uses_is_warned_of() -> None:
    alone = document("VirtualService", "leaf", {"http": [{"route": [to("b")]}]})
    assert "nothing delegates to it" in warnings(gateway(), virtual_service({"route": [to("a")]}), alone)[0]
