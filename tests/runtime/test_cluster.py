"""A server's cluster put together: followed, its certificates kept, authors told, and left in good order."""

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from certs.model import Settings
from injector.core.model import EMPTY_SNAPSHOT
from injector.core.setup import Setup
from injector.runtime import cluster as room
from injector.runtime.cluster import ClusterSide
from injector.runtime.errors import InputError
from injector.runtime.options import ClusterOptions
from injector.server.app import readiness
from injector.server.handler import answer
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import kubeconfig
from tests.server.handshakes import certificate_shown
from tests.support import REPOSITORY, default_setup, pod_of, review_of, setup_of
from tests.waiting import wait_until

KEPT_AT, LEASE = "/api/v1/namespaces/mesh/secrets/certificates", "/apis/coordination.k8s.io/v1/namespaces/mesh/leases/l"
PATHS = ("/api/v1/namespaces", "/api/v1/nodes", "/apis/networking.istio.io/v1beta1/proxyconfigs")
EVENTS = "/api/v1/namespaces/shop/events"
SETTINGS = Settings(names=("localhost",))
OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-6f", "uid": "u", "controller": True}


class Side:
    """The cluster side of a server that has nothing else."""

    def __init__(
        self, file: Path, keeper: Keeper, *, events: bool = True, setup: Setup | None = None, **options: Any
    ) -> None:
        self.keeper, self.log = keeper, io.BytesIO()
        self.telemetry = Telemetry(self.log)
        self.service = Service(State(setup or default_setup(), EMPTY_SNAPSHOT))
        chosen = ClusterOptions(file, None, "mesh", (), "l", events, **options)
        self.side = ClusterSide(chosen, self.service, self.telemetry)

    def details(self) -> dict[str, Any]:
        return {name: tell() for name, tell in self.service.details.items()}

    def review(self, **fields: Any) -> None:
        """Answer a review of a pod that cannot have a sidecar, as the server does."""
        pod = pod_of(hostNetwork=True)
        pod["metadata"]["ownerReferences"] = [OWNER]
        body = review_of(pod, **{"namespace": "shop", **fields})
        self.telemetry.record(answer(body, "/inject", self.service.state), 0.0)

    def lines(self, event: str) -> list[Any]:
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if line["event"] == event]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Side]]:
    """Follows a cluster in which the namespace `shop` opted in."""
    with keeping() as (server, keeper):
        metadata = {"name": "shop", "labels": {"istio-injection": "enabled"}}
        keeper.put("/api/v1/namespaces/shop", {"metadata": metadata})
        started: list[Side] = []

        def make(refusing: dict[str, int] | None = None, **options: Any) -> Side:
            keeper.refusing.update(refusing or {})
            started.append(Side(kubeconfig(tmp_path, server.url), keeper, **options))
            return started[-1]

        yield make
        for each in started:
            each.side.stop()


def test_the_cluster_is_known_before_anything_is_served(start: Callable[..., Side]) -> None:
    followed = start()
    assert set(followed.service.state.snapshot.namespaces) == {"shop"}
    told = followed.details()["cluster"]
    assert (told["known"], told["connected"], told["age_seconds"], told["error"]) == (True, True, 0.0, "")
    assert {name: each["objects"] for name, each in told["resources"].items()} == {
        "namespaces": 1,
        "nodes": 0,
        "proxyconfigs": 0,
    }


def test_certificates_are_made_kept_and_told(start: Callable[..., Side]) -> None:
    followed = start()
    certificate = followed.side.keep_certificates("certificates", SETTINGS, competes=True)
    assert KEPT_AT in followed.keeper.objects
    assert certificate_shown(certificate.context).startswith(b"-----BEGIN CERTIFICATE-----")
    wait_until(lambda: followed.details()["certificates"]["holder"] is True)


def test_on_its_way_out_it_leaves_the_lease(start: Callable[..., Side]) -> None:
    followed = start()
    followed.side.keep_certificates("certificates", SETTINGS, competes=True)
    wait_until(lambda: followed.details()["certificates"]["holder"] is True)
    followed.side.stop()
    assert followed.keeper.objects[LEASE]["spec"]["holderIdentity"] == ""


