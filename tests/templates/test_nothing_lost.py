"""No shipped template takes anything away that the pod's author wrote."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.config.loader import template_files
from injector.core.model import Pod
from tests.support import injected, pod_of, setup_with
from tests.templates.injecting import names

TEMPLATES = [name for name in template_files() if not name.startswith("_")]
MODES = ("REDIRECT", "TPROXY", "NONE")
SETS = (
    (),
    ("nativeSidecars=enabled",),
    ("nativeSidecars=disabled",),
    ("values.pilot.cni.enabled=true", "nativeSidecars=disabled"),
    ("meshConfig.defaultConfig.interceptionMode=NONE", "nativeSidecars=disabled"),
    ("values.global.proxy.resources=null",),
)
LISTS = ("containers", "initContainers", "volumes", "imagePullSecrets")

volume_names = st.sampled_from(["app", "migrate", "data", "workload-socket", "workload-certs", "istio-data", "web"])
own_names = st.lists(volume_names, max_size=3, unique=True)


def by_name(**fields: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    return own_names.map(lambda chosen: [{"name": f"own-{name}", **fields} for name in chosen])


pods = st.builds(
    pod_of,
    annotations=st.fixed_dictionaries(
        {"inject.istio.io/templates": st.sampled_from(TEMPLATES), "example.com/note": st.just("")},
        optional={"sidecar.istio.io/interceptionMode": st.sampled_from(MODES)},
    ),
    labels=st.dictionaries(st.sampled_from(["app", "version", "team", "security.istio.io/tlsMode"]), st.just("x")),
    initContainers=by_name(image="init:1"),
    volumes=own_names.map(lambda chosen: [{"name": name, "emptyDir": {}} for name in chosen]),
    imagePullSecrets=by_name(),
    tolerations=st.sampled_from([[], [{"key": "spot"}]]),
    serviceAccountName=st.just("shop"),
    securityContext=st.just({"fsGroup": 1}),
)


def assert_kept(before: Pod, after: Pod) -> None:
    for field in LISTS:
        assert set(names(before["spec"].get(field))) <= set(names(after["spec"].get(field))), field
    for field in ("labels", "annotations"):
        assert before["metadata"].get(field, {}).items() <= after["metadata"].get(field, {}).items(), field
    for field in before["spec"].keys() - set(LISTS):
        assert field in after["spec"], field


@given(pod=pods, sets=st.sampled_from(SETS))
def test_containers_volumes_labels_and_annotations_stay(pod: Pod, sets: tuple[str, ...]) -> None:
    once = injected(pod, setup_with(*sets))
    assert_kept(pod, once)
    assert injected(once, setup_with(*sets)) == once


@pytest.mark.parametrize("sets", [("nativeSidecars=disabled",), ("nativeSidecars=enabled",)])
@pytest.mark.parametrize("template", ["sidecar", "envoy"])
def test_without_redirection_the_init_containers_stay_as_they_are(template: str, sets: tuple[str, ...]) -> None:
    own = [{"name": "migrate", "image": "migrate:1"}, {"name": "seed", "image": "seed:1"}]
    annotations = {"inject.istio.io/templates": template, "sidecar.istio.io/interceptionMode": "NONE"}
    pod = injected(pod_of(annotations=annotations, initContainers=own), setup_with(*sets))
    assert [each for each in pod["spec"]["initContainers"] if each in own] == own
