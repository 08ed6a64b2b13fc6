"""What is wrong with the injector's place in a cluster, each with its words."""

from collections.abc import Iterator
from typing import Any

import pytest

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.diagnosis import Surroundings, diagnose, services_of, survey
from injector.core.model import JsonObject
from injector.core.selection import selection_rules
from tests.cluster.keeping import Keeper, keeping

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


def told(*configurations: JsonObject, **found: Any) -> list[str]:
    surroundings = Surroundings(configurations, **found)
    return [f"{each.subject}: {each.message}" for each in diagnose(surroundings, TABLE, ("default",))]


def test_a_registration_as_the_chart_renders_it_is_no_finding() -> None:
    assert told(registration(), namespaces=(namespace(istio_injection="enabled"), namespace(rev="default"))) == []
    assert told(registration(), endpoints={"mesh/injector": 2}) == []


def test_without_a_registration_nothing_is_injected() -> None:
    assert told() == ["registration: no webhook configuration calls the injector: no pod is injected"]


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
    assert any(message in each for each in told(registration(**changed)))


@pytest.mark.parametrize(
    ("ready", "message"),
    [(None, "it does not exist"), (0, "no endpoint is ready: pods that opted in cannot be created")],
)
def test_a_service_that_nobody_answers_for_is_told(ready: int | None, message: str) -> None:
    (found,) = told(registration(), endpoints={"mesh/injector": ready})
    assert found.startswith("Service mesh/injector: ")
    assert message in found


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"istio_injection": "yes"}, "istio-injection=yes injects nothing; valid: enabled, disabled"),
        ({"rev": "canary"}, "istio.io/rev=canary names a revision that is not served; valid: default"),
        ({"rev": "default", "istio_injection": "enabled"}, "istio.io/rev=default has no effect beside istio-injection"),
    ],
)
def test_labels_of_a_namespace_that_do_not_do_what_they_seem_to_are_told(labels: dict[str, str], message: str) -> None:
    (found,) = told(registration(), namespaces=(namespace(**labels),))
    assert found.startswith("Namespace shop: label ")
    assert message in found


def test_the_services_are_those_that_own_entries_call() -> None:
    foreign = {"metadata": {"name": "x"}, "webhooks": [{"name": "x.example", "clientConfig": {"service": SERVICE}}]}
    assert list(services_of([registration(), foreign])) == [("mesh", "injector")]
    assert list(services_of([foreign])) == []


# What a diagnosis reads: registrations that call an injector, namespaces, and the endpoints of what is called.

REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
SERVICES, SLICES = "/api/v1/namespaces/mesh/services", "/apis/discovery.k8s.io/v1/namespaces/mesh/endpointslices"


def registered(name: str, entry: str = "a.sidecar-injector.istio.io", service: str = "injector") -> Any:
    client = {"service": {"namespace": "mesh", "name": service}}
    return {"metadata": {"name": name}, "webhooks": [{"name": entry, "clientConfig": client}]}


def endpoints(service: str, *ready: bool | None) -> Any:
    found = [{"conditions": {} if each is None else {"ready": each}} for each in ready]
    return {"metadata": {"name": "s", "labels": {"kubernetes.io/service-name": service}}, "endpoints": found}


@pytest.fixture
def cluster() -> Iterator[tuple[ApiServer, Keeper]]:
    """An injector that is registered, and another webhook."""
    with keeping() as (server, keeper):
        keeper.put(f"{REGISTRATIONS}/ours", registered("ours"))
        keeper.put(f"{REGISTRATIONS}/theirs", registered("theirs", entry="policy.example", service="policy"))
        yield server, keeper


def names(found: tuple[Any, ...]) -> list[str]:
    return [each["metadata"]["name"] for each in found]


def test_only_what_calls_an_injector_is_looked_at(cluster: tuple[ApiServer, Keeper]) -> None:
    server, keeper = cluster
    keeper.put("/api/v1/namespaces/shop", {"metadata": {"name": "shop"}})
    keeper.put(f"{REGISTRATIONS}/canary", registered("canary", service="canary"))
    found = survey(server)
    assert (names(found.configurations), names(found.namespaces)) == (["ours", "canary"], ["shop"])
    assert found.endpoints == {"mesh/injector": None, "mesh/canary": None}
    assert names(survey(server, ["canary", "theirs"]).configurations) == ["canary"]


def test_endpoints_are_counted_that_are_ready_or_do_not_say(cluster: tuple[ApiServer, Keeper]) -> None:
    server, keeper = cluster
    keeper.put(f"{SERVICES}/injector", {"metadata": {"name": "injector"}})
    assert survey(server).endpoints == {"mesh/injector": 0}
    keeper.put(f"{SLICES}/a", endpoints("injector", True, False, None))
    keeper.put(f"{SLICES}/b", endpoints("another", True))
    assert survey(server).endpoints == {"mesh/injector": 2}


def test_what_cannot_be_read_is_told(cluster: tuple[ApiServer, Keeper]) -> None:
    server, keeper = cluster
    keeper.refusing[f"{SERVICES}/injector"] = 403
    with pytest.raises(ClusterError, match="services/injector: refused with 403"):
        survey(server)
