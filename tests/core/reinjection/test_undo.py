"""Injecting the injected changes nothing; taking an injection out gives what was there before."""

import copy
import json
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.config import load
from injector.core.model import JsonObject, Pod
from injector.core.quantity import canonical_quantities
from injector.core.reinjection.undo import with_defaults_kept
from injector.core.setup import Setup, set_up
from tests.core.test_istio_removal import as_istio_leaves_it
from tests.support import admitted, container_of, default_setup, env_of, injected, pod_of, setup_of, uninjected
from tests.thoroughness import tried

PORTS = [{"name": "http", "containerPort": 8080}]
PROBE = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 3}

# Parts that a pod may have, each of which an injection touches in its own way.
PARTS: dict[str, dict[str, Any]] = {
    "probes": {"container": {"ports": PORTS, "readinessProbe": PROBE, "livenessProbe": {"tcpSocket": {"port": 1}}}},
    "lifecycle": {"container": {"ports": PORTS, "lifecycle": {"preStop": {"httpGet": {"path": "/x", "port": 80}}}}},
    "scraped": {"annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}},
    "own proxy": {"second": {"name": "istio-proxy", "image": "auto", "env": [{"name": "X", "value": "1"}]}},
    "own proxy image": {"second": {"name": "istio-proxy", "image": "mine", "resources": {"limits": {"cpu": "2000m"}}}},
    "own init": {"initContainers": [{"name": "prepare", "image": "p"}, {"name": "istio-init", "args": ["-u", "1"]}]},
    "own volume": {"volumes": [{"name": "workload-socket", "csi": {"driver": "d"}}, {"name": "data", "emptyDir": {}}]},
    "own order": {
        "volumes": [{"name": "istio-envoy", "emptyDir": {}}, {"name": "workload-socket", "csi": {"driver": "d"}}],
        "initContainers": [{"name": "enable-core-dump", "image": "d"}, {"name": "prepare", "image": "p"}],
    },
    "pull secrets": {"imagePullSecrets": [{"name": "mine"}]},
    "network": {"labels": {"app": "shop", "topology.istio.io/network": "n1"}},
    "container annotation": {"annotations": {"kubectl.kubernetes.io/default-container": "app"}},
    "templates": {"annotations": {"inject.istio.io/templates": "sidecar,grpc-simple"}},
    "grpc": {"annotations": {"inject.istio.io/templates": "grpc-agent"}},
    "gateway": {"annotations": {"inject.istio.io/templates": "gateway"}},
    "security": {"securityContext": {"runAsUser": 5}},
}

CONFIGURATIONS = {
    "defaults": (),
    "native": ("nativeSidecars=enabled",),
    "cni": ("values.pilot.cni.enabled=true",),
    "forced": (
        "values.global.network=n",
        "values.global.multiCluster.clusterName=c",
        "values.global.imagePullSecrets={pull}",
    ),
    "annotated": ("injectedAnnotations.note=b",),
    "proxyless": ("defaultTemplates={grpc-agent}",),
    "metadata": tuple(
        f"meshConfig.defaultConfig.proxyMetadata.{name}=true"
        for name in ("POD_NAME", "ISTIO_META_DNS_CAPTURE", "ISTIO_META_CLUSTER_ID", "OWN")
    ),
}


# An annotation that no configuration in force injects any more is left: it might be the user's.
EARLIER = sorted(CONFIGURATIONS.keys() - {"annotated"})


@cache
def setup_named(name: str) -> Setup:
    return set_up(load(sets=CONFIGURATIONS[name]).config)


def pod_with(parts: list[str]) -> Pod:
    pod = pod_of(serviceAccountName="shop")
    for part in map(PARTS.__getitem__, parts):
        spec = pod["spec"]
        spec["containers"][0] |= copy.deepcopy(part.get("container", {}))
        spec["containers"] += copy.deepcopy([part["second"]]) if "second" in part else []
        pod["metadata"]["labels"] |= part.get("labels", {})
        pod["metadata"].setdefault("annotations", {}).update(part.get("annotations", {}))
        for field in ("initContainers", "volumes", "imagePullSecrets", "securityContext"):
            if field in part:
                spec[field] = copy.deepcopy(part[field])
    if not pod["metadata"].get("annotations"):
        pod["metadata"].pop("annotations", None)
    return pod


def _is_one_pod(parts: list[str]) -> bool:
    """One proxy at most; and none with a second template, which could make another one of it (reference 9.3)."""
    proxies = {"own proxy", "own proxy image"} & set(parts)
    return not proxies or (len(proxies) == 1 and "templates" not in parts)


COMBINATIONS = st.lists(st.sampled_from(sorted(PARTS)), unique=True, max_size=5).filter(_is_one_pod)


@tried(300)
@given(parts=COMBINATIONS, configuration=st.sampled_from(sorted(CONFIGURATIONS)))
def test_injecting_the_injected_changes_nothing(parts: list[str], configuration: str) -> None:
    setup = setup_named(configuration)
    once = injected(pod_with(parts), setup)
    second = admitted(once, setup)
    assert second.allowed
    assert second.patch == ()


@tried(300)
@given(parts=COMBINATIONS, configuration=st.sampled_from(sorted(CONFIGURATIONS)))
def test_taking_an_injection_out_gives_the_pod_that_was_there(parts: list[str], configuration: str) -> None:
    pod = pod_with(parts)
    setup = setup_named(configuration)
    assert uninjected(injected(pod, setup), setup) == pod


@tried(200)
@given(parts=COMBINATIONS, first=st.sampled_from(EARLIER), then=st.sampled_from(sorted(CONFIGURATIONS)))
def test_two_configurations_one_after_the_other_can_be_taken_out_again(parts: list[str], first: str, then: str) -> None:
    pod = pod_with(parts)
    twice = injected(injected(pod, setup_named(first)), setup_named(then))
    assert admitted(twice, setup_named(then)).patch == ()
    assert uninjected(twice, setup_named(then)) == pod


@tried(200)
@given(parts=COMBINATIONS, configuration=st.sampled_from(sorted(CONFIGURATIONS)))
def test_the_patch_leads_from_the_received_pod_to_the_result(parts: list[str], configuration: str) -> None:
    pod = pod_with(parts)
    received = copy.deepcopy(pod)
    admission = admitted(pod, setup_named(configuration))
    assert pod == received
    assert jsonpatch.apply_patch(received, list(admission.patch)) == admission.pod


def test_a_pod_that_was_not_injected_stays_the_same_object() -> None:
    pod = pod_of()
    assert uninjected(pod, default_setup()) is pod


def test_a_change_of_configuration_reaches_an_injected_pod(tmp_path: Path) -> None:
    once = injected(pod_of(), default_setup())
    again = injected(once, setup_of(tmp_path, "values: {global: {proxy: {logLevel: debug}}}"))
    assert "--proxyLogLevel=debug" in container_of(again, "istio-proxy")["args"]


def test_what_the_user_overrode_survives_a_second_injection() -> None:
    """Istio drops it (reference 10.3); the contract's last table says that this project does not."""
    own = {"name": "istio-proxy", "image": "auto", "env": [{"name": "MINE", "value": "1"}], "args": ["mine"]}
    pod = pod_of()
    pod["spec"]["containers"].append(own)
    again = injected(injected(pod, default_setup()), default_setup())
    proxy = container_of(again, "istio-proxy")
    assert proxy["args"] == ["mine"]
    assert env_of(proxy)["MINE"] == "1"


ISTIO_STATUS = '{"initContainers":["istio-init"],"containers":["istio-proxy"],"volumes":null,"revision":"default"}'


def injected_by_istio(**proxy: Any) -> Pod:
    pod = pod_of(annotations={"sidecar.istio.io/status": ISTIO_STATUS})
    pod["spec"]["initContainers"] = [{"name": "istio-init", "image": "old", "args": ["old"]}]
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "old", "args": ["old"], **proxy})
    return pod


