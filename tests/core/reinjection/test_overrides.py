"""Containers that the user defines under an injected name (reference 9.1, 9.2, 9.4 and 9.5)."""

import json
from pathlib import Path
from typing import Any

import pytest

from injector.config.keys import ISTIO_RELEASE
from injector.core.model import Container, JsonObject, Pod
from tests.support import admitted, container_of, default_setup, env_of, injected, pod_of, setup_of, setup_with

OVERRIDES = "proxy.istio.io/overrides"
NATIVE, CNI = "nativeSidecars=enabled", "values.pilot.cni.enabled=true"


def pod_with(*own: Container, init: tuple[Container, ...] = (), annotations: dict[str, str] | None = None) -> Pod:
    pod = pod_of(annotations=annotations)
    pod["spec"]["containers"] += own
    if init:
        pod["spec"]["initContainers"] = list(init)
    return pod


def made(pod: Pod, *sets: str) -> Pod:
    return injected(pod, setup_with(*sets))


def proxy(**fields: Any) -> Container:
    return {"name": "istio-proxy", "image": "auto", **fields}


def kept(pod: Pod) -> JsonObject:
    found: JsonObject = json.loads(pod["metadata"]["annotations"][OVERRIDES])
    return found


def test_the_user_s_fields_win_and_the_others_stay() -> None:
    own = proxy(
        args=["mine"],
        env=[{"name": "CA_ADDR", "value": "x"}, {"name": "OWN", "value": "y"}],
        resources={"limits": {"cpu": "3"}},
        ports=[{"containerPort": 15090, "name": "other"}],
        securityContext={"capabilities": {"drop": ["NET_RAW"]}},
        volumeMounts=[{"name": "v", "mountPath": "/etc/istio/pod"}],
        startupProbe={"periodSeconds": 7},
    )
    found = container_of(made(pod_with(own)), "istio-proxy")
    assert found["image"].endswith(f"/proxyv2:{ISTIO_RELEASE}")
    assert found["args"] == ["mine"]
    assert env_of(found)["CA_ADDR"] == "x"
    assert found["env"][-1]["name"] == "OWN"
    assert found["resources"]["limits"] == {"cpu": "3", "memory": "1024Mi"}
    assert found["ports"] == [{"containerPort": 15090, "name": "other", "protocol": "TCP"}]
    assert found["securityContext"]["capabilities"] == {"drop": ["NET_RAW"]}
    assert {"name": "v", "mountPath": "/etc/istio/pod"} in found["volumeMounts"]
    assert (found["startupProbe"]["periodSeconds"], found["startupProbe"]["failureThreshold"]) == (7, 600)


def test_another_image_than_auto_replaces_the_injected_one() -> None:
    assert container_of(made(pod_with(proxy(image="mine:1"))), "istio-proxy")["image"] == "mine:1"


def test_the_annotation_has_typed_containers_in_the_order_applied() -> None:
    """Reference 9.2."""
    own = proxy(tty=True, env=[{"name": "A", "value": "b"}], resources={"limits": {"cpu": "2000m", "memory": "1024Mi"}})
    found = made(pod_with(own, init=({"name": "istio-init", "image": "mine", "args": ["x"]},)))
    assert found["metadata"]["annotations"][OVERRIDES] == (
        '{"containers":[{"name":"istio-proxy","env":[{"name":"A","value":"b"}],'
        '"resources":{"limits":{"cpu":"2","memory":"1Gi"}},"tty":true}],'
        '"initContainers":[{"name":"istio-init","image":"mine","args":["x"],"resources":{}}]}'
    )


def test_without_a_definition_there_is_no_annotation() -> None:
    assert OVERRIDES not in made(pod_of())["metadata"]["annotations"]


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_a_native_proxy_takes_a_definition_from_either_list(place: str) -> None:
    """Reference 9.1's table and 9.3; it is kept under the list of the template."""
    own = proxy(env=[{"name": "OWN", "value": "y"}])
    pod = pod_with(own) if place == "containers" else pod_with(init=(own,))
    found = made(pod, NATIVE)
    assert [each["name"] for each in found["spec"]["containers"]] == ["app"]
    assert env_of(container_of(found, "istio-proxy"))["OWN"] == "y"
    assert container_of(found, "istio-proxy")["restartPolicy"] == "Always"
    assert list(kept(found)) == ["initContainers"]


def test_a_definition_under_init_containers_is_not_that_of_a_proxy_under_containers() -> None:
    """Reference 9.3: there is no move the other way, both exist."""
    found = made(pod_with(init=({"name": "istio-proxy", "image": "mine"},)))
    assert "istio-proxy" in [each["name"] for each in found["spec"]["containers"]]
    assert "istio-proxy" in [each["name"] for each in found["spec"]["initContainers"]]
    assert OVERRIDES not in found["metadata"]["annotations"]


