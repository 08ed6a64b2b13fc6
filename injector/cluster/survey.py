"""Reading what a diagnosis needs."""

from collections.abc import Collection

from injector.cluster.api import ApiServer, ClusterError
from injector.cluster.bundles import own_entries
from injector.cluster.diagnosis import Surroundings, services_of
from injector.cluster.resources import ENDPOINT_SLICES, NAMESPACES, SERVICES, WEBHOOK_CONFIGURATIONS
from injector.core.model import JsonObject

_SERVICE_LABEL = "kubernetes.io/service-name"


def survey(server: ApiServer, names: Collection[str] = ()) -> Surroundings:
    """What there is now. `names` are the webhook configurations to look at; without any, all that call an injector.

    Raises ClusterError where something cannot be read.
    """
    listed = server.items(WEBHOOK_CONFIGURATIONS)
    chosen = tuple(each for each in listed if own_entries(each) and (not names or each["metadata"]["name"] in names))
    return Surroundings(
        configurations=chosen,
        namespaces=tuple(server.items(NAMESPACES)),
        endpoints={
            f"{namespace}/{name}": _ready_endpoints(server, namespace, name) for namespace, name in services_of(chosen)
        },
    )


def _ready_endpoints(server: ApiServer, namespace: str, name: str) -> int | None:
    try:
        server.get(SERVICES, name, namespace)
    except ClusterError as error:
        if error.is_missing:
            return None
        raise
    slices = server.items(ENDPOINT_SLICES, namespace, labelSelector=f"{_SERVICE_LABEL}={name}")
    return sum(_is_ready(endpoint) for each in slices for endpoint in each.get("endpoints") or ())


def _is_ready(endpoint: JsonObject) -> bool:
    """Whether it takes requests; unknown counts as ready.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
    """
    return (endpoint.get("conditions") or {}).get("ready") is not False