# A template that writes into the application's containers what it reads of them.
WRITING = {
    "templates": """
        spec:
          containers:
          {% for container in pod.spec.containers %}
          - name: {{ container.name }}
            ports: [{name: mesh, containerPort: 9000}]
            env: [{name: IMAGE, value: "{{ container.image }}"}]
          {% endfor %}
        """,
    "goTemplates": """
        spec:
          containers:
          {{- range .Spec.Containers }}
          - name: {{ .Name }}
            ports: [{name: mesh, containerPort: 9000}]
            env: [{name: IMAGE, value: {{ .Image | quote }}}]
          {{- end }}
        """,
}
REPEATED: dict[str, JsonObject] = {
    "variables": {"env": [{"name": name, "value": name + str(place)} for place, name in enumerate("ABAACB")]},
    "ports": {
        "ports": [
            {"name": f"{name}-{port}", "containerPort": port, "protocol": name.upper()}
            for name in ("tcp", "udp")
            for port in (53, 80)
        ]
    },
    "an image that is chosen later": {"image": "auto"},
    "a command beside that": {"command": ["run"], "image": "auto", "env": [{"name": "IMAGE", "value": "own"}]},
}


@pytest.mark.parametrize("name", REPEATED)
@pytest.mark.parametrize("language", WRITING)
def test_what_templates_write_into_the_application_is_written_once(tmp_path: Path, language: str, name: str) -> None:
    """Whatever its lists have more than once stays in its order, and templates see what its author wrote."""
    text = json.dumps({language: {"writing": dedent(WRITING[language])}, "defaultTemplates": ["writing"]})
    setup, pod = setup_of(tmp_path, text), pod_of(container=REPEATED[name])
    once = injected(pod, setup)
    again = admitted(once, setup)
    assert (again.message, again.patch) == ("", ())
    assert uninjected(once, setup) == pod
    assert container_of(once, "app")["image"] == container_of(pod, "app")["image"]


