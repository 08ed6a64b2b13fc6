"""Taking out what Istio's own injector did, which keeps no record (reference 5.4 to 5.6, 6, 11.2 to 11.4)."""

import json
from copy import deepcopy
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from injector.core.model import STATUS_ANNOTATION, JsonObject, Pod
from injector.core.quantity import canonical_quantities
from injector.core.setup import Setup
from tests.support import container_of, injected, pod_of, removal_of, setup_of, setup_with, uninjected

TRAFFIC = "traffic.sidecar.istio.io/"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
CNI, NATIVE = "values.pilot.cni.enabled=true", "nativeSidecars=enabled"
MULTUS = (CNI, "values.pilot.cni.provider=multus")
HTTP: JsonObject = {"httpGet": {"path": "/ready", "port": 8080}}
HTTPS = {
    "httpGet": {"path": "/x", "port": 8443, "scheme": "HTTPS", "httpHeaders": [{"name": "A", "value": "b"}]},
    "timeoutSeconds": 5,
}
GRPC: JsonObject = {"grpc": {"port": 9090, "service": "health"}, "periodSeconds": 3}


def as_istio_makes_it(pod: Pod, *sets: str) -> Pod:
    """The injected pod without what Istio does not write. Nothing of it is shared."""
    return as_istio_leaves_it(deepcopy(injected(pod, setup_with(*sets))))


def as_istio_leaves_it(made: Pod) -> Pod:
    """An injected pod without the record."""
    own = made["metadata"]["annotations"]
    status = {key: value for key, value in json.loads(own[STATUS_ANNOTATION]).items() if key != "original"}
    return {**made, "metadata": {**made["metadata"], "annotations": {**own, STATUS_ANNOTATION: json.dumps(status)}}}


def proxy(**fields: Any) -> list[JsonObject]:
    return [{"name": "app", "image": "registry.example/app:1"}, {"name": "istio-proxy", "image": "auto", **fields}]


