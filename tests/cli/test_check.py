"""`injector check` without a cluster, and when it looks at one without being told."""

from pathlib import Path

from tests.cli.running import run
from tests.cluster.keeping import keeping
from tests.cluster.listening import kubeconfig

UNREGISTERED = "no webhook configuration calls the injector: no pod is injected"


def test_files_alone_need_no_cluster() -> None:
    done = run("check", environment={"KUBECONFIG": ""})
    assert done.returncode == 0
    assert "all is well" in done.stdout


def test_a_kubeconfig_in_the_environment_names_the_cluster(tmp_path: Path) -> None:
    with keeping() as (server, _keeper):
        environment = {"KUBECONFIG": str(kubeconfig(tmp_path, server.url))}
        assert UNREGISTERED in run("check", environment=environment).stdout
        without = run("check", "--no-cluster", environment=environment)
        assert (without.returncode, UNREGISTERED in without.stdout) == (0, False)


def test_a_cluster_that_cannot_be_reached_is_an_error(tmp_path: Path) -> None:
    done = run("check", "--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:1"))
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