@pytest.mark.parametrize("language", WRITING)
def test_templates_see_the_image_that_another_injector_left_out(tmp_path: Path, language: str) -> None:
    text = json.dumps({language: {"writing": dedent(WRITING[language])}, "defaultTemplates": ["writing"]})
    setup = setup_of(tmp_path, text)
    once = injected(pod_of(container={"image": "auto"}), setup)
    again = injected(as_istio_leaves_it(once), setup)
    assert env_of(container_of(again, "app")) == env_of(container_of(once, "app")) == {"IMAGE": "auto"}


def test_the_proxy_of_another_injector_reverts_to_the_template_and_then_stays() -> None:
    """Reference 10.3, first point."""
    once = injected(injected_by_istio(tty=True), default_setup())
    proxy = container_of(once, "istio-proxy")
    assert proxy["args"][:2] == ["proxy", "sidecar"]
    assert proxy["image"] != "old"
    assert proxy["tty"] is True
    assert admitted(once, default_setup()).patch == ()


def test_what_another_injector_saved_of_the_user_s_counts_again() -> None:
    pod = injected_by_istio()
    saved = {"containers": [{"name": "istio-proxy", "args": ["mine"], "resources": {}}]}
    pod["metadata"]["annotations"]["proxy.istio.io/overrides"] = json.dumps(saved)
    once = injected(pod, default_setup())
    proxy = container_of(once, "istio-proxy")
    assert proxy["args"] == ["mine"]
    assert proxy["image"] != "old"
    assert admitted(once, default_setup()).patch == ()


def test_a_proxy_of_another_injector_that_becomes_native_keeps_what_it_had() -> None:
    """Reference 10.3, second point."""
    once = injected(injected_by_istio(), setup_named("native"))
    proxy = container_of(once, "istio-proxy")
    assert [each["name"] for each in once["spec"]["initContainers"]] == ["istio-init", "istio-proxy"]
    assert proxy["args"] == ["old"]
    assert proxy["image"] == "old"
    assert proxy["restartPolicy"] == "Always"
    assert "startupProbe" in proxy
    assert "proxy.istio.io/overrides" not in once["metadata"]["annotations"]
    assert container_of(once, "istio-init")["args"][0] == "istio-iptables"
    assert admitted(once, setup_named("native")).patch == ()


