"""What a diagnosis reads: registrations that call an injector, namespaces, and the endpoints of what is called."""

from collections.abc import Iterator
from typing import Any

import pytest

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.survey import survey
from tests.cluster.keeping import Keeper, keeping

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
