"""Helm itself installs, upgrades and removes the chart, while the injector keeps CA bundles in what Helm applied."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import helm_python
import pytest

from tests.chart.rendering import CLUSTER_NAME, NAMESPACE, RELEASE, chart, rendered
from tests.e2e.charted import command, own_kubeconfig
from tests.e2e.cluster import Cluster, wait_until
from tests.ports import free_port

pytestmark = pytest.mark.e2e

TAG = "upgrade-tag"


@dataclass(frozen=True)
class Installed:
    """A release of the chart, whose server runs beside the cluster with the rights of its ServiceAccount alone."""

    cluster: Cluster
    helm: helm_python.Config
    values: dict[str, Any]

    def upgrade(self, **values: Any) -> None:
        """Raises HelmError where it fails."""
        self.helm.upgrade(chart(), RELEASE, {**self.values, **values}, namespace=NAMESPACE)

    def bundles(self, name: str = CLUSTER_NAME) -> dict[str, bool]:
        """Whether each entry has a CA bundle, by the prefix of its name."""
        kind = "mutatingwebhookconfiguration"
        text = self.cluster.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        entries = json.loads(text)["webhooks"] if text else []
        return {
            each["name"].removesuffix(".sidecar-injector.istio.io"): bool(each["clientConfig"].get("caBundle"))
            for each in entries
        }

    def owners(self) -> set[str]:
        """Who owns fields of the configuration."""
        text = self.cluster.kubectl(
            "get", "mutatingwebhookconfiguration", CLUSTER_NAME, "-o", "json", "--show-managed-fields"
        )
        return {each["manager"] for each in json.loads(text)["metadata"]["managedFields"]}


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The chart for the default revision, with a tag and the entry for namespaces without any label."""
    directory, port = tmp_path_factory.mktemp("upgrade"), free_port()
    values = {
        "revisionTags": [TAG],
        "enableNamespacesByDefault": True,
        "server": {"host": "127.0.0.1", "port": port, "drainSeconds": 0},
        "webhook": {"url": f"https://127.0.0.1:{port}/inject"},
    }
    with helm_python.Config(kubeconfig_path=cluster.kubeconfig, namespace=NAMESPACE) as helm:
        helm.install(chart(), RELEASE, values, namespace=NAMESPACE, create_namespace=True)
        arguments = command(rendered(values), directory, own_kubeconfig(cluster, directory))
        with (directory / "injector.log").open("wb") as log:
            process = subprocess.Popen(arguments, stderr=log)
        try:
            yield Installed(cluster, helm, values)
        finally:
            helm.uninstall(RELEASE)
            process.kill()
            process.wait()


def all_have_bundles(found: dict[str, bool]) -> bool:
    return bool(found) and all(found.values())


def test_after_the_installation_every_entry_has_a_bundle_that_nobody_owns(installed: Installed) -> None:
    for name in (CLUSTER_NAME, f"{CLUSTER_NAME}-tag-{TAG}"):
        wait_until(lambda name=name: all_have_bundles(installed.bundles(name)), f"{name} has no CA bundle")  # type: ignore[misc]
    wait_until(lambda: "sidecar-injector" not in installed.owners(), "the injector owns fields")


def test_an_upgrade_leaves_the_bundles_of_the_entries_that_stay(installed: Installed) -> None:
    wait_until(lambda: all_have_bundles(installed.bundles()), "there is no CA bundle")
    before = set(installed.bundles())
    installed.upgrade(webhook={**installed.values["webhook"], "timeoutSeconds": 7})
    assert installed.bundles() == dict.fromkeys(before, True)


def test_an_upgrade_can_take_an_entry_out_and_put_it_in_again(installed: Installed) -> None:
    """Had the injector kept its fields, the API server would refuse what is left of the entry as not valid."""
    wait_until(lambda: all_have_bundles(installed.bundles()), "there is no CA bundle")
    before = set(installed.bundles())
    installed.upgrade(enableNamespacesByDefault=False)
    assert set(installed.bundles()) == before - {"auto"}
    installed.upgrade()
    wait_until(lambda: installed.bundles() == dict.fromkeys(before, True), "the entry has no CA bundle")


def test_an_upgrade_can_take_a_tag_out(installed: Installed) -> None:
    wait_until(lambda: all_have_bundles(installed.bundles(f"{CLUSTER_NAME}-tag-{TAG}")), "there is no CA bundle")
    installed.upgrade(revisionTags=[])
    assert installed.bundles(f"{CLUSTER_NAME}-tag-{TAG}") == {}


def test_an_upgrade_can_change_the_revision(installed: Installed) -> None:
    """The entries of the default revision go, those that name a revision stay."""
    installed.upgrade(revision="upgraded", enableNamespacesByDefault=False)
    assert set(installed.bundles()) == {"rev.namespace", "rev.object"}