@pytest.mark.parametrize(
    "templates", ["sidecar,gateway", "gateway,sidecar", "sidecar,grpc-agent", "grpc-agent,sidecar"]
)
@pytest.mark.parametrize("configuration", sorted(CONFIGURATIONS))
def test_two_templates_of_one_proxy_change_nothing_the_second_time(templates: str, configuration: str) -> None:
    """Reference 9.3: a later template may put a second proxy under containers, and it stays."""
    once = injected(pod_of(annotations={"inject.istio.io/templates": templates}), setup_named(configuration))
    assert admitted(once, setup_named(configuration)).patch == ()


@pytest.mark.parametrize("templates", ["grpc-simple", "grpc-agent", "sidecar,grpc-simple", "gateway"])
@pytest.mark.parametrize("configuration", sorted(CONFIGURATIONS))
def test_after_another_injector_other_templates_change_nothing_the_second_time(
    templates: str, configuration: str
) -> None:
    """The application's containers, which such templates mention, are not lost, nor that injector's taken for them."""
    pod = injected_by_istio()
    pod["metadata"]["annotations"]["inject.istio.io/templates"] = templates
    once = injected(pod, setup_named(configuration))
    assert admitted(once, setup_named(configuration)).patch == ()
    status = json.loads(once["metadata"]["annotations"]["sidecar.istio.io/status"])
    assert ("app" in status["containers"]) == ("grpc" in templates)


def test_the_containers_of_another_injector_are_taken_out_as_far_as_it_says() -> None:
    pod = pod_of(annotations={"sidecar.istio.io/status": '{"containers":["istio-proxy"],"volumes":["v"]}'})
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "x"})
    pod["spec"]["volumes"] = [{"name": "v"}, {"name": "data"}]
    found = uninjected(pod, default_setup())
    assert [each["name"] for each in found["spec"]["containers"]] == ["app"]
    assert found["spec"]["volumes"] == [{"name": "data"}]
    assert "annotations" not in found["metadata"]


def test_what_another_injector_had_put_there_does_not_become_the_user_s_own() -> None:
    """Its volumes and pull secrets carry the names that this project's template injects too."""
    pod = injected_by_istio()
    status = json.loads(ISTIO_STATUS) | {"volumes": ["istio-envoy"], "imagePullSecrets": ["theirs"]}
    pod["metadata"]["annotations"]["sidecar.istio.io/status"] = json.dumps(status)
    pod["spec"] |= {
        "volumes": [{"name": "istio-envoy", "emptyDir": {"medium": "Memory"}}, {"name": "istio-data", "hostPath": {}}],
        "imagePullSecrets": [{"name": "theirs"}, {"name": "pull"}],
    }
    once = injected(pod, setup_named("forced"))
    assert admitted(once, setup_named("forced")).patch == ()
    spec = uninjected(once, setup_named("forced"))["spec"]
    assert spec["volumes"] == [{"name": "istio-data", "hostPath": {}}]
    assert spec["imagePullSecrets"] == [{"name": "pull"}]


def test_an_overrides_annotation_that_cannot_be_read_refuses_the_pod() -> None:
    admission = admitted(pod_of(annotations={"proxy.istio.io/overrides": "{"}), default_setup())
    assert not admission.allowed
    assert "proxy.istio.io/overrides" in admission.message


@pytest.mark.parametrize("before", [{}, {"securityContext": {}}, {"tolerations": []}])
@pytest.mark.parametrize("field", ["tolerations", "securityContext"])
def test_the_record_keeps_its_order_where_the_pod_was_changed_since(
    tmp_path: Path, before: JsonObject, field: str
) -> None:
    """An admission plugin that runs in between changes what a template sets: the status stays the same text."""
    setup = setup_of(
        tmp_path,
        "defaultTemplates: [t]\ntemplates:\n  t: |\n    spec:\n      securityContext: {fsGroup: 1337}\n"
        "      tolerations: [{key: x}]\n",
    )
    once = injected(pod_of(**before), setup)
    plugin = {"tolerations": [{"key": "x"}, {"key": "not-ready"}], "securityContext": {"fsGroup": 1}}
    changed = {**once, "spec": {**once["spec"], field: plugin[field]}}
    assert injected(changed, setup)["metadata"] == once["metadata"]


