"""An API server that fails in every way, for each kind of object: pods are decided and rendered as before."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.cli.serving import Server
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import Reply, kubeconfig
from tests.support import pod_of, review_of
from tests.waiting import wait_until

PATHS = {
    "namespaces": "/api/v1/namespaces",
    "nodes": "/api/v1/nodes",
    "proxyconfigs": "/apis/networking.istio.io/v1beta1/proxyconfigs",
}
BUSY = {"Retry-After": "1"}
FAILURES: dict[str, Callable[[], int | Reply]] = {
    "401": lambda: 401,
    "403": lambda: 403,
    "404": lambda: 404,
    "410": lambda: 410,
    "429": lambda: Reply(429, [{"code": 429}], BUSY),
    "500": lambda: 500,
    "503": lambda: Reply(503, [b"no route to the API server"], BUSY),
    "a proxy's page": lambda: Reply(200, [b"<html>\n"]),
    "another object": lambda: Reply(200, [{"kind": "Status", "metadata": {}, "status": "Success"}]),
    "cut off": lambda: Reply(
        200, [{"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "x"}}]}], cut=True
    ),
    "no objects": lambda: Reply(200, [{"metadata": {"resourceVersion": "9"}, "items": []}]),
}


class Followed:
    """A server that follows a cluster with a namespace, nodes and ProxyConfigs that all show in its answers."""

    def __init__(self, keeper: Keeper, server: Server, client: httpx.Client) -> None:
        self.keeper, self.server, self._client = keeper, server, client

    def answer(self) -> Any:
        """What is made of a pod of the namespace `shop`."""
        body = review_of(pod_of(), namespace="shop")
        response = self._client.post("/inject", content=body, headers={"Content-Type": "application/json"}).json()
        patch = response["response"].get("patch")
        return None if patch is None else json.loads(base64.b64decode(patch))

    def status(self, resource: str) -> Any:
        readiness = self._client.get("/readyz")
        assert readiness.status_code == 200
        return readiness.json()["cluster"]["resources"][resource]

    def metric(self, resource: str) -> float:
        line = f'sidecar_injector_cluster_connected{{resource="{resource}"}} '
        (found,) = (each for each in self._client.get("/metrics").text.splitlines() if each.startswith(line))
        return float(found.removeprefix(line))

    def change(self, resource: str, *, original: bool) -> None:
        """Change what decides, or put it back: the namespace's label, a node's version, a ProxyConfig's variable."""
        documents: dict[str, Any] = {
            "namespaces": {"labels": {"istio-injection": "enabled" if original else "disabled"}},
            "nodes": {"nodeInfo": {"kubeletVersion": "v1.33.0" if original else "v1.20.0"}},
            "proxyconfigs": {"environmentVariables": {"FROM_RESOURCE": "yes" if original else "no"}},
        }
        metadata = {"name": "shop", **({"namespace": "shop"} if resource == "proxyconfigs" else {})}
        wrapped = {
            "namespaces": {"metadata": {**metadata, **documents["namespaces"]}},
            "nodes": {"metadata": metadata, "status": documents["nodes"]},
            "proxyconfigs": {"metadata": metadata, "spec": documents["proxyconfigs"]},
        }
        self.keeper.put(f"{PATHS[resource]}/shop", wrapped[resource])

    def until_regained(self, resource: str) -> None:
        self.keeper.refusing.clear()
        self.keeper.interrupt()
        wait_until(lambda: self.status(resource)["connected"])
        # The next failure meets a watch that has brought something, not one that begins.
        known, extra = self.status(resource)["objects"], f"{PATHS[resource]}/extra"
        # It decides nothing.
        metadata = {"name": "extra", **({"namespace": "elsewhere"} if resource == "proxyconfigs" else {})}
        self.keeper.put(extra, {"metadata": metadata, "status": {"nodeInfo": {"kubeletVersion": "v1.33.0"}}})
        wait_until(lambda: self.status(resource)["objects"] == known + 1)
        self.keeper.remove(extra)
        wait_until(lambda: self.status(resource)["objects"] == known)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """A real server, before a scripted API server."""
    directory = tmp_path_factory.mktemp("followed")
    with keeping() as (api, keeper):
        for number in range(4):
            keeper.put(f"{PATHS['namespaces']}/n{number}", {"metadata": {"name": f"n{number}"}})
            node = {"metadata": {"name": f"n{number}"}, "status": {"nodeInfo": {"kubeletVersion": "v1.33.0"}}}
            keeper.put(f"{PATHS['nodes']}/n{number}", node)
            other = {"metadata": {"name": f"n{number}", "namespace": f"n{number}"}, "spec": {}}
            keeper.put(f"{PATHS['proxyconfigs']}/n{number}", other)
        server = Server(directory, "--kubeconfig", str(kubeconfig(directory, api.url)), "--no-events")
        try:
            with server.client() as client:
                made = Followed(keeper, server, client)
                for resource in PATHS:
                    made.change(resource, original=True)
                wait_until(lambda: "FROM_RESOURCE" in str(made.answer()))
                yield made
        finally:
            server.process.kill()
            server.process.wait()


@pytest.mark.parametrize("resource", PATHS)
def test_each_resource_shows_in_the_answer(followed: Followed, resource: str) -> None:
    """Otherwise the drill below would prove nothing."""
    before = followed.answer()
    followed.change(resource, original=False)
    wait_until(lambda: followed.answer() != before)
    followed.change(resource, original=True)
    wait_until(lambda: followed.answer() == before)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("resource", PATHS)
def test_pods_are_treated_as_before(followed: Followed, resource: str, failure: str) -> None:
    before, others = followed.answer(), [each for each in PATHS if each != resource]
    for refusing in ({"?watch": FAILURES[failure]()}, {"?watch": 410, "": FAILURES[failure]()}):
        followed.keeper.refusing.update({f"{PATHS[resource]}{kind}": reply for kind, reply in refusing.items()})
        followed.keeper.interrupt()
        wait_until(lambda: not followed.status(resource)["connected"])
        assert followed.answer() == before
        wait_until(lambda: followed.metric(resource) == 0)
        assert [followed.status(other)["connected"] for other in others] == [True, True]
        assert followed.answer() == before
        followed.until_regained(resource)
        assert followed.answer() == before
        assert followed.metric(resource) == 1


def test_the_others_are_followed_meanwhile(followed: Followed) -> None:
    before = followed.answer()
    followed.keeper.refusing[PATHS["nodes"]] = 403
    followed.keeper.interrupt()
    wait_until(lambda: not followed.status("nodes")["connected"])
    followed.change("namespaces", original=False)
    wait_until(lambda: followed.answer() is None)
    followed.change("namespaces", original=True)
    wait_until(lambda: followed.answer() == before)
    followed.until_regained("nodes")


def test_what_changed_meanwhile_counts_afterwards(followed: Followed) -> None:
    before = followed.answer()
    followed.keeper.refusing[PATHS["proxyconfigs"]] = 503
    followed.keeper.interrupt()
    wait_until(lambda: not followed.status("proxyconfigs")["connected"])
    followed.change("proxyconfigs", original=False)
    assert followed.answer() == before
    followed.until_regained("proxyconfigs")
    wait_until(lambda: followed.answer() != before)
    followed.change("proxyconfigs", original=True)
    wait_until(lambda: followed.answer() == before)
