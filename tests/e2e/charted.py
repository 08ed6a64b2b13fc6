"""The chart's server as a process: its command line, and the rights of its ServiceAccount alone."""

import json
from pathlib import Path
from typing import Any

from tests.chart.rendering import NAMESPACE, RELEASE, only, server_of
from tests.cli.running import INJECTOR
from tests.e2e.cluster import Cluster


def own_kubeconfig(cluster: Cluster, directory: Path) -> Path:
    """A kubeconfig with nothing but a token of the chart's ServiceAccount."""
    token = cluster.kubectl("create", "token", RELEASE, "-n", NAMESPACE).strip()
    document = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
    document["users"] = [{"name": "admin", "user": {"token": token}}]
    file = directory / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def command(documents: list[Any], directory: Path, kubeconfig: Path) -> list[str]:
    """The command line of the Deployment, with the ConfigMap's files in `directory`."""
    for name, text in only(documents, "ConfigMap")["data"].items():
        (directory / name).write_text(text, encoding="utf-8")
    arguments = [each.replace("/etc/injector/", f"{directory}/") for each in server_of(documents)["args"]]
    return [str(INJECTOR), *arguments, f"--kubeconfig={kubeconfig}"]
