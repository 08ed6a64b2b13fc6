"""`-c cluster://NAMESPACE[/REVISION]`: the ConfigMaps of an installation, read, refused and followed."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from injector.core.model import Config
from injector.runtime import configuration
from injector.runtime.config_sources import Connection, Installation, config_sources
from injector.runtime.configuration import Inputs, following_installations, kept_state
from injector.runtime.errors import InputError, UsageError
from injector.server.run import Upkeep
from injector.server.state import Service
from injector.server.telemetry import Telemetry
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import kubeconfig
from tests.waiting import wait_until

MESH = "rootNamespace: istio-config\n"
CONFIG = """\
defaultTemplates: [own]
templates:
  own: |
    metadata:
      labels:
        revision: {{ .Revision }}
"""


class Installed:
    """A cluster with an installation in `istio-system`, and a server that is configured by it."""

    def __init__(self, file: Path, keeper: Keeper) -> None:
        self.keeper, self.connection, self.log = keeper, Connection(file), io.BytesIO()
        self.put("istio", mesh=MESH)
        self.put("istio-sidecar-injector", config=CONFIG, values='{"global": {"tag": "1.30.3"}, "revision": "canary"}')

    def put(self, name: str, **data: str) -> None:
        document = {"metadata": {"name": name, "namespace": "istio-system"}, "data": data}
        self.keeper.put(self.path(name), document)

    def path(self, name: str) -> str:
        return f"/api/v1/namespaces/istio-system/configmaps/{name}"

    def inputs(self, name: str = "cluster://istio-system", *files: Path) -> Inputs:
        return Inputs(tuple(config_sources([name, *files])), (), None, self.connection)

    def config(self, name: str = "cluster://istio-system") -> Config:
        return self.inputs(name).load().setup.config

    def lines(self, event: str) -> list[Any]:
        found = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in found if line["event"] == event]


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    with keeping() as (server, keeper):
        yield Installed(kubeconfig(tmp_path, server.url), keeper)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("config.yaml", Path("config.yaml")),
        ("cluster://istio-system", Installation("istio-system")),
        ("cluster://istio-system/1-30", Installation("istio-system", "1-30")),
        ("cluster://istio-system/default", Installation("istio-system")),
    ],
)
def test_an_option_names_a_file_or_an_installation(name: str, expected: Path | Installation) -> None:
    assert config_sources([name]) == [expected]


@pytest.mark.parametrize("name", ["cluster://", "cluster:///x", "cluster://a/", "cluster://a/b/c", "cluster://A"])
def test_what_names_neither_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError, match="names no installation; valid: cluster://NAMESPACE, cluster://NAMESPACE/REV"):
        config_sources([name])


@pytest.mark.parametrize("name", ["https://example.com/config.yaml", "clusters://istio-system"])
def test_a_url_is_no_configuration(name: str) -> None:
    with pytest.raises(UsageError, match=f"-c {name}: URLs are not read; valid: FILE, cluster://NAMESPACE"):
        config_sources([name])


def test_all_of_its_config_maps_count(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    config = installed.config()
    assert config.mesh_config["rootNamespace"] == "istio-config"
    assert (config.revision, config.default_templates, list(config.go_templates)) == ("canary", ("own",), ["own"])
    told = "ConfigMap istio-system/istio-sidecar-injector: the templates of Istio 1.30.3: own\n"
    assert capsys.readouterr().err == told


def test_a_revision_has_its_own(installed: Installed) -> None:
    installed.put("istio-blue", mesh="rootNamespace: blue\n")
    installed.put("istio-sidecar-injector-blue", config=CONFIG, values="revision: blue\n")
    installed.put("values-blue", **{"merged-values": "pilot: {cni: {enabled: true}}\nrevision: green\n"})
    config = installed.config("cluster://istio-system/blue")
    assert (config.revision, config.mesh_config["rootNamespace"]) == ("blue", "blue")
    assert config.values["pilot"]["cni"]["enabled"] is True


def test_a_file_counts_more(installed: Installed, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("revision: own\n", encoding="utf-8")
    assert installed.inputs("cluster://istio-system", file).load().setup.config.revision == "own"


def test_a_revision_that_is_not_there_is_named_with_those_that_are(installed: Installed) -> None:
    installed.put("istio-sidecar-injector-blue", config=CONFIG)
    missing = "cluster://istio-system/red: there is no ConfigMap istio-system/istio-red; revisions there: default, blue"
    with pytest.raises(InputError, match=f"^{missing}$"):
        installed.config("cluster://istio-system/red")
    installed.keeper.refusing["/api/v1/namespaces/istio-system/configmaps"] = 403
    with pytest.raises(InputError, match=r"istio-red; revisions there: none that may be listed$"):
        installed.config("cluster://istio-system/red")


def test_a_refusal_is_one_line(installed: Installed) -> None:
    installed.keeper.refusing[installed.path("istio")] = 403
    with pytest.raises(InputError, match=r"^cluster://istio-system: GET /api/.*/configmaps/istio: .*403$"):
        installed.config()


def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    connection = Connection(kubeconfig(tmp_path, "http://127.0.0.1:9"))
    inputs = Inputs(tuple(config_sources(["cluster://istio-system"])), (), None, connection)
    with pytest.raises(InputError, match=r"^cluster://istio-system: http://127.0.0.1:9: cannot be reached: .*$"):
        inputs.load()


def test_no_cluster_at_all_is_one_line(tmp_path: Path) -> None:
    inputs = Inputs(tuple(config_sources(["cluster://istio-system"])), (), None, Connection(tmp_path / "none"))
    with pytest.raises(InputError, match=r"none: cannot be read: no such file; valid: a kubeconfig.*$"):
        inputs.load()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("istio", {"mesh": "a: ["}, r"ConfigMap istio-system/istio:\d+: .*data.mesh"),
        ("istio", {"other": "x"}, "ConfigMap istio-system/istio:2: data: ConfigMap 'istio' is not Istio's"),
        ("istio-sidecar-injector", {"config": "- a"}, "istio-sidecar-injector:3: data.config: must hold a mapping"),
        (
            "istio-sidecar-injector",
            {"config": CONFIG.replace(".Revision", ".Revisions")},
            r"ConfigMap istio-system/istio-sidecar-injector:9: .*Revisions",
        ),
        (
            "istio-sidecar-injector",
            {"config": CONFIG.replace(".Revision", "| env")},
            r"ConfigMap istio-system/istio-sidecar-injector:9: .*",
        ),
    ],
)
def test_faults_have_the_lines_that_kubectl_shows(
    installed: Installed, name: str, data: dict[str, str], said: str
) -> None:
    installed.put(name, **data)
    with pytest.raises(InputError, match=said):
        installed.config()


async def _awaited(upkeep: Upkeep) -> None:
    await upkeep()


@pytest.fixture
def following(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Service]]:
    """Begins to follow the installation from a thread of its own."""
    monkeypatch.setattr(configuration, "_BURST_SECONDS", 0.05)
    monkeypatch.setattr(configuration, "_AGAIN_SECONDS", 0.2)
    ends: list[Callable[[], None]] = []

    def follow() -> Service:
        inputs, telemetry = installed.inputs(), Telemetry(installed.log)
        service = Service(inputs.load())
        loop = asyncio.new_event_loop()
        task = loop.create_task(_awaited(following_installations(inputs, inputs.load, service, telemetry)))
        thread = Thread(target=lambda: loop.run_until_complete(asyncio.wait([task])))
        thread.start()

        def end() -> None:
            loop.call_soon_threadsafe(task.cancel)
            thread.join()
            loop.close()

        ends.append(end)
        wait_until(lambda: "configMaps" in service.details)
        wait_until(lambda: all(each["known"] for each in service.details["configMaps"]().values()))
        return service

    yield follow
    for end in ends:
        end()


def test_changes_are_in_force_and_faults_are_not(installed: Installed, following: Callable[[], Service]) -> None:
    service = following()
    installed.put("istio", mesh="rootNamespace: second\n")
    wait_until(lambda: service.state.setup.config.mesh_config["rootNamespace"] == "second")
    wait_until(lambda: bool(installed.lines("configuration in force")))
    assert installed.lines("configuration in force")[0]["files"] == ["cluster://istio-system"]
    installed.put("istio", mesh="rootNamespace: [")
    wait_until(lambda: bool(service.state.fault))
    assert service.state.setup.config.mesh_config["rootNamespace"] == "second"
    wait_until(lambda: bool(installed.lines("configuration refused, the last good one stays")))
    installed.put("istio", mesh="rootNamespace: third\n")
    wait_until(lambda: service.state.setup.config.mesh_config["rootNamespace"] == "third")
    assert not service.state.fault
    assert len(installed.lines("configuration refused, the last good one stays")) == 1


def test_a_config_map_that_is_deleted_changes_nothing(installed: Installed, following: Callable[[], Service]) -> None:
    service = following()
    installed.keeper.remove(installed.path("istio-sidecar-injector"))
    wait_until(lambda: "there is no ConfigMap istio-system/istio-sidecar-injector" in service.state.fault)
    assert service.state.setup.config.revision == "canary"


def test_a_fault_of_the_api_server_passes(installed: Installed, following: Callable[[], Service]) -> None:
    service = following()
    installed.keeper.refusing[installed.path("istio")] = 503
    installed.put("istio", mesh="rootNamespace: second\n")
    wait_until(lambda: bool(service.state.fault))
    installed.keeper.refusing.clear()
    wait_until(lambda: service.state.setup.config.mesh_config["rootNamespace"] == "second")


def test_who_may_not_follow_is_told(installed: Installed, following: Callable[[], Service]) -> None:
    service = following()
    installed.keeper.refusing["/api/v1/namespaces/istio-system/configmaps"] = 403
    installed.keeper.interrupt()
    wait_until(lambda: bool(installed.lines("ConfigMaps no longer followed")))
    assert "configmaps istio-system/istio: " in installed.lines("ConfigMaps no longer followed")[0]["message"]
    assert not service.state.fault


def test_another_replica_starts_from_what_was_good(installed: Installed) -> None:
    """Also where the installation is gone."""
    inputs = installed.inputs()
    state, data = inputs.load(), inputs.texts().data()

    class Store:
        def load(self) -> dict[str, str]:
            return data

        def keep(self, data: Any, digest: str) -> None:
            raise NotImplementedError

    found = kept_state(inputs, Store())()
    assert found is not None
    assert found.setup.digest == state.setup.digest
