"""Thousands of reloads, every second one broken: the last good one is served throughout, in the same memory."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path

from injector.core.model import EMPTY_SNAPSHOT
from injector.runtime.errors import InputError
from injector.runtime.loading import checked_setup, read_configuration
from injector.server.handler import answer
from injector.server.state import Service, State
from tests.cli.serving import Server, Start
from tests.cluster.keeping import keeping
from tests.cluster.listening import kubeconfig
from tests.faults.load import BODY, JSON
from tests.thoroughness import IS_THOROUGH
from tests.waiting import wait_until

RELOADS = 10_000 if IS_THOROUGH else 2_000
GROWTH = RELOADS // 2  # blocks of memory: one for every second reload is that many
GOOD = ("defaultTemplates: [sidecar]", "defaultTemplates: [grpc-simple]")
BROKEN = ("defaultTemplates: [nope]", "policy: [", "\x00", "values: 1")


def templates(service: Service) -> tuple[str, ...]:
    admission = answer(BODY, "/inject", service.state).admission
    assert admission is not None
    return admission.templates


def test_reloads_in_process(tmp_path: Path) -> None:
    """Broken texts are loaded as the command does; good ones were, once each: half a second is spent on trying them."""
    file = tmp_path / "config.yaml"

    def loaded(text: str) -> Callable[[], State]:
        file.write_text(text, encoding="utf-8")
        return lambda: State(checked_setup(read_configuration([file], [])), EMPTY_SNAPSHOT)

    service = Service(loaded(GOOD[0])())
    good = [loaded(text)() for text in GOOD]
    before = 0
    for number in range(RELOADS // 2):
        state = good[number % 2]
        assert service.reload(lambda: state, (InputError,)) == ""  # noqa: B023 -- called here
        assert service.reload(loaded(BROKEN[number % len(BROKEN)]), (InputError,))
        if number % 500 == 0:
            assert templates(service) == (("sidecar",), ("grpc-simple",))[number % 2]
            gc.collect()
            before = before or sys.getallocatedblocks()
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < GROWTH
    assert service.state.fault


def test_reloads_of_a_file_under_a_running_server(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD[0], encoding="utf-8")
    server = start("-c", str(file))
    with server.client() as client:

        def template() -> str:
            response = client.post("/inject", content=BODY, headers=JSON).json()["response"]
            return str(response["auditAnnotations"]["templates"])

        for number in range(40):
            file.write_text((BROKEN, GOOD)[number % 2][number // 2 % 2], encoding="utf-8")
            assert template() in {"sidecar", "grpc-simple"}
        file.write_text(GOOD[1], encoding="utf-8")
        wait_until(lambda: template() == "grpc-simple")
        file.write_text(BROKEN[0], encoding="utf-8")
        wait_until(lambda: client.get("/readyz").json()["configuration"] == "last good one")
        assert template() == "grpc-simple"


def test_a_replica_that_starts_with_a_bad_configuration_works_with_the_last_good_one(tmp_path: Path) -> None:
    kept, config = "/api/v1/namespaces/mesh/configmaps/kept", tmp_path / "config.yaml"
    config.write_text("revision: blue\n", encoding="utf-8")
    with keeping() as (api, keeper):
        keeper.put(kept, {"metadata": {"name": "kept"}})
        options = ["--kubeconfig", kubeconfig(tmp_path, api.url), "--no-events", "--config", config]
        options += ["--namespace", "mesh", "--last-good", "kept"]

        def replica(name: str) -> Server:
            (tmp_path / name).mkdir()
            return Server(tmp_path / name, *map(str, options))

        first = replica("first")
        wait_until(lambda: bool(keeper.objects[kept].get("data")))
        first.process.kill()
        config.write_text("revision: 7\n", encoding="utf-8")
        second = replica("second")
        try:
            with second.client() as client:
                readiness = client.get("/readyz").json()
                assert (readiness["ready"], readiness["configuration"]) == (True, "last good one")
                assert "revision" in readiness["fault"]
                assert client.get("/version").json()["revision"] == "blue"
                config.write_text("revision: green\n", encoding="utf-8")
                wait_until(lambda: client.get("/version").json()["revision"] == "green")
                wait_until(lambda: "green" in str(keeper.objects[kept]["data"]))
        finally:
            second.process.kill()
