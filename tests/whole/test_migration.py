"""docs/migration.md on a whole cluster: every command of it, and the pods before, after, and back again.

Another release of this injector stands in for istiod: it has the ConfigMaps of Istio and istiod's place in the cluster.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from injector.core.model import STATUS_ANNOTATION
from tests.chart.rendering import NAMESPACE as SYSTEM
from tests.chart.rendering import RELEASE
from tests.cli.running import INJECTOR, run
from tests.support import PUBLIC_CASES
from tests.whole.conftest import IMAGE, PROGRAMS, TAG, stand_in
from tests.whole.machine import Machine, wait_until
from tools.generate import REPOSITORY

pytestmark = pytest.mark.cluster

PAGE = REPOSITORY / "docs" / "migration.md"
INSTALLATION = PUBLIC_CASES / "releases" / "1.28.10" / "istio-1.28.10.yaml"
ISTIO, SHOP, ISTIOD = "istio-system", "shop", "istiod"
ISTIO_REVISION, REVISION = "default", "beside"
PROXY = "proxyv2:1.28.10"
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the API server and the kubelet make up for each pod.
_MADE_UP = re.compile(r"kube-api-access-\w+")


def commands() -> list[list[str]]:
    """Every command of the page, in its order, as words."""
    blocks = _COMMANDS.findall(PAGE.read_text(encoding="utf-8"))
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def chart_values(**more: Any) -> dict[str, Any]:
    """Values of the chart: its image is the one of this machine, its configuration is that of the installation."""
    image = {"repository": f"localhost/{IMAGE}", "tag": TAG, "pullPolicy": "IfNotPresent"}
    return {"image": image, "istio": {"namespace": ISTIO}, **more}


def installation() -> str:
    """The ConfigMaps of the installation, with the proxy's image from this machine."""
    documents = list(yaml.safe_load_all(INSTALLATION.read_text(encoding="utf-8")))
    for document in documents:
        if "values" in document["data"]:
            values = json.loads(document["data"]["values"])
            values["global"]["hub"] = "localhost"
            document["data"]["values"] = json.dumps(values)
    return yaml.safe_dump_all(documents)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who does what the page says."""

    machine: Machine
    folder: Path

    def does(self, words: list[str]) -> str:
        """What the command prints."""
        program, arguments = words[0], words[1:]
        if program == "kubectl":
            return self._kubectl(arguments)
        if program == "helm":
            return self._helm(arguments)
        known = {name: str(self.folder / name) for name in ("cluster.yaml", "own.yaml", "deployment.yaml")}
        return self.machine.call("exec", INJECTOR, *(known.get(each, each) for each in arguments))

    def _kubectl(self, arguments: list[str]) -> str:
        if ">" not in arguments:
            return self.machine.kubectl(*arguments)
        *asked, _, file = arguments
        printed = self.machine.kubectl(*asked)
        (self.folder / file).write_text(printed, encoding="utf-8")
        return ""

    def _helm(self, arguments: list[str]) -> str:
        if arguments[0] == "uninstall":
            return self.machine.helm("uninstall")
        assert arguments[:3] == ["install", "injector", "charts/injector"], arguments
        sets = dict(each.split("=") for option, each in pairwise(arguments) if option == "--set")
        assert sets == {"revision": REVISION, "istio.namespace": ISTIO}
        self.machine.helm("install", chart_values(revision=REVISION))
        self.machine.rolled_out(RELEASE, SYSTEM)
        return ""

    def wait_for(self, revision: str) -> None:
        """Wait until pods of the shop are injected by `revision`: the API server sees a new label after a while."""
        options = ("--restart=Never", "--dry-run=server", "-o", r"jsonpath={.metadata.annotations.istio\.io/rev}")
        trial = ("run", "trial", "-n", SHOP, f"--image={PROGRAMS}", *options)
        wait_until(lambda: self.machine.kubectl(*trial, check=False) == revision, f"{revision} injects")

    def pod(self) -> Any:
        """The pod of the Deployment that runs."""
        found: list[Any] = []

        def alone() -> bool:
            found[:] = self.machine.objects("pods", SHOP, "app=cart")
            return len(found) == 1 and found[0]["status"]["phase"] == "Running"

        wait_until(alone, "one pod of cart runs")
        return found[0]


@pytest.fixture(scope="module")
def reader(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A cluster with the stand-in for istiod, and a namespace whose pods it injects."""
    if not INSTALLATION.exists():
        pytest.skip(f"no ConfigMaps of an installation of Istio: {INSTALLATION}")
    folder = tmp_path_factory.mktemp("migration")
    stand_in(machine, folder / "image", PROXY, Path(__file__).with_name("proxyv2.py"))
    machine.apply(yaml.safe_dump_all(namespaces()))
    machine.apply(installation())
    machine.helm("install", chart_values(fullnameOverride=ISTIOD), ISTIOD, ISTIO)
    machine.rolled_out(ISTIOD, ISTIO)
    # Whose a webhook configuration is, its labels say.
    labels = ("injector/revision-", f"istio.io/rev={ISTIO_REVISION}", "operator.istio.io/component=Pilot")
    machine.kubectl("label", "mutatingwebhookconfiguration", f"{ISTIOD}-{ISTIO}", *labels)
    made = Reader(machine, folder)
    made.wait_for(ISTIO_REVISION)
    machine.apply(yaml.safe_dump(cart()))
    machine.rolled_out("cart", SHOP)
    (folder / "own.yaml").write_text(f"revision: {REVISION}\n", encoding="utf-8")
    injected = run("inject", "-f", "-", given=yaml.safe_dump(cart())).stdout
    (folder / "deployment.yaml").write_text(injected, encoding="utf-8")
    yield made
    machine.helm("uninstall", {}, ISTIOD, ISTIO)
    machine.kubectl("delete", "namespace", SHOP, ISTIO)


