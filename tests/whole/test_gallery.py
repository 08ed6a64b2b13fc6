"""Every template of the gallery runs: its workload is rolled out with the sidecar ready, under the level of its page.

The program of each container is one that stands in for it: it reads the files that the arguments name, and answers on
the ports. What is shown is all around it: volumes, ConfigMaps, users, probes, the order of containers.
"""

import json
from typing import Any

import pytest

from injector.config.gallery import gallery
from injector.core.model import Container, JsonObject
from injector.core.pods import annotations
from injector.core.yaml.reader import read_all
from tests.templates.test_gallery import NAMES, level_of, previews
from tests.whole.conftest import PROGRAMS
from tests.whole.machine import Machine, ready_column

pytestmark = pytest.mark.cluster

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# What a control plane of Dapr leaves for its sidecars.
TRUST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dapr-trust-bundle"}, "data": {"ca.crt": "-"}}


def stood_in(container: Container, *, serves: bool) -> Container:
    """The container with a program in the place of its own, which gets the same arguments."""
    if container["name"] == "debug":
        return {**container, "image": PROGRAMS}
    ports = {port["containerPort"] for port in container.get("ports") or ()}
    probed = [container[probe]["httpGet"]["port"] for probe in PROBES if "httpGet" in container.get(probe, {})]
    ports |= {port for port in probed if isinstance(port, int)}
    mode = "serve" if serves else "once"
    program = ["python3", "/programs/stand_in.py", mode, ",".join(map(str, sorted(ports))), "--"]
    given = [*container.get("command", ()), *container.get("args", ())]
    return {**container, "image": PROGRAMS, "command": [*program, *given], "args": []}


def runnable(document: JsonObject, namespace: str) -> JsonObject:
    """The workload in that namespace, with programs that this cluster has."""
    template: Any = document["spec"]["template"]
    spec = template["spec"]
    stands_in = {
        "containers": [stood_in(each, serves=True) for each in spec["containers"]],
        "initContainers": [
            stood_in(each, serves=each.get("restartPolicy") == "Always") for each in spec["initContainers"]
        ],
    }
    changed = {**template, "spec": {**spec, **stands_in}}
    metadata = {**document["metadata"], "namespace": namespace}
    return {**document, "metadata": metadata, "spec": {**document["spec"], "template": changed}}


def objects_of(name: str) -> list[JsonObject]:
    """What the pods of a template need beside themselves."""
    files = [path for path in gallery()[name].folder.glob("*.yaml") if path.name != "injector.yaml"]
    found = [each for path in files for each in read_all(path.read_text(encoding="utf-8"))]
    return [*found, TRUST] if name == "dapr" else found


@pytest.mark.parametrize("name", NAMES)
def test_its_workload_runs(machine: Machine, name: str) -> None:
    (preview,) = [each for each in previews(name) if each.document["kind"] == "Deployment"]
    assert annotations(preview.admission.pod)
    namespace = f"gallery-{name}"
    labels = {"pod-security.kubernetes.io/enforce": level_of(name)}
    opened: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
    beside = [{**each, "metadata": {**each["metadata"], "namespace": namespace}} for each in objects_of(name)]
    items = [opened, *beside, runnable(preview.result, namespace)]
    machine.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    try:
        machine.rolled_out("web", namespace)
        (pod,) = machine.objects("pods", namespace)
        assert ready_column(pod) == "2/2"
    finally:
        machine.kubectl("delete", "namespace", namespace, "--wait=false")
