"""Which certificates `injector rotate` means, and that it keeps what they were made with."""

from base64 import b64encode
from pathlib import Path

import pytest

from certs.authority import describe
from certs.directory import DirectoryStore, files_of
from certs.model import Holding, Settings
from certs.rotation import ensure, settings_of
from certs.secret import holding_in
from injector.cluster import environment
from injector.cluster.environment import server_arguments
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError
from injector.runtime.rotation import Meant, store_of
from tests.cli.running import run
from tests.cluster.keeping import Keeper, keeping
from tests.cluster.listening import kubeconfig
from tests.runtime.test_cluster_check import KEPT_AT, holding


def serial(held: Holding | None) -> int:
    assert held is not None
    return describe(held.serving.certificate).serial


def keep(keeper: Keeper, held: Holding) -> None:
    data = {name: b64encode(content).decode() for name, content in files_of(held).items()}
    keeper.put(KEPT_AT, {"kind": "Secret", "metadata": {"name": "certificates"}, "data": data})


@pytest.mark.parametrize("options", [(), ("--authority",)])
def test_a_secret_is_rotated_and_its_names_stay(tmp_path: Path, options: tuple[str, ...]) -> None:
    held = holding()
    with keeping() as (server, keeper):
        keep(keeper, held)
        place = (
            "--cert-secret",
            "certificates",
            "--namespace",
            "mesh",
            "--kubeconfig",
            kubeconfig(tmp_path, server.url),
        )
        done = run("rotate", *place, *options)
        now = holding_in(keeper.objects[KEPT_AT]["data"])
    assert (done.returncode, done.stderr) == (0, "")
    assert now is not None
    assert settings_of(now).names == ("injector.mesh.svc",)
    assert (now.upcoming is not None, serial(now) == serial(held)) == (bool(options), bool(options))
    assert ("The servers take the further steps" in done.stdout) == bool(options)


def test_a_directory_is_rotated_too(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "certs")
    before = ensure(store, Settings(("localhost",)), describe(holding().serving.certificate).not_before)
    assert run("rotate", "--cert-dir", tmp_path / "certs").returncode == 0
    assert serial(store.load()) != serial(before)


def test_where_nothing_is_kept_nothing_is_made(tmp_path: Path) -> None:
    done = run("rotate", "--cert-dir", tmp_path / "certs")
    assert done.returncode == 1
    assert "holds no certificates; a server that starts makes them" in done.stderr


def test_without_a_release_the_options_are_named(tmp_path: Path) -> None:
    with keeping() as (server, _keeper), pytest.raises(InputError, match="no release is installed"):
        store_of(Meant(Connection(kubeconfig(tmp_path, server.url))))


def test_the_server_in_this_container_says_which_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = tmp_path / "cmdline"
    process.write_bytes(b"python\0injector\0serve\0--namespace=mesh\0--cert-secret\0certificates\0")
    assert server_arguments(process) == ()
    monkeypatch.setattr(environment, "in_cluster", lambda: True)
    assert server_arguments(tmp_path / "missing") == ()
    monkeypatch.setattr("injector.runtime.rotation.server_arguments", lambda: server_arguments(process))
    meant = Meant(Connection(kubeconfig(tmp_path, "http://127.0.0.1:1")))
    assert str(store_of(meant)) == "Secret mesh/certificates"
