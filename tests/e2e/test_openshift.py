"""OpenShift: a namespace's own ranges of users and groups, read from its annotations, end up in its pods."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from injector.core.platform import GROUP_RANGES, USER_RANGE
from tests.e2e.cluster import Cluster, wait_until
from tests.e2e.injecting import CONFIGURATION, NAMESPACE, Injector, injectors, registration
from tests.ports import free_port
from tests.support import container_of

pytestmark = pytest.mark.e2e

RANGES = {USER_RANGE: "1000620000/10000", GROUP_RANGES: "1000700000/10000,5/10"}
USER, GROUP = 1000629999, 1000709999
APP = {"name": "app", "image": "app"}


def namespace(name: str, annotations: dict[str, str], **labels: str) -> Any:
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


@pytest.fixture(scope="module")
def injector(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Injector]:
    """An injector for OpenShift, registered."""
    port = free_port()
    cluster.apply(
        namespace(NAMESPACE, {}),
        namespace("ranged", RANGES, **{"istio-injection": "enabled"}),
        namespace("unranged", {}, **{"istio-injection": "enabled"}),
        registration(port),
    )
    arguments = ("--set", "platform=openshift")
    with injectors(cluster, tmp_path_factory.mktemp("openshift"), port, arguments=arguments) as started:
        wait_until(lambda: "istio-proxy" in created(cluster, "unranged"), "nothing is injected")
        yield started[0]
    cluster.kubectl("delete", "mutatingwebhookconfiguration", CONFIGURATION, check=False)


def created(cluster: Cluster, where: str, *containers: Any) -> str:
    """What the API server makes of a pod there, without keeping it."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ids", "namespace": where},
        "spec": {"serviceAccountName": "default", "containers": containers or [APP]},
    }
    return cluster.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", given=json.dumps(pod), check=False)


def ids(text: str) -> tuple[int, int]:
    """The proxy's user and group."""
    context = container_of(json.loads(text), "istio-proxy")["securityContext"]
    return context["runAsUser"], context["runAsGroup"]


@pytest.mark.usefixtures("injector")
def test_the_proxy_runs_as_the_end_of_the_namespace_s_ranges_and_is_not_captured_itself(cluster: Cluster) -> None:
    text = created(cluster, "ranged")
    assert ids(text) == (USER, GROUP)
    arguments = container_of(json.loads(text), "istio-init")["args"]
    assert arguments[arguments.index("-u") + 1] == str(USER)
    assert ids(created(cluster, "unranged")) == (1337, 1337)


@pytest.mark.usefixtures("injector")
def test_a_user_that_the_platform_gave_to_every_container_is_not_the_proxy_s(cluster: Cluster) -> None:
    """OpenShift's own admission fills in the first user of the range; the webhook is then called again."""
    given = {"securityContext": {"runAsUser": 1000620000, "runAsGroup": 1000700000}}
    proxy = {"name": "istio-proxy", "image": "auto", **given}
    assert ids(created(cluster, "ranged", {**APP, **given}, proxy)) == (USER, GROUP)
    other = {**APP, "securityContext": {"runAsUser": 1000620001}}
    assert ids(created(cluster, "ranged", other, proxy)) == (1000620000, 1000700000)


@pytest.mark.usefixtures("injector")
def test_another_range_is_seen_as_soon_as_the_namespace_has_it(cluster: Cluster) -> None:
    cluster.apply(namespace("moving", RANGES, **{"istio-injection": "enabled"}))
    wait_until(lambda: ids(created(cluster, "moving")) == (USER, GROUP), "the namespace's ranges are not seen")
    cluster.kubectl(
        "annotate", "namespace", "moving", "--overwrite", f"{USER_RANGE}=100/100", f"{GROUP_RANGES}=300/100"
    )
    wait_until(lambda: ids(created(cluster, "moving")) == (199, 399), "the new ranges are not seen")