def test_a_proxy_may_run_as_another_user_where_nothing_redirects() -> None:
    own = proxy(securityContext={"runAsUser": 5, "runAsGroup": 6})
    found = made(pod_with(own, annotations={"sidecar.istio.io/interceptionMode": "NONE"}))
    context = container_of(found, "istio-proxy")["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (5, 6)


def test_redirection_leaves_out_the_user_of_a_proxy_that_no_template_gives(tmp_path: Path) -> None:
    """Reference 9.5."""
    text = "spec: {initContainers: [{name: istio-init, image: i, args: [-u, '1337', -g, '1337']}]}"
    setup = setup_of(tmp_path, f'defaultTemplates: [only]\ntemplates: {{only: "{text}"}}')
    found = injected(pod_with(proxy(securityContext={"runAsUser": 5})), setup)
    assert found["spec"]["initContainers"][0]["args"] == ["-u", "5", "-g", "1337"]


def test_a_definition_of_the_redirection_counts_from_containers_first() -> None:
    """Reference 9.1's table: for an init container the pod's containers are looked at before its init containers."""
    found = made(pod_with({"name": "istio-init", "image": "of-containers"}))
    init = next(each for each in found["spec"]["initContainers"] if each["name"] == "istio-init")
    assert init["image"] == "of-containers"


def test_saved_overrides_count_before_the_pod_s_own_containers() -> None:
    """Reference 9.1: a pod that was never injected may carry the annotation."""
    text = '{"containers":[{"name":"istio-proxy","args":["saved"],"resources":{}}]}'
    found = made(pod_with(proxy(args=["own"]), annotations={OVERRIDES: text}))
    assert container_of(found, "istio-proxy")["args"] == ["saved"]


def test_saved_overrides_count_where_the_pod_has_no_such_container() -> None:
    text = '{"containers":[{"name":"istio-proxy","args":["saved"],"resources":{}}]}'
    found = made(pod_with(annotations={OVERRIDES: text}))
    assert container_of(found, "istio-proxy")["args"] == ["saved"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"containers": 1}', '{"containers": [{"image": "x"}]}'])
def test_an_annotation_that_cannot_be_read_denies_the_pod(text: str) -> None:
    admission = admitted(pod_with(annotations={OVERRIDES: text}), default_setup())
    assert not admission.allowed
    assert admission.message.startswith("failed to run injection template:")
    assert OVERRIDES in admission.message


def test_a_status_that_cannot_be_read_lists_nothing() -> None:
    """Reference 9.1."""
    found = made(pod_with(proxy(args=["own"]), annotations={"sidecar.istio.io/status": "?"}))
    assert container_of(found, "istio-proxy")["args"] == ["own"]
    assert "containers" in kept(found)


def context_of(pod: Pod, name: str) -> JsonObject:
    found: JsonObject = container_of(pod, name)["securityContext"]
    return found


def argument_after(pod: Pod, name: str, flag: str) -> str:
    arguments = container_of(pod, name)["args"]
    found: str = arguments[arguments.index(flag) + 1]
    return found


MODE = "sidecar.istio.io/interceptionMode"


@pytest.mark.parametrize(
    ("ids", "sets", "mode", "wanted"),
    [
        ({"runAsUser": 7}, (), None, ("istio-init", (0, 0), (7, 1337), "7")),
        ({"runAsGroup": 8}, (), None, ("istio-init", (0, 0), (1337, 8), "1337")),
        ({"runAsUser": 7, "runAsGroup": 8}, (CNI,), None, ("istio-validation", (7, 8), (7, 8), "7")),
        ({"runAsGroup": 8}, (CNI,), None, ("istio-validation", (1337, 8), (1337, 8), "1337")),
        ({"runAsUser": 0}, (CNI,), None, ("istio-validation", (0, 1337), (0, 1337), "1337")),
        ({"runAsUser": 7, "runAsGroup": 8}, (), "TPROXY", ("istio-init", (0, 0), (0, 8), "7")),
        ({"runAsUser": 7, "runAsGroup": 8}, (CNI,), "TPROXY", ("istio-validation", (1337, 1337), (0, 8), "7")),
        ({"runAsGroup": 8}, (CNI,), "TPROXY", ("istio-validation", (1337, 1337), (0, 8), "1337")),
    ],
)  # fmt: skip
def test_redirection_leaves_out_the_user_that_the_proxy_runs_as(
    ids: dict[str, int], sets: tuple[str, ...], mode: str | None, wanted: tuple[str, Any, Any, str]
) -> None:
    """Reference 9.5."""
    target, of_target, of_proxy, argument = wanted
    annotations = {} if mode is None else {MODE: mode}
    found = made(pod_with(proxy(securityContext=ids), annotations=annotations), *sets)
    told = context_of(found, target)
    assert (told["runAsUser"], told["runAsGroup"]) == of_target
    own = context_of(found, "istio-proxy")
    assert (own["runAsUser"], own["runAsGroup"]) == of_proxy
    assert argument_after(found, target, "-u") == argument


def test_arguments_without_the_user_s_flag_stay() -> None:
    """Reference 9.5, point 3."""
    init = {"name": "istio-init", "image": "auto", "args": ["mine"]}
    found = made(pod_with(proxy(securityContext={"runAsUser": 7}), init=(init,)))
    assert container_of(found, "istio-init")["args"] == ["mine"]


@pytest.mark.parametrize("native", ["true", "false"])
@pytest.mark.parametrize("other", ["containers", "initContainers"])
def test_a_container_that_is_defined_twice_is_refused(native: str, other: str) -> None:
    """One of them would be taken for the other's definition, and its image `auto` would stay."""
    own = {"name": "istio-proxy", "image": "auto"}
    pod = pod_of(annotations={"sidecar.istio.io/nativeSidecar": native})
    pod["spec"]["containers"].append(own)
    pod["spec"].setdefault(other, []).append(own)
    admission = admitted(pod, default_setup())
    assert not admission.allowed
    assert "the pod has 2 containers named 'istio-proxy'" in admission.message


@pytest.mark.parametrize(
    "own",
    [{"resources": {"$patch": "delete"}}, {"env": [{"name": "POD_NAME", "$patch": "delete"}]}, {"$patch": "delete"}],
)
def test_what_looks_like_a_directive_in_a_definition_does_nothing(own: JsonObject) -> None:
    pod = pod_of()
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", **own})
    once = injected(pod, default_setup())
    assert container_of(once, "istio-proxy")["resources"]["limits"]
    assert injected(once, default_setup()) == once
