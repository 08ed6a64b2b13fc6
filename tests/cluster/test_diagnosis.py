"""What is wrong with the injector's place in a cluster, each with its words."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.diagnosis import (
    endpoint_finding,
    namespace_findings,
    ready_endpoints,
    registration_findings,
    services_of,
)
from injector.cluster.findings import Finding
from injector.core.model import JsonObject
from injector.core.selection import selection_rules
from tests.cluster.keeping import Keeper, keeping
from tests.support import default_setup

TABLE = selection_rules("default", (), namespaces_by_default=False)
SERVICE = {"namespace": "mesh", "name": "injector"}


def registration(**changed: Any) -> JsonObject:
    """A configuration as the chart renders it: further namespaces are left out, the CA bundle is there."""
    left_out = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["mesh"]}
    entries = [
        {
            "name": f"{rule.name}.sidecar-injector.istio.io",
            "rules": [{"operations": ["CREATE"]}],
            "namespaceSelector": {"matchExpressions": [*rule.namespace.as_json()["matchExpressions"], left_out]},
            "objectSelector": rule.pod.as_json(),
            "clientConfig": {"service": SERVICE, "caBundle": "eA=="},
        }
        for rule in TABLE
    ]
    entries[0] |= changed
    return {"metadata": {"name": "injector"}, "webhooks": entries}


def namespace(**labels: str) -> JsonObject:
    named = {key.replace("_", "-").replace("rev", "istio.io/rev"): value for key, value in labels.items()}
    return {"metadata": {"name": "shop", "labels": named}}


def lines(found: Iterable[Finding]) -> list[str]:
    return [f"{each.subject}: {each.message}" for each in found]


def of_registration(*configurations: Any) -> list[str]:
    return lines(registration_findings(configurations, TABLE))


def of_namespace(found: JsonObject, *others: Any) -> list[str]:
    return lines(namespace_findings([found], default_setup(), [registration()], others))


def test_a_registration_as_the_chart_renders_it_is_no_finding() -> None:
    assert of_registration(registration()) == []
    assert of_namespace(namespace(istio_injection="enabled")) == []
    assert of_namespace(namespace(rev="default")) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clientConfig": {"service": SERVICE}}, "it has no CA bundle: every call fails"),
        ({"rules": [{"operations": ["CREATE", "UPDATE"]}]}, "it is called for CREATE, UPDATE; valid: CREATE only"),
        ({"objectSelector": {}}, "its selectors are no row of the opt-in table"),
        ({"objectSelector": {}}, "no entry calls the injector where the namespace's label istio.io/rev=default"),
    ],
)
def test_an_entry_that_is_not_as_it_should_be_is_told(changed: JsonObject, message: str) -> None:
    assert any(message in each for each in of_registration(registration(**changed)))


@pytest.mark.parametrize(
    ("ready", "message"),
    [
        (None, "it does not exist"),
        (0, "no endpoint is ready: pods that opted in cannot be created"),
        (2, "2 endpoints are ready"),
    ],
)
def test_the_endpoints_of_a_service_are_judged(ready: int | None, message: str) -> None:
    found = endpoint_finding("mesh/injector", ready)
    assert found.subject == "Service mesh/injector"
    assert message in found.message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"istio_injection": "yes"}, "istio-injection=yes injects nothing; valid: enabled, disabled"),
        ({"rev": "canary"}, "istio.io/rev=canary names a revision that is not served; valid: default"),
        ({"rev": "default", "istio_injection": "enabled"}, "istio.io/rev=default has no effect beside istio-injection"),
    ],
)
def test_labels_of_a_namespace_that_do_not_do_what_they_seem_to_are_told(labels: dict[str, str], message: str) -> None:
    (found,) = of_namespace(namespace(**labels))
    assert found.startswith("Namespace shop: label ")
    assert message in found


def test_a_namespace_that_another_injector_serves_is_not_judged() -> None:
    entry = {"name": "rev.sidecar-injector.istio.io", "namespaceSelector": {"matchLabels": {"istio.io/rev": "canary"}}}
    other = {"metadata": {"name": "other"}, "webhooks": [entry]}
    assert of_namespace(namespace(rev="canary"), other) == []


def test_a_label_that_the_configuration_ignores_is_told() -> None:
    ignored = {"metadata": {"name": "kube-system", "labels": {"istio-injection": "enabled"}}}
    (found,) = of_namespace(ignored)
    assert found.startswith("Namespace kube-system: is labelled for injection, and its pods are not injected")


def test_a_namespace_that_should_be_injected_and_is_not_selected_is_told() -> None:
    opted_in = namespace(istio_injection="enabled")
    (found,) = lines(namespace_findings([opted_in], default_setup(), [], ()))
    assert "no entry of the registration selects it" in found


def test_pods_that_are_sent_in_vain_are_told() -> None:
    everything = registration(namespaceSelector={}, objectSelector={})
    (found,) = namespace_findings([namespace()], default_setup(), [everything], ())
    assert (found.severity, "which skips them" in found.message) == ("warning", True)


def test_the_services_are_those_that_own_entries_call() -> None:
    foreign = {"metadata": {"name": "x"}, "webhooks": [{"name": "x.example", "clientConfig": {"service": SERVICE}}]}
    assert list(services_of([registration(), foreign])) == [("mesh", "injector")]
    assert list(services_of([foreign])) == []


# Endpoints of the Service that is called.

SERVICES, SLICES = "/api/v1/namespaces/mesh/services", "/apis/discovery.k8s.io/v1/namespaces/mesh/endpointslices"


def endpoints(service: str, *ready: bool | None) -> Any:
    found = [{"conditions": {} if each is None else {"ready": each}} for each in ready]
    return {"metadata": {"name": "s", "labels": {"kubernetes.io/service-name": service}}, "endpoints": found}


@pytest.fixture
def cluster() -> Iterator[tuple[ApiServer, Keeper]]:
    """Nothing yet."""
    with keeping() as (server, keeper):
        yield server, keeper


def test_endpoints_are_counted_that_are_ready_or_do_not_say(cluster: tuple[ApiServer, Keeper]) -> None:
    server, keeper = cluster
    assert ready_endpoints(server, "mesh", "injector") is None
    keeper.put(f"{SERVICES}/injector", {"metadata": {"name": "injector"}})
    assert ready_endpoints(server, "mesh", "injector") == 0
    keeper.put(f"{SLICES}/a", endpoints("injector", True, False, None))
    keeper.put(f"{SLICES}/b", endpoints("another", True))
    assert ready_endpoints(server, "mesh", "injector") == 2


def test_endpoints_that_cannot_be_read_are_told(cluster: tuple[ApiServer, Keeper]) -> None:
    server, keeper = cluster
    keeper.refusing[f"{SERVICES}/injector"] = 403
    with pytest.raises(ClusterError, match="services/injector: refused with 403"):
        ready_endpoints(server, "mesh", "injector")