PODS: dict[str, tuple[Pod, tuple[str, ...]]] = {
    "plain": (pod_of(), ()),
    "no label for its name": (pod_of(labels={"tier": "x"}), ()),
    "own name and revision": (
        pod_of(labels={"service.istio.io/canonical-name": "mine", "service.istio.io/canonical-revision": "v7"}),
        (),
    ),
    "own mode of TLS": (pod_of(labels={"app": "shop", "security.istio.io/tlsMode": "disabled"}), ()),
    "version": (pod_of(labels={"app.kubernetes.io/name": "a" * 62 + "-b", "version": "v2"}), ()),
    "revision label": (pod_of(labels={"app": "shop", "istio.io/rev": "default"}), ()),
    "tunnel": (pod_of(), ("values.profile=ambient",)),
    "network of the mesh": (pod_of(), ("values.global.network=n1",)),
    "own network": (pod_of(labels={"app": "shop", "topology.istio.io/network": "mine"}), ("values.global.network=n1",)),
    "own default container": (
        pod_of(
            annotations={"kubectl.kubernetes.io/default-container": "b"},
            initContainers=[{"name": "b", "image": "b"}],
        ),
        (),
    ),
    "scraped": (pod_of(annotations={"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}), ()),
    "scraped elsewhere": (pod_of(annotations={"prometheus.io/path": "/m"}), ("values.global.proxy.statusPort=15099",)),
    "targets": (pod_of(annotations={"prometheus.istio.io/scrape-targets": "80:/a,90:/metrics"}), ()),
    "not merged": (
        pod_of(annotations={"prometheus.io/port": "15090", "prometheus.io/path": "/stats/prometheus"}),
        ("meshConfig.enablePrometheusMerge=false",),
    ),
    "secure metrics": (pod_of(), ("meshConfig.defaultConfig.proxyMetadata.ENVOY_SECURE_MERGED_METRICS_PORT=15092",)),
    "own port of the agent": (pod_of(annotations={"prometheus.io/port": "15020", "prometheus.io/path": "/own"}), ()),
    "probes": (
        pod_of(
            container={"readinessProbe": HTTP, "livenessProbe": HTTPS, "startupProbe": GRPC},
            initContainers=[{"name": "first", "image": "f", "startupProbe": {"tcpSocket": {"port": 1, "host": "h"}}}],
        ),
        (),
    ),
    "hooks": (pod_of(container={"lifecycle": {"preStop": HTTP, "postStart": {"exec": {"command": ["a"]}}}}), ()),
    "probes that stay": (
        pod_of(annotations={"sidecar.istio.io/rewriteAppHTTPProbers": "false"}, container={"readinessProbe": HTTP}),
        (),
    ),
    "own proxy": (pod_of() | {"spec": {"containers": proxy(resources={"limits": {"cpu": "3"}})}}, ()),
    "own image of the proxy": (pod_of() | {"spec": {"containers": proxy(image="mine")}}, ()),
    "gateway": (
        pod_of(annotations={"inject.istio.io/templates": "gateway"}, labels={"security.istio.io/tlsMode": "istio"})
        | {"spec": {"containers": proxy()[1:], "securityContext": {"runAsUser": 5}}},
        (),
    ),
    "gateway with a context of the mesh": (
        pod_of(annotations={"inject.istio.io/templates": "gateway"}) | {"spec": {"containers": proxy()[1:]}},
        ("values.gateways.securityContext.fsGroup=7",),
    ),
    "proxyless": (
        pod_of(annotations={"inject.istio.io/templates": "grpc-agent"}, labels={"security.istio.io/tlsMode": "istio"}),
        (),
    ),
    "proxyless without an agent": (pod_of(annotations={"inject.istio.io/templates": "grpc-simple"}), ()),
    "CNI": (pod_of(), (CNI,)),
    "CNI with own settings": (
        pod_of(
            annotations={
                "sidecar.istio.io/interceptionMode": "TPROXY",
                f"{TRAFFIC}includeOutboundIPRanges": "10.0.0.0/8",
                f"{TRAFFIC}excludeInboundPorts": "80,81",
                f"{TRAFFIC}excludeOutboundPorts": "443",
            }
        ),
        (CNI,),
    ),
    "CNI of a mesh with settings": (
        pod_of(),
        (CNI, "values.global.proxy.excludeInboundPorts=22", "meshConfig.defaultConfig.interceptionMode=TPROXY"),
    ),
    "settings without CNI": (pod_of(annotations={f"{TRAFFIC}includeInboundPorts": "*"}), ()),
    "multus": (pod_of(), MULTUS),
    "multus with a network": (pod_of(annotations={NETWORKS: "a, b"}), MULTUS),
    "multus in JSON": (pod_of(annotations={NETWORKS: '[{"name": "a", "namespace": "b"}]'}), MULTUS),
    "pull secrets": (pod_of(imagePullSecrets=[{"name": "mine"}]), ("values.global.imagePullSecrets={theirs}",)),
    "volumes": (
        pod_of(annotations={"sidecar.istio.io/userVolume": '{"extra": {"emptyDir": {}}}'}, volumes=[{"name": "data"}]),
        (),
    ),
}


@pytest.mark.parametrize("native", [False, True], ids=["classic", "native"])
@pytest.mark.parametrize("name", PODS)
def test_the_pod_that_was_there_comes_back(name: str, native: bool) -> None:
    pod, sets = PODS[name]
    modes = (*sets, NATIVE) if native else sets
    found = uninjected(as_istio_makes_it(pod, *modes), setup_with(*modes))
    assert comparable(found) == comparable(pod)


def comparable(pod: Pod) -> Pod:
    spec = {key: value for key, value in pod["spec"].items() if value}
    listed = {
        name: sorted(map(canonical_container, spec[name]), key=lambda each: each["name"])
        for name in ("containers", "initContainers")
        if name in spec
    }
    metadata = {key: value for key, value in pod["metadata"].items() if value}
    return {**pod, "metadata": metadata, "spec": {**spec, **listed}}


def canonical_container(container: JsonObject) -> JsonObject:
    resources = canonical_quantities(container.get("resources") or {})
    return {**container, "resources": resources}


def test_it_comes_back_without_the_configuration_of_the_mesh() -> None:
    """The port of the agent and the mode are read from the proxy, the name of the workload too."""
    sets = ("meshConfig.defaultConfig.statusPort=15099", "meshConfig.defaultConfig.interceptionMode=TPROXY", CNI)
    pod = pod_of(annotations={"prometheus.io/port": "9090"}, container={"readinessProbe": HTTP})
    assert uninjected(as_istio_makes_it(pod, *sets), setup_with()) == pod


def test_a_probe_that_nobody_knows_is_left_and_named() -> None:
    """Istio knows no port of that name, and rewrites the probe all the same (reference 11.4)."""
    pod = as_istio_makes_it(pod_of(container={"readinessProbe": {"httpGet": {"path": "/x", "port": "none"}}}))
    removal = removal_of(pod, setup_with())
    assert removal.warnings == ("container 'app': readinessProbe still asks the agent",)
    assert container_of(removal.pod, "app")["readinessProbe"]["httpGet"]["port"] == 15020


@pytest.mark.parametrize("known", ["", "{", "[]", '{"/app-health/app/readyz": 5}'])
def test_what_cannot_be_read_is_not_believed(known: str) -> None:
    pod = as_istio_makes_it(pod_of(annotations={"prometheus.io/port": "9090"}, container={"readinessProbe": HTTP}))
    for entry in container_of(pod, "istio-proxy")["env"]:
        if entry["name"] in ("ISTIO_KUBE_APP_PROBERS", "ISTIO_PROMETHEUS_ANNOTATIONS", "PROXY_CONFIG"):
            entry["value"] = known
    removal = removal_of(pod, setup_with())
    assert "annotations" not in removal.pod["metadata"]
    assert removal.warnings == ("container 'app': readinessProbe still asks the agent",)


# A template that reads what it writes, one value of another, and writes into the application's containers.
OWN = {
    "goTemplates": """
        {{- $tier := annotation .ObjectMeta "example.com/tier" "gold" }}
        metadata:
          labels:
            example.com/team: platform
            example.com/tier: {{ $tier }}
          annotations:
            example.com/owner: {{ .DeploymentMeta.Name | quote }}
            example.com/tier: {{ $tier }}
            prometheus.io/port: "9090"
        spec:
          terminationGracePeriodSeconds: 40
          securityContext: {fsGroup: 5}
          containers:
          {{- range .Spec.Containers }}
          - name: {{ .Name }}
            env:
            - {name: TEAM, value: platform}
            volumeMounts:
            - {name: keys, mountPath: /keys}
          {{- end }}
          volumes:
          - name: keys
            emptyDir: {medium: Memory}
        """,
    "templates": """
        {% set tier = annotation("example.com/tier", "gold") %}
        metadata:
          labels:
            example.com/team: platform
            example.com/tier: {{ tier }}
          annotations:
            example.com/owner: {{ workload.name }}
            example.com/tier: {{ tier }}
            prometheus.io/port: "9090"
        spec:
          terminationGracePeriodSeconds: 40
          securityContext: {fsGroup: 5}
          containers:
          {% for container in pod.spec.containers %}
          - name: {{ container.name }}
            env:
            - {name: TEAM, value: platform}
            volumeMounts:
            - {name: keys, mountPath: /keys}
          {% endfor %}
          volumes:
          - name: keys
            emptyDir: {medium: Memory}
        """,
}
OWN_PODS = {
    "nothing of it": pod_of(),
    "what it reads": pod_of(annotations={"example.com/tier": "silver"}),
    "another value": pod_of(labels={"app": "shop", "example.com/own": "platform"}),
    "a field beside its own": pod_of(securityContext={"runAsUser": 7}),
    "its variable and mount beside others": pod_of(
        container={
            "env": [{"name": "A", "value": "platform"}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        },
        volumes=[{"name": "data", "emptyDir": {}}],
    ),
}


def own_setup(directory: Path, language: str) -> Setup:
    text = json.dumps({language: {"own": dedent(OWN[language])}, "defaultTemplates": ["sidecar", "own"]})
    return setup_of(directory, text, "injectedAnnotations.example\\.com/by=mesh")


@pytest.mark.parametrize("pod", OWN_PODS.values(), ids=OWN_PODS)
@pytest.mark.parametrize("language", OWN)
def test_what_own_templates_of_the_installation_wrote_goes(tmp_path: Path, language: str, pod: Pod) -> None:
    setup = own_setup(tmp_path, language)
    made = as_istio_leaves_it(injected(pod, setup))
    assert comparable(uninjected(made, setup)) == comparable(pod)


@pytest.mark.parametrize("language", OWN)
def test_it_goes_too_where_the_pod_was_taken_over(tmp_path: Path, language: str) -> None:
    setup = own_setup(tmp_path, language)
    taken_over = injected(as_istio_leaves_it(injected(pod_of(), setup)), setup)
    assert comparable(uninjected(taken_over, setup)) == comparable(pod_of())


@pytest.mark.parametrize("language", OWN)
def test_what_the_templates_in_force_do_not_write_stays(tmp_path: Path, language: str) -> None:
    made = as_istio_leaves_it(injected(pod_of(), own_setup(tmp_path, language)))
    left = removal_of(made, setup_with()).pod
    assert left["metadata"]["labels"]["example.com/team"] == "platform"
    assert left["spec"]["terminationGracePeriodSeconds"] == 40


def test_of_values_that_follow_from_each_other_one_stays(tmp_path: Path) -> None:
    """Whichever of them the user wrote: injection makes the same pod of what is left."""
    text = """
        {{- $name := coalesce (index .ObjectMeta.Labels "one") (index .ObjectMeta.Labels "two") "none" }}
        metadata: {labels: {one: {{ $name }}, two: {{ $name }}}}
        """
    setup = setup_of(tmp_path, json.dumps({"goTemplates": {"own": dedent(text)}, "defaultTemplates": ["own"]}))
    made = as_istio_leaves_it(injected(pod_of(labels={"app": "shop", "two": "mine"}), setup))
    left = uninjected(made, setup)
    assert len(left["metadata"]["labels"]) == 2
    assert injected(left, setup)["metadata"]["labels"] == made["metadata"]["labels"]