# What the API server fills in between two injections is no change (reference, conventions and 10.3).


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "2000m"}}),
        ({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}),
        ({"requests": {"cpu": "1"}}, {"requests": {"cpu": 1}}),
        ({"periodSeconds": 1}, {"periodSeconds": 1, "initialDelaySeconds": 0}),
        ({"fieldPath": "metadata.name", "apiVersion": "v1"}, {"fieldPath": "metadata.name"}),
        ({"name": "v", "emptyDir": {}}, {"name": "v"}),
    ],
)
def test_what_means_the_same_stays_the_very_object(before: Any, after: Any) -> None:
    assert with_defaults_kept(before, after) is before
    assert with_defaults_kept([before], [after])[0] is before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "2001m"}}),
        ({"initialDelaySeconds": 5}, {"initialDelaySeconds": 0}),
        ({"name": "v", "emptyDir": {"medium": "Memory"}}, {"name": "v"}),
        ({"fieldPath": "metadata.name", "apiVersion": "v2"}, {"fieldPath": "metadata.name"}),
        ({"name": "a", "x": 1}, {"name": "b", "x": 1}),
        ({"a": 1}, {"a": True}),
        ([1], [1, 2]),
    ],
)
def test_what_means_something_else_is_taken(before: Any, after: Any) -> None:
    found = with_defaults_kept(before, after)
    assert found == after
    assert repr(found) == repr(after)


def as_the_api_server_keeps_it(pod: Pod) -> Pod:
    """The pod after the API server's defaults, as far as injected parts are concerned."""
    kept = copy.deepcopy(pod)
    spec = kept["spec"]
    for volume in spec["volumes"]:
        if volume.keys() == {"name"}:
            volume["emptyDir"] = {}
        for item in volume.get("downwardAPI", {}).get("items", ()):
            item["fieldRef"]["apiVersion"] = "v1"
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        container["resources"] = canonical_quantities(container.get("resources") or {})
        container |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "Always"}
        for entry in container.get("env", ()):
            if "fieldRef" in entry.get("valueFrom", {}):
                entry["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
        for probe in ("readinessProbe", "startupProbe"):
            if probe in container:
                container[probe].setdefault("successThreshold", 1)
                container[probe]["httpGet"].setdefault("scheme", "HTTP")
                if not container[probe].get("initialDelaySeconds"):
                    container[probe].pop("initialDelaySeconds", None)
    return kept


@pytest.mark.parametrize("sets", [(), ("nativeSidecars=enabled",), ("defaultTemplates={gateway}",)])
def test_an_injected_pod_that_comes_back_from_the_api_server_does_not_change(sets: tuple[str, ...]) -> None:
    setup = set_up(load(sets=sets).config)
    came_back = as_the_api_server_keeps_it(injected(pod_of(), setup))
    assert admitted(came_back, setup).patch == ()


def test_what_another_configuration_wants_still_comes_through() -> None:
    came_back = as_the_api_server_keeps_it(injected(pod_of(), set_up(load().config)))
    found = injected(came_back, set_up(load(sets=["values.global.proxy.resources.limits.cpu=3"]).config))
    assert container_of(found, "istio-proxy")["resources"]["limits"]["cpu"] == 3


@pytest.mark.parametrize("native", ["true", "false"])
def test_templates_see_the_probes_that_the_user_wrote_on_every_pass(native: str) -> None:
    """An application that brings its own `istio-proxy` has its probes rewritten whatever the template."""
    asks = {"inject.istio.io/templates": "envoy", "sidecar.istio.io/nativeSidecar": native}
    pod = pod_of(annotations=asks, container={"readinessProbe": {"tcpSocket": {"port": 8080}}})
    pod["spec"]["containers"].append({"name": "istio-proxy", "image": "own:1"})
    once = injected(pod, default_setup())
    assert injected(once, default_setup()) == once
    (capture,) = (each for each in once["spec"]["initContainers"] if each["name"] == "envoy-capture")
    assert "--listening-inbound-ports=8080" in capture["args"]
