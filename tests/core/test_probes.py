"""Probes and lifecycle hooks go through the agent (reference 11.4)."""

import json
from pathlib import Path
from typing import Any

import pytest

from injector.core.model import JsonObject, Pod
from tests.support import container_of, default_setup, env_of, injected, pod_of, setup_of

REWRITE, STATUS_PORT = "sidecar.istio.io/rewriteAppHTTPProbers", "status.sidecar.istio.io/port"
PORTS = [{"name": "http", "containerPort": 8080}]


def pod_with(annotations: dict[str, str] | None = None, **container: Any) -> Pod:
    return injected(pod_of(annotations=annotations, container={"ports": PORTS, **container}), default_setup())


def probers_of(pod: Pod) -> dict[str, Any]:
    """What the proxy is told to ask; empty where it is told nothing."""
    found: dict[str, Any] = json.loads(env_of(container_of(pod, "istio-proxy")).get("ISTIO_KUBE_APP_PROBERS") or "{}")
    return found


def app(pod: Pod) -> JsonObject:
    return container_of(pod, "app")


READY = {"httpGet": {"path": "/app-health/app/readyz", "port": 15020}}


@pytest.mark.parametrize(
    ("handler", "asked", "rewritten"),
    [
        (
            {"httpGet": {"path": "/r", "port": "http", "scheme": "HTTPS", "host": "h"}, "timeoutSeconds": 3},
            {"httpGet": {"path": "/r", "port": 8080, "scheme": "HTTPS", "host": "h"}, "timeoutSeconds": 3},
            {"httpGet": {**READY["httpGet"], "scheme": "HTTP", "host": "h"}, "timeoutSeconds": 3},
        ),
        (
            {"httpGet": {"port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]}},
            {"httpGet": {"port": 80, "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]}},
            {"httpGet": {**READY["httpGet"], "scheme": "HTTP", "httpHeaders": [{"name": "A", "value": "b"}]}},
        ),
        ({"tcpSocket": {"port": "http"}, "periodSeconds": 9},
         {"tcpSocket": {"port": 8080}}, {**READY, "periodSeconds": 9}),
        ({"tcpSocket": {"port": 5, "host": "h"}}, {"tcpSocket": {"port": 5, "host": "h"}}, READY),
        ({"grpc": {"port": 5}}, {"grpc": {"port": 5, "service": None}}, READY),
        ({"grpc": {"port": 15020, "service": "s"}}, {"grpc": {"port": 15020, "service": "s"}}, READY),
        ({"httpGet": {"path": "/r", "port": "unknown"}}, None, READY),
        ({"httpGet": {"path": "/r", "port": "8080"}}, None, READY),
        ({"httpGet": {"path": "/r", "port": 15020}}, None, READY),
        ({"tcpSocket": {"port": 15020}}, None, READY),
        ({"exec": {"command": ["x"]}}, None, {"exec": {"command": ["x"]}}),
    ],
)  # fmt: skip
def test_a_probe_is_told_to_the_agent_and_asks_it(
    handler: JsonObject, asked: JsonObject | None, rewritten: JsonObject
) -> None:
    pod = pod_with(readinessProbe=handler)
    assert probers_of(pod) == ({} if asked is None else {"/app-health/app/readyz": asked})
    assert app(pod)["readinessProbe"] == rewritten


def test_every_place_of_a_handler_has_its_key_in_containers_of_both_lists() -> None:
    ask = {"tcpSocket": {"port": 1}}
    places = {
        **dict.fromkeys(("readinessProbe", "livenessProbe", "startupProbe"), ask),
        "lifecycle": {"preStop": {"httpGet": {"path": "/x", "port": 2}}, "postStart": ask},
    }
    pod = pod_of(container=places, initContainers=[{"name": "side", "image": "s", "restartPolicy": "Always", **places}])
    found = injected(pod, default_setup())
    keys = "app-health/{}/readyz app-health/{}/livez app-health/{}/startupz".split()
    keys += "app-lifecycle/{}/prestopz app-lifecycle/{}/poststartz".split()
    assert set(probers_of(found)) == {f"/{key.format(name)}" for key in keys for name in ("app", "side")}
    assert container_of(found, "side")["lifecycle"]["postStart"] == {
        "httpGet": {"path": "/app-lifecycle/side/poststartz", "port": 15020}
    }


@pytest.mark.parametrize("hook", ["preStop", "postStart"])
def test_a_hook_has_no_timeout(hook: str) -> None:
    """Only probes have one: what stands there is nobody's field, and is not handed to the agent."""
    pod = pod_with(lifecycle={hook: {"httpGet": {"port": 8080}, "timeoutSeconds": 3}})
    assert probers_of(pod) == {f"/app-lifecycle/app/{hook.lower()}z": {"httpGet": {"port": 8080}}}


@pytest.mark.parametrize("hook", ["preStop", "postStart"])
@pytest.mark.parametrize("handler", [{"sleep": {"seconds": 1}}, {"exec": {"command": ["x"]}}, {"grpc": {"port": 1}}])
def test_other_hooks_stay(handler: JsonObject, hook: str) -> None:
    pod = pod_with(lifecycle={hook: handler})
    assert probers_of(pod) == {}
    assert app(pod)["lifecycle"] == {hook: handler}


@pytest.mark.parametrize(
    ("own", "by_default", "rewritten"),
    [
        (None, True, True),
        (None, False, False),
        ("true", False, True),
        ("1", False, True),
        ("false", True, False),
        ("F", True, False),
        ("maybe", True, True),
        ("maybe", False, False),
        ("", True, True),
    ],
)
def test_who_decides_whether_probes_are_rewritten(
    own: str | None, by_default: bool, rewritten: bool, tmp_path: Path
) -> None:
    setup = setup_of(tmp_path, "", f"values.sidecarInjectorWebhook.rewriteAppHTTPProbe={str(by_default).lower()}")
    given = {} if own is None else {REWRITE: own}
    pod = pod_of(annotations=given, container={"readinessProbe": {"httpGet": {"path": "/r", "port": 80}}})
    found = injected(pod, setup)
    assert (probers_of(found) != {}) == rewritten
    assert (app(found)["readinessProbe"] == READY) == rewritten


@pytest.mark.parametrize(
    ("annotation", "mesh", "port"),
    [
        (None, 15020, 15020),
        (None, 16000, 16000),
        ("1234", 15020, 1234),
        ("0", 15020, 0),
        (" 1234 ", 15020, 0),
    ],
)
def test_the_port_that_rewritten_probes_ask(annotation: str | None, mesh: int, port: int, tmp_path: Path) -> None:
    """The annotation's, though a blank around it is not understood here, else the mesh's."""
    given = {} if annotation is None else {STATUS_PORT: annotation}
    pod = pod_of(annotations=given, container={"readinessProbe": {"tcpSocket": {"port": 80}}})
    found = injected(pod, setup_of(tmp_path, "", f"meshConfig.defaultConfig.statusPort={mesh}"))
    assert app(found)["readinessProbe"]["httpGet"]["port"] == port


def test_in_the_webhook_only_the_mesh_s_status_port_means_already_rewritten() -> None:
    """Reference 3.4, last paragraph."""
    given = {"proxy.istio.io/config": "statusPort: 9"}
    pod = pod_of(annotations=given, container={"readinessProbe": {"tcpSocket": {"port": 9}}})
    assert probers_of(injected(pod, default_setup())) == {"/app-health/app/readyz": {"tcpSocket": {"port": 9}}}


def test_a_pod_without_a_proxy_keeps_its_probes(tmp_path: Path) -> None:
    audit = "defaultTemplates: [audit]\ntemplates: {audit: 'spec: {containers: [{name: audit, image: a}]}'}"
    probe = {"httpGet": {"path": "/r", "port": 80}}
    pod = pod_of(annotations={REWRITE: "true"}, container={"readinessProbe": probe})
    assert app(injected(pod, setup_of(tmp_path, audit)))["readinessProbe"] == probe


def test_the_proxy_s_own_probes_stay() -> None:
    pod = pod_of()
    own = {"livenessProbe": {"httpGet": {"path": "/live", "port": 15021}}}
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", **own})
    found = injected(pod, default_setup())
    assert container_of(found, "istio-proxy")["livenessProbe"] == own["livenessProbe"]
    assert probers_of(found) == {}


STATUS = '{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":null}'


def injected_before(known: str | None, **container: Any) -> Pod:
    """A pod that another injector has injected, whose proxy knows `known`."""
    pod = pod_of(annotations={"sidecar.istio.io/status": STATUS}, container=container)
    env = [] if known is None else [{"name": "ISTIO_KUBE_APP_PROBERS", "value": known}]
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "x", "env": env})
    return injected(pod, default_setup())


def test_what_was_known_before_is_kept_and_wins() -> None:
    known = '{"/app-health/app/livez":{"httpGet":{"port":7}},"/app-health/gone/readyz":{"httpGet":{"port":8}}}'
    new = {"readinessProbe": {"httpGet": {"port": 80}}, "livenessProbe": {"tcpSocket": {"port": 9}}}
    assert probers_of(injected_before(known, **new)) == {
        **json.loads(known),
        "/app-health/app/readyz": {"httpGet": {"port": 80}},
    }


def test_what_the_user_told_the_proxy_stands_before_what_is_found_out() -> None:
    """Reference 11.4: only what an injection left is merged with."""
    pod = pod_of(container={"readinessProbe": {"httpGet": {"port": 80}}})
    own = {"name": "ISTIO_KUBE_APP_PROBERS", "value": '{"own":{}}'}
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "env": [own]})
    found = [
        each
        for each in container_of(injected(pod, default_setup()), "istio-proxy")["env"]
        if each["name"] == own["name"]
    ]
    assert found == [own, {"name": own["name"], "value": '{"/app-health/app/readyz":{"httpGet":{"port":80}}}'}]


