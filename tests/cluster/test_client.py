"""Connecting: which cluster is meant, and messages that say what would be valid."""

import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from injector.cluster import environment
from injector.cluster.api import ClusterError
from injector.cluster.client import connect
from injector.cluster.environment import in_cluster, own_namespace


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever the machine has: no kubeconfig, no service account."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)


def kubeconfig(directory: Path, *names: str, name: str = "kubeconfig", **changes: Any) -> Path:
    file = directory / name
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": names[0],
        "clusters": [{"name": each, "cluster": {"server": f"https://{each}.example:6443"}} for each in names],
        "users": [{"name": each, "user": {"token": "t"}} for each in names],
        "contexts": [{"name": each, "context": {"cluster": each, "user": each}} for each in names],
        **changes,
    }
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_the_current_context_counts_and_another_can_be_chosen(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "blue", "green")
    assert connect(file).url == "https://blue.example:6443"
    assert connect(file, "green").url == "https://green.example:6443"


def test_a_context_can_be_chosen_where_none_is_current(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "blue", **{"current-context": ""})
    assert connect(file, "blue").url == "https://blue.example:6443"
    with pytest.raises(ClusterError, match="its current context cannot be used"):
        connect(file)


def test_without_a_file_the_environment_names_it_as_for_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kubeconfig(tmp_path, "blue", name="one"), kubeconfig(tmp_path, "green", name="two")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert connect(context="green").url == "https://green.example:6443"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "contexts there: none"),
        ("", "cannot be used"),
        ("contexts: 3", "cannot be used"),
        ("a: [", "cannot be used"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named_with_what_is_wrong(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterError, match=expected) as raised:
        connect(file)
    assert str(file) in str(raised.value)


def test_an_unknown_context_is_answered_with_those_there_are(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "blue", "green")
    with pytest.raises(ClusterError, match=r"context 'red' .*; contexts there: blue, green") as raised:
        connect(file, "red")
    assert str(file) in str(raised.value)


def test_a_missing_file_is_named_and_so_is_everything_that_would_do(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="missing: cannot be read: no such file"):
        connect(tmp_path / "missing")
    with pytest.raises(ClusterError, match=r"--kubeconfig FILE, KUBECONFIG .*, ~/.kube/config, or a service account"):
        connect()


@pytest.fixture
def service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a pod finds: the files of its service account and two variables."""
    for name, text in (("token", "t"), ("ca.crt", "c"), ("namespace", "mesh\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(environment, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(environment, "TOKEN", tmp_path / "token")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


def test_in_a_cluster_it_is_the_service_account_s_unless_another_is_named(service_account: Path) -> None:
    (service_account / "ca.crt").touch()
    assert in_cluster()
    assert own_namespace() == "mesh"
    assert connect().url == "https://10.0.0.1:443"
    file = kubeconfig(service_account, "blue")
    assert connect(file).url == "https://blue.example:6443"


def test_outside_the_namespace_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_cluster()
    assert own_namespace() == "default"
    monkeypatch.setenv("POD_NAMESPACE", "mesh")
    assert own_namespace() == "mesh"
