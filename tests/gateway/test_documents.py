"""Which documents count for a gateway: others are left out with one line, and never validated."""

import pytest

from injector.core.model import JsonObject
from injector.gateway import GatewayFaults, Options, render
from tests.gateway.support import (
    configuration,
    document,
    faults,
    gateway,
    rendered,
    routes,
    service,
    text_of,
    to,
    virtual_service,
    warnings,
)

BOUND = virtual_service({"route": [to("a")]})


def test_a_virtual_service_for_the_mesh_is_left_out_unvalidated() -> None:
    mesh_only = document("VirtualService", "mesh", {"hosts": ["r"], "http": [{"rout": "what is this"}]})
    (line,) = warnings(gateway(), BOUND, mesh_only)
    assert 'VirtualService "shop/mesh": is left out' in line
    assert len(routes(configuration(gateway(), BOUND, mesh_only))) == 1


def test_the_same_mistake_in_one_that_is_bound_is_refused() -> None:
    assert "did you mean 'route'" in faults(gateway(), virtual_service({"rout": []}))


def test_a_gateway_of_other_pods_is_left_out() -> None:
    other = document("Gateway", "egress", {"selector": {"app": "egress"}, "servers": "nonsense"})
    (line,) = warnings(gateway(), other)
    assert "selects other pods than those rendered for (app=edge)" in line


def test_labels_choose_which_gateways_are_rendered() -> None:
    other = document("Gateway", "egress", {"selector": {"app": "egress"}, "servers": [{"port": 1}]})
    (line,) = warnings(other, gateway(), labels={"app": "edge", "tier": "front"})
    assert 'Gateway "shop/egress": is left out' in line


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        ("Sidecar", "networking"),
        ("PeerAuthentication", "security"),
        ("Telemetry", "telemetry"),
        ("Other", "networking"),
        ("ServiceRole", "rbac"),
    ],
)
def test_kinds_that_say_nothing_about_a_gateway_are_left_out_with_a_reason(kind: str, group: str) -> None:
    found = {**document(kind, "x", {}), "apiVersion": f"{group}.istio.io/v1"}
    (line,) = warnings(gateway(), BOUND, found)
    assert f"{kind} is left out: " in line


def envoy_filter(context: str, **labels: str) -> JsonObject:
    patches = [{"applyTo": "HTTP_FILTER", "match": {"context": context}, "patch": {}}]
    return document("EnvoyFilter", "patch", {"workloadSelector": {"labels": labels}, "configPatches": patches})


def test_a_patch_of_the_gateway_is_refused_and_one_of_sidecars_left_out() -> None:
    assert "is not supported: it patches" in faults(gateway(), envoy_filter("GATEWAY", app="edge"))
    assert "is left out" in warnings(gateway(), envoy_filter("SIDECAR_INBOUND", app="edge"))[0]
    assert "is left out" in warnings(gateway(), envoy_filter("GATEWAY", app="other"))[0]


def test_kubernetes_own_objects_and_unknown_groups_are_passed_over() -> None:
    others = [service("a"), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]
    assert warnings(gateway(), BOUND, *others, {"apiVersion": "x.example/v1", "kind": "Gateway"}) == []


def test_items_of_a_list_count_as_documents() -> None:
    found = configuration({"apiVersion": "v1", "kind": "List", "items": [gateway(), BOUND]})
    assert len(routes(found)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "input.yaml:2: not YAML"),
        ("- a list\n", "input.yaml:1: a document must be a mapping"),
        ("apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {}\n", "metadata.name: Gateway: is missing"),
        ("", "holds no Gateway of networking.istio.io"),
        (text_of(gateway(), gateway()), "is defined twice"),
        (
            text_of({**gateway(), "apiVersion": "networking.istio.io/v9"}),
            "'networking.istio.io/v9' is not supported",
        ),
    ],
)
def test_documents_that_cannot_be_read_are_refused(text: str, message: str) -> None:
    with pytest.raises(GatewayFaults) as caught:
        render([("input.yaml", text)], Options())
    assert message in str(caught.value)


def test_a_missing_namespace_is_the_one_of_the_options() -> None:
    bare = [{**each, "metadata": {"name": each["metadata"]["name"]}} for each in (gateway(), BOUND)]
    (route,) = routes(configuration(*bare, namespace="other"))
    assert route["route"]["cluster"] == "outbound|80||a.other.svc.cluster.local"


def test_nothing_is_warned_of_where_everything_has_an_effect() -> None:
    assert rendered(gateway(), BOUND).warnings == ()