def test_a_proxy_that_knows_nothing_yet_is_told() -> None:
    new = {"readinessProbe": {"httpGet": {"port": 80}}}
    assert probers_of(injected_before(None, **new)) == {"/app-health/app/readyz": {"httpGet": {"port": 80}}}


def test_a_probe_that_asks_the_agent_already_is_nothing_to_ask_the_application() -> None:
    rewritten = {"httpGet": {"path": "/app-health/app/readyz", "port": 9}}
    assert probers_of(injected_before(None, readinessProbe=rewritten)) == {}


def test_what_cannot_be_read_is_left_alone() -> None:
    pod = injected_before("not json", readinessProbe={"httpGet": {"port": 80}})
    assert env_of(container_of(pod, "istio-proxy"))["ISTIO_KUBE_APP_PROBERS"] == "not json"


@pytest.mark.parametrize(
    "own", [[{}], [{"value": "not json"}], [{"value": "{}"}], [{"value": "{}"}, {}], [{}, {"value": '{"own":{}}'}]]
)
def test_a_second_injection_tells_the_proxy_no_more_than_the_first(own: list[JsonObject]) -> None:
    """The template of a gateway brings a container with a probe of its own."""
    pod = pod_of(annotations={"inject.istio.io/templates": "envoy-gateway"})
    env = [{"name": "ISTIO_KUBE_APP_PROBERS", **each} for each in own]
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "x", "env": env})
    once = injected(pod, default_setup())
    assert probers_of(once).keys() == {"/app-health/envoy-gateway/readyz"}
    assert injected(once, default_setup()) == once


def test_the_object_is_compact_and_sorted() -> None:
    pod = pod_with(readinessProbe={"tcpSocket": {"port": 2}}, livenessProbe={"httpGet": {"path": "/", "port": 1}})
    assert env_of(container_of(pod, "istio-proxy"))["ISTIO_KUBE_APP_PROBERS"] == (
        '{"/app-health/app/livez":{"httpGet":{"path":"/","port":1}},"/app-health/app/readyz":{"tcpSocket":{"port":2}}}'
    )