def test_an_api_server_that_fails_at_first_is_waited_for(
    start: Callable[..., Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_RETRY_SECONDS", 0.01)
    followed = start()
    followed.keeper.refusing[KEPT_AT] = 500
    tries = len(followed.keeper.asked("GET"))

    def recover() -> None:
        if len(followed.keeper.asked("GET")) > tries + 2:
            followed.keeper.refusing.clear()
        else:
            followed.keeper.before("GET", recover)

    followed.keeper.before("GET", recover)
    followed.side.keep_certificates("certificates", SETTINGS, competes=True)
    assert KEPT_AT in followed.keeper.objects


def test_one_that_goes_on_failing_ends_the_start_with_its_reason(
    start: Callable[..., Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_START_SECONDS", 0.0)
    followed = start()
    followed.keeper.refusing[KEPT_AT] = 403
    with pytest.raises(InputError, match="Secret mesh/certificates: cannot be read: 403"):
        followed.side.keep_certificates("certificates", SETTINGS, competes=True)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start waits no moment before it serves."""
    monkeypatch.setattr(room, "_FIRST_READ_SECONDS", 0.0)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("path", ["namespaces", "nodes", "proxyconfigs"])
def test_reviews_wait_for_all_that_decisions_need(start: Callable[..., Side], path: str) -> None:
    refusing = {url: 403 for url in PATHS if url.endswith(path)}
    followed = start(refusing)
    assert followed.lines("waiting for the cluster")
    wait_until(lambda: f"{path}: " in followed.service.waiting and "403" in followed.service.waiting)
    wait_until(
        lambda: len([each for each in followed.details()["cluster"]["resources"].values() if each["known"]]) == 2
    )
    followed.keeper.refusing.clear()
    wait_until(lambda: not followed.service.waiting)
    assert set(followed.service.state.snapshot.namespaces) == {"shop"}
    wait_until(lambda: bool(followed.lines("cluster known")))


@pytest.mark.usefixtures("hurried")
def test_nodes_are_not_waited_for_where_nobody_asks_them(start: Callable[..., Side], tmp_path: Path) -> None:
    followed = start({"/api/v1/nodes": 403}, setup=setup_of(tmp_path, "nativeSidecars: enabled"))
    wait_until(lambda: not followed.service.waiting)


@pytest.mark.usefixtures("hurried")
def test_a_cluster_not_known_in_time_is_waited_for_further(start: Callable[..., Side]) -> None:
    followed = start({"GET": 503}, wait_seconds=0.0)
    wait_until(lambda: bool(followed.lines("cluster not known in time")))
    assert followed.lines("cluster not known in time")[0]["then"] == "refuse"
    assert followed.service.waiting
    followed.keeper.refusing.clear()
    wait_until(lambda: not followed.service.waiting)


@pytest.mark.usefixtures("hurried")
def test_a_cluster_not_known_in_time_is_done_without_where_chosen(start: Callable[..., Side]) -> None:
    followed = start({"GET": 503}, wait_seconds=0.0, serves_unknown=True)
    wait_until(lambda: not followed.service.waiting)
    assert followed.service.state.snapshot == EMPTY_SNAPSHOT
    followed.keeper.refusing.clear()
    wait_until(lambda: set(followed.service.state.snapshot.namespaces) == {"shop"})


@pytest.mark.usefixtures("hurried")
def test_what_was_known_once_is_not_waited_for_again(start: Callable[..., Side]) -> None:
    followed = start()
    wait_until(lambda: not followed.service.waiting)
    followed.keeper.refusing["GET"] = 503
    followed.keeper.interrupt()
    wait_until(lambda: len(followed.lines("cluster lost")) == 3)
    assert not followed.service.waiting


def test_a_loss_and_its_end_are_logged(start: Callable[..., Side]) -> None:
    followed = start()
    followed.keeper.refusing["/api/v1/nodes"] = 403
    followed.keeper.interrupt()
    wait_until(lambda: bool(followed.lines("cluster lost")))
    followed.keeper.refusing.clear()
    wait_until(lambda: bool(followed.lines("cluster regained")))
    (lost,), (regained,) = followed.lines("cluster lost"), followed.lines("cluster regained")
    assert (lost["resource"], lost["level"]) == ("nodes", "warning")
    assert "403" in lost["message"]
    assert regained["resource"] == "nodes"


def test_authors_are_told_of_what_was_answered_and_not_of_dry_runs(start: Callable[..., Side]) -> None:
    followed = start()
    followed.review(dryRun=True)
    followed.review()
    wait_until(lambda: bool(followed.keeper.asked("POST")))
    (told,) = followed.keeper.asked("POST")
    assert (told.path, told.body["reason"], told.body["involvedObject"]["name"]) == (EVENTS, "HostNetwork", "shop-6f")


def test_nobody_is_told_where_events_are_not_wanted(start: Callable[..., Side]) -> None:
    followed = start(events=False)
    followed.review()
    assert (followed.telemetry.observers, followed.keeper.asked("POST")) == ([], [])


def test_a_kubeconfig_that_is_none_is_told(tmp_path: Path) -> None:
    with keeping() as (_, keeper), pytest.raises(InputError, match="missing"):
        Side(tmp_path / "missing", keeper)


def test_faults_are_written_as_events(start: Callable[..., Side]) -> None:
    followed = start(report_to=("deployment/injector",))
    followed.service.state = replace(followed.service.state, fault="config.yaml:1: broken")

    async def told() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(followed.side.tell_of_faults(), 0.5)

    asyncio.run(told())
    wait_until(lambda: bool(followed.keeper.asked("POST")))
    (written,) = followed.keeper.asked("POST")
    assert (written.path, written.body["type"]) == ("/api/v1/namespaces/mesh/events", "Warning")
    assert (written.body["reason"], written.body["message"]) == ("ConfigurationRefused", "config.yaml:1: broken")
    assert written.body["involvedObject"]["name"] == "injector"


def test_the_page_explains_every_field_of_readiness(start: Callable[..., Side]) -> None:
    followed = start()
    followed.side.keep_certificates("certificates", SETTINGS, competes=True)
    page = (REPOSITORY / "docs" / "availability.md").read_text(encoding="utf-8").split("## What /readyz says")[1]
    explained = set(re.findall(r"`[\w….]*?(\w+)`", page))
    details = readiness(followed.service)
    fields = {*details, *details["cluster"], *details["cluster"]["resources"]["nodes"], *details["certificates"]}
    assert fields - {"resources", "registrations"} <= explained