def namespaces() -> list[Any]:
    """Those of Istio and the shop, with what istiod keeps in the latter."""
    root = {"root-cert.pem": "none is needed by a proxy that asks nobody"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ISTIO}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SHOP, "labels": {"istio-injection": "enabled"}}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio-ca-root-cert", "namespace": SHOP},
            "data": root,
        },
    ]


def cart() -> Any:
    """A Deployment with a probe that goes through the agent once it is injected."""
    labels = {"app": "cart"}
    container = {
        "name": "cart",
        "image": PROGRAMS,
        "command": ["python3", "-m", "http.server", "8080"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": SHOP},
        "spec": {
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {"prometheus.io/port": "8080"}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def comparable(pod: Any) -> Any:
    """The pod without its own name, and without the revision that injected it."""
    metadata = pod["metadata"]
    own = ("istio.io/rev", STATUS_ANNOTATION, "kubectl.kubernetes.io/restartedAt")
    annotations = {name: value for name, value in metadata["annotations"].items() if name not in own}
    labels = {name: value for name, value in metadata["labels"].items() if name != "pod-template-hash"}
    text = json.dumps({"annotations": annotations, "labels": labels, "spec": pod["spec"]})
    return json.loads(_MADE_UP.sub("kube-api-access", text))


def test_a_namespace_moves_over_and_back_as_the_page_says(reader: Reader) -> None:
    said = {}
    seen = [reader.pod()]
    for words in commands():
        said[" ".join(words)] = reader.does(words)
        if words[:3] == ["kubectl", "label", "namespace"]:
            reader.wait_for(REVISION if f"istio.io/rev={REVISION}" in words else ISTIO_REVISION)
        elif words[:3] == ["kubectl", "rollout", "status"]:
            seen.append(reader.pod())
    revisions = [pod["metadata"]["annotations"]["istio.io/rev"] for pod in seen]
    assert revisions == [ISTIO_REVISION, REVISION, ISTIO_REVISION]
    before, there, back = map(comparable, seen)
    assert before == there == back
    assert len({pod["metadata"]["uid"] for pod in seen}) == len(seen)
    assert "Istio 1.28.10 in istio-system, revision default" in said["injector migrate check"]
    plan = said[f"injector migrate plan -c cluster://{ISTIO} --set revision={REVISION}"]
    assert re.search(r"^0 of \d+ workloads would change", plan, re.MULTILINE)
    # Other tests may leave workloads to the cluster.
    assert f"{SHOP}/Deployment/cart: different" not in plan
    assert f"kubectl label namespace {SHOP} --overwrite istio.io/rev={REVISION} istio-injection-" in plan
    assert said[f"injector drift -n {SHOP}"].startswith("No drift")
    assert yaml.safe_load(said["injector uninject -f deployment.yaml"]) == cart()
