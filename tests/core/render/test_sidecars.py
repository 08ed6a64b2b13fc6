"""`sidecars:` in a template: native sidecars where the nodes run them, containers elsewhere, by that one word."""

from pathlib import Path

import pytest

from injector.core.model import Pod
from injector.core.pods import containers
from injector.core.setup import Setup
from injector.core.template_check import template_faults
from tests.support import both_ways as both_ways  # noqa: PLC0414 -- a fixture that holds for the module
from tests.support import container_of, injected, pod_of, setup_of, uninjected

TEMPLATE = """
defaultTemplates: [log]
nativeSidecars: {mode}
templates:
  log: |
    spec:
      initContainers:
      - {{name: prepare, image: prepare}}
      sidecars:
      - name: log
        image: log
        startupProbe: {{exec: {{command: ["true"]}}}}
"""


def setup(tmp_path: Path, mode: str) -> Setup:
    return setup_of(tmp_path, TEMPLATE.format(mode=mode))


def names(pod: Pod) -> tuple[list[str], list[str]]:
    init, plain = ([each["name"] for each in containers(pod, which)] for which in ("initContainers", "containers"))
    return init, plain


def test_native_behind_the_template_s_init_containers_and_before_the_pod_s(tmp_path: Path) -> None:
    pod = injected(pod_of(initContainers=[{"name": "migrate", "image": "m"}]), setup(tmp_path, "enabled"))
    assert names(pod) == (["prepare", "log", "migrate"], ["app"])
    assert container_of(pod, "log")["restartPolicy"] == "Always"
    assert "restartPolicy" not in container_of(pod, "prepare")


def test_a_container_where_nodes_run_no_native_sidecars(tmp_path: Path) -> None:
    pod = injected(pod_of(), setup(tmp_path, "disabled"))
    assert names(pod) == (["prepare"], ["log", "app"])
    assert "restartPolicy" not in container_of(pod, "log")


@pytest.mark.parametrize(("mode", "word", "native"), [("enabled", "false", False), ("disabled", "true", True)])
def test_the_pod_s_own_word_counts(tmp_path: Path, mode: str, word: str, native: bool) -> None:
    pod = injected(pod_of(annotations={"sidecar.istio.io/nativeSidecar": word}), setup(tmp_path, mode))
    assert ("log" in names(pod)[0]) is native


def test_a_container_that_the_pod_has_itself_stays_where_it_is(tmp_path: Path) -> None:
    own = {"name": "log", "image": "mine", "resources": {"limits": {"cpu": "1"}}}
    pod = pod_of()
    pod["spec"]["containers"].append(own)
    result = injected(pod, setup(tmp_path, "enabled"))
    assert names(result) == (["prepare"], ["app", "log"])
    assert container_of(result, "log")["resources"] == own["resources"]


@pytest.mark.parametrize(
    ("before", "after"), [("enabled", "disabled"), ("disabled", "enabled"), ("enabled", "enabled")]
)
def test_a_second_injection_moves_it_and_a_removal_removes_it(tmp_path: Path, before: str, after: str) -> None:
    once = injected(pod_of(), setup(tmp_path, before))
    assert names(injected(once, setup(tmp_path, after))) == names(injected(pod_of(), setup(tmp_path, after)))
    assert uninjected(once, setup(tmp_path, before)) == pod_of()


def test_it_is_held_against_the_type_of_a_container(tmp_path: Path) -> None:
    assert template_faults(setup(tmp_path, "auto")) == []
    wrong = TEMPLATE.format(mode="auto").replace("image: log", "image: log\n        tty: 7")
    (fault,) = template_faults(setup_of(tmp_path, wrong))
    assert "spec.sidecars[0].tty: must be true or false, got 7" in str(fault)
