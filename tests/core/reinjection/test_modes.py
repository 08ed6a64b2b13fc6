"""A pod that was injected in one mode and is injected again in another: one proxy, the user's wishes kept."""

from collections.abc import Callable
from itertools import product

import pytest

from injector.core.admission import Subject, admit
from injector.core.model import EMPTY_SNAPSHOT, STATUS_ANNOTATION, JsonObject, Pod
from injector.core.pods import all_containers, workload_of
from injector.core.setup import Setup
from tests.core.test_istio_removal import HTTP, as_istio_leaves_it, comparable
from tests.support import admitted, container_of, env_of, injected, pod_of, setup_of

CNI, NATIVE = "values.pilot.cni.enabled=true", "nativeSidecars=enabled"
ANOTHER_RELEASE = """
goTemplates:
  sidecar: |
    metadata:
      labels: {security.istio.io/tlsMode: istio}
    spec:
      initContainers:
      - name: istio-init
        image: {{ .ProxyImage }}
        args: [istio-iptables, -u, "1337"]
      {{- if not .NativeSidecars }}
      containers:
      {{- end }}
      - name: istio-proxy
        image: {{ .ProxyImage }}
        args: [proxy, sidecar, --old]
        {{- if .NativeSidecars }}
        restartPolicy: Always
        {{- end }}
      volumes:
      - name: istio-envoy
        emptyDir: {medium: Memory}
"""
MODES: dict[str, tuple[str, ...]] = {
    "classic": (),
    "native": (NATIVE,),
    "CNI": (CNI,),
    "native with CNI": (CNI, NATIVE),
    "held": ("values.global.proxy.holdApplicationUntilProxyStarts=true",),
    "without redirection": ("meshConfig.defaultConfig.interceptionMode=NONE",),
    "older": ("values.global.tag=older", "revision=older", "values.global.network=n1"),
    "another release": (),
    "another release, native": (NATIVE,),
    "proxyless": ("defaultTemplates={grpc-agent}",),
    "gateway": ("defaultTemplates={gateway}",),
    "standalone": ("defaultTemplates={envoy}",),
    "standalone, native": ("defaultTemplates={envoy}", NATIVE),
}
# What the user says of the proxy, where the template has one of that name.
OWN: JsonObject = {"name": "istio-proxy", "image": "auto", "env": [{"name": "X", "value": "1"}], "tty": True}
PODS = {
    "plain": pod_of(container={"ports": [{"containerPort": 8080}]}),
    "with probes": pod_of(annotations={"prometheus.io/port": "9090"}, container={"readinessProbe": HTTP}),
    "with its own proxy": pod_of(initContainers=[{"name": "prepare", "image": "p"}]),
}
PODS["with its own proxy"]["spec"]["containers"].append(OWN)


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Setup]:
    folder = tmp_path_factory.mktemp("modes")
    return {
        name: setup_of(folder, ANOTHER_RELEASE if name.startswith("another release") else "", *sets)
        for name, sets in MODES.items()
    }


def by_hand(pod: Pod, setup: Setup) -> Pod:
    admission = admit(Subject(pod, "default", workload_of(pod, "default"), manual=True), setup, EMPTY_SNAPSHOT)
    assert admission.allowed, admission.message
    return admission.pod


WAYS: dict[str, Callable[[Pod, Setup], Pod]] = {"webhook": injected, "by hand": by_hand}


@pytest.fixture(scope="module")
def once(setups: dict[str, Setup]) -> dict[tuple[str, str, str], Pod]:
    """Each pod injected once in each way and mode."""
    return {
        (way, name, mode): inject(PODS[name], setup)
        for (way, inject), name, (mode, setup) in product(WAYS.items(), PODS, setups.items())
    }


def names_of(pod: Pod) -> list[str]:
    return [container["name"] for _, _, container in all_containers(pod)]


def without_status(pod: Pod) -> Pod:
    own = {name: text for name, text in pod["metadata"]["annotations"].items() if name != STATUS_ANNOTATION}
    return comparable({**pod, "metadata": {**pod["metadata"], "annotations": own}})


PAIRS = pytest.mark.parametrize(("first", "then"), list(product(MODES, MODES)))


@PAIRS
@pytest.mark.parametrize("made", list(product(WAYS, PODS)), ids="-".join)
def test_the_second_mode_is_as_if_it_had_been_the_first(
    setups: dict[str, Setup], once: dict[tuple[str, str, str], Pod], first: str, then: str, made: tuple[str, str]
) -> None:
    way, name = made
    twice = injected(once[way, name, first], setups[then])
    assert without_status(twice) == without_status(once["webhook", name, then])
    assert admitted(twice, setups[then]).patch == ()


@PAIRS
@pytest.mark.parametrize("name", PODS)
def test_after_istio_there_is_one_proxy_and_the_user_s_wishes_hold(
    setups: dict[str, Setup], once: dict[tuple[str, str, str], Pod], first: str, then: str, name: str
) -> None:
    """Istio's injector, or an older one of this project, has left no record."""
    twice = injected(as_istio_leaves_it(once["webhook", name, first]), setups[then])
    assert sorted(names_of(twice)) == sorted(names_of(once["webhook", name, then]))
    if name == "with its own proxy":
        proxy = container_of(twice, "istio-proxy")
        assert proxy["tty"] is True
        assert env_of(proxy)["X"] == "1"
    assert admitted(twice, setups[then]).patch == ()
