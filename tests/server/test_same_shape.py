"""Pods of one shape are answered from memory, each as it would be by itself."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT, OVERRIDES_ANNOTATION, STATUS_ANNOTATION, TEMPLATES_ANNOTATION
from injector.core.opaque import Inspected
from injector.server.handler import answer
from injector.server.state import Service, State
from tests.server.test_replicas import GO_TEMPLATES, TEMPLATES, cluster, told
from tests.support import default_setup, setup_of
from tests.thoroughness import tried

# What users may write about containers, volumes, and the values in them.
OF_ITEMS = {
    "tells": """
metadata:
  labels:
    proxy: "{{ "shop" in pod.spec.containers | map(attribute="name") }}"
    first: "{{ pod.spec.containers[0].name == "web" }}"
    known: "{{ {"web": "yes"}.get(pod.spec.containers[0].name, "no") }}"
""",
    "adds": """
spec:
  initContainers:
  - {name: "{{ pod.spec.containers[0].name }}-init", image: "{{ pod.spec.containers[0].image }}"}
  volumes:
  - {name: web, emptyDir: {}}
""",
    "joins": """
metadata:
  annotations:
    names: "{{ pod.spec.containers | map(attribute="name") | join(",") }}"
    ends: "{{ pod.spec.containers | map(attribute="name") | last }}.{{ pod.metadata.labels.app }}"
    label: "{{ label("app") }}-{{ label("version", "none") }}"
    long: "{{ pod.spec.containers[0].env | default([]) | length }}"
spec:
  priorityClassName: "{{ pod.spec.priorityClassName | default("none") }}"
""",
    "meets": """
metadata:
  annotations: {a.example/b: "changed"}
  labels: {app: "{{ label("version") or "none" }}"}
spec:
  priorityClassName: high
  containers:
  - {name: web, image: other, env: [{name: A, value: b}]}
  volumes:
  - {name: shop, $patch: delete}
""",
    "sizes": """
metadata:
  annotations:
    size: "{{ pod.metadata.annotations | length }} {{ pod.metadata.annotations.get("a.example/b", "") | length }}"
    {% if pod.spec.containers[0].args %}
    args: "{{ pod.spec.containers[0].args | length }}"
    {% endif %}
""",
}
CHOICES = ("", *OF_ITEMS, *TEMPLATES, *GO_TEMPLATES, "sidecar,joins", "gateway", "grpc-agent", "grpc-simple", "envoy")
_KNOWN = (
    "web shop app v1 istio-proxy istio-init istio-validation enable-core-dump grpc-bootstrap-init istio-envoy "
    "workload-socket web-init Upper a.b x_y true 0 kube-api-access-aaaaa none"
)
_NAMES = st.sampled_from([*_KNOWN.split(), "", 'a"b', "data", "é", "w" * 63, "w" * 64])
_MARKS = ("\ue010N", "\ue010\ue100")
_WORDS = st.one_of(
    _NAMES, st.sampled_from(["false", "changed", "registry.example/a:1", "auto", "x" * 9_000, "{}", " ", *_MARKS])
)
_LABEL_NAMES = (
    "app",
    "version",
    "sidecar.istio.io/inject",
    "service.istio.io/canonical-name",
    "istio.io/rev",
    "app.example/x",
)
_ANNOTATION_NAMES = (
    "a.example/b",
    "prometheus.io/scrape",
    "prometheus.io/port",
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/rewriteAppHTTPProbers",
    "kubectl.kubernetes.io/default-container",
    "sidecar.istio.io/proxyImage",
)
_PORTS = st.sampled_from([[{"containerPort": 80}], [{"containerPort": 15001, "name": "web"}], [], [{"name": "web"}]])
_PROBES: st.SearchStrategy[Any] = st.sampled_from(
    [
        {"httpGet": {"path": "/a", "port": 80}},
        {"httpGet": {"port": "web"}},
        {"exec": {"command": ["a"]}},
        {"tcpSocket": {"port": 1}},
        {},
    ]
)
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "image": _WORDS,
    "env": st.lists(st.fixed_dictionaries({"name": _NAMES, "value": _WORDS}), max_size=2),
    "args": st.lists(_WORDS, max_size=2),
    "ports": _PORTS,
    "readinessProbe": _PROBES,
    "livenessProbe": _PROBES,
    "lifecycle": st.fixed_dictionaries({"preStop": _PROBES}),
    "securityContext": st.sampled_from([{}, {"runAsUser": 1337}, {"runAsUser": 1}, {"privileged": True}]),
    "volumeMounts": st.lists(st.fixed_dictionaries({"name": _NAMES, "mountPath": _WORDS}), max_size=2),
    "resources": st.sampled_from([{}, {"limits": {"cpu": "1"}}]),
    "restartPolicy": st.sampled_from(["Always", "Never"]),
}
_SPEC: dict[str, st.SearchStrategy[Any]] = {
    "serviceAccountName": _WORDS,
    "hostNetwork": st.booleans(),
    "priorityClassName": _WORDS,
    "nodeName": _NAMES,
    "hostname": _NAMES,
    "securityContext": st.sampled_from([{}, {"runAsUser": 1337}, {"fsGroup": 1}]),
    "imagePullSecrets": st.lists(st.fixed_dictionaries({"name": _NAMES}), max_size=2),
    "terminationGracePeriodSeconds": st.sampled_from([0, 30, True, None]),
    "nodeSelector": st.sampled_from([{}, {"kubernetes.io/os": "windows"}, {"a": "b"}]),
    "dnsConfig": st.sampled_from([{}, {"searches": ["a"]}, None]),
}


def _some(names: Any) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(sorted(names)), unique=True, max_size=4)


@st.composite
def _same_shape(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Pods that have the same fields, and mostly other values."""
    containers = [draw(_some(_FIELDS)) for _ in range(draw(st.integers(1, 2)))]
    initial = [draw(_some(_FIELDS)) for _ in range(draw(st.sampled_from([0, 0, 1, 2])))]
    volumes = draw(st.integers(0, 2))
    spec, labels, annotations = draw(_some(_SPEC)), draw(_some(_LABEL_NAMES)), draw(_some(_ANNOTATION_NAMES))
    templates, kind = draw(st.sampled_from(CHOICES)), draw(st.sampled_from(["", "ReplicaSet", "Job"]))

    def item(fields: list[str]) -> dict[str, Any]:
        return {"name": draw(_NAMES), **{name: draw(_FIELDS[name]) for name in fields}}

    def pod() -> dict[str, Any]:
        metadata: dict[str, Any] = {"generateName": f"{draw(_NAMES)}-", "namespace": "shop"}
        if kind:
            metadata["ownerReferences"] = [{"kind": kind, "name": draw(_NAMES), "apiVersion": "v1", "controller": True}]
        else:
            metadata["name"] = draw(_NAMES)
        if labels:
            metadata["labels"] = {name: draw(_NAMES) for name in labels}
        if annotations or templates:
            metadata["annotations"] = {name: draw(_WORDS) for name in annotations}
        if templates:
            metadata["annotations"][TEMPLATES_ANNOTATION] = templates
        own: dict[str, Any] = {"containers": list(map(item, containers)), **{name: draw(_SPEC[name]) for name in spec}}
        if initial:
            own["initContainers"] = list(map(item, initial))
        if volumes:
            own["volumes"] = [{"name": draw(_NAMES), "emptyDir": {}} for _ in range(volumes)]
        return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": own}

    first = pod()
    return [first, *(_with_some_of(draw, first, pod()) for _ in range(8))]


def _with_some_of(draw: st.DrawFn, first: Any, other: Any, depth: int = 0) -> Any:
    """`first` with few of the values of another pod of its shape."""
    if isinstance(first, dict) and depth < 4 and isinstance(other, dict) and first.keys() == other.keys():
        return {name: _with_some_of(draw, value, other[name], depth + 1) for name, value in first.items()}
    if isinstance(first, list) and first and isinstance(first[0], dict) and len(first) == len(other) and depth < 3:
        return [_with_some_of(draw, *each, depth + 1) for each in zip(first, other, strict=True)]
    return other if draw(st.integers(0, 5)) == 0 else first


def review(pod: Any, number: int = 0) -> bytes:
    """The AdmissionReview of a pod."""
    request = {"uid": f"u-{number}", "operation": "CREATE", "namespace": "shop", "object": pod}
    return orjson.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request})


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """One that goes on remembering through all examples."""
    path = Path(tmp_path_factory.mktemp("configuration"))
    text = yaml.safe_dump({"templates": {**TEMPLATES, **OF_ITEMS}, "goTemplates": GO_TEMPLATES})
    return State(setup_of(path, text), EMPTY_SNAPSHOT)


@tried(20_000, sample=250)
@given(pods=_same_shape())
def test_every_pod_is_answered_as_if_it_were_the_only_one(state: State, pods: list[dict[str, Any]]) -> None:
    for number, pod in enumerate(pods):
        body = review(pod, number)
        anew = answer(body, "/inject", State(state.setup, state.snapshot))
        assert told(answer(body, "/inject", state)) == told(anew)


def pods(count: int, **more: Any) -> list[dict[str, Any]]:
    """Pods of workloads that were made after one pattern, no two of which have a name or an image in common."""
    return [
        {
            "kind": "Pod",
            "metadata": {"generateName": f"shop-{at}-", "labels": {"app": f"shop-{at}", "version": f"v{at}"}},
            "spec": {"containers": [{"name": f"shop-{at}", "image": f"registry.example/shop:{at}", **more}]},
        }
        for at in range(count)
    ]


def from_memory(state: State, pods: list[dict[str, Any]]) -> int:
    """How many of these are answered from memory, each as it would be by itself."""
    found = 0
    for number, pod in enumerate(pods):
        given_answer = answer(review(pod, number), "/inject", state)
        anew = answer(review(pod, number), "/inject", State(state.setup, state.snapshot))
        assert told(given_answer) == told(anew)
        assert given_answer.admission is not None
        found += given_answer.admission.pod == {}
    return found


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """What is compiled with a pod is no longer compiled with the ones below."""
    for number in range(3):
        pod = {"metadata": {"name": f"web-{number}"}, "spec": {"containers": [{"name": "web"}]}}
        answer(review(pod, number), "/inject", State(default_setup(), EMPTY_SNAPSHOT))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"env": [{"name": "A", "value": "b"}]},
        {"ports": [{"containerPort": 80}], "readinessProbe": {"httpGet": {"port": 80}}},
        {"resources": {"limits": {"cpu": "1"}}, "securityContext": {"runAsUser": 1}, "command": ["a"]},
    ],
    ids=["plain", "environment", "probe", "more fields"],
)
def test_all_but_two_of_a_shape_are_answered_from_memory(more: dict[str, Any]) -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    assert from_memory(state, pods(6, **more)) == 4
    assert (state.shapes.hits, state.shapes.misses) == (4, 2)


def test_what_is_looked_at_has_to_be_the_same() -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    assert from_memory(state, pods(4, ports=[{"containerPort": 80}])) == 2
    assert from_memory(state, pods(4, ports=[{"containerPort": 81}])) == 2, "of the two sorts each has its own answer"
    assert from_memory(state, pods(4, ports=[{"containerPort": 80}])) == 4


def test_a_container_with_the_name_of_an_injected_one_is_no_other() -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    from_memory(state, pods(4))
    own_proxy = pods(1)
    own_proxy[0]["spec"]["containers"][0]["name"] = "istio-proxy"
    assert from_memory(state, own_proxy) == 0


def test_a_pod_with_two_containers_of_one_name_is_worked_out() -> None:
    state = State(default_setup(), EMPTY_SNAPSHOT)
    twice = pods(4)
    for pod in twice:
        pod["spec"]["containers"] *= 2
    assert from_memory(state, twice) == 0


@pytest.mark.parametrize("name", ["initContainers", "volumes"])
def test_a_list_may_be_null(name: str) -> None:
    without = [{**pod, "spec": {**pod["spec"], name: None}} for pod in pods(4)]
    assert from_memory(State(default_setup(), EMPTY_SNAPSHOT), without) == 2


@pytest.mark.parametrize("error", [Inspected("web"), TypeError("a bug")], ids=repr)
def test_what_fails_while_an_answer_is_remembered_changes_none(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr("injector.server.same_shape.admit_all", failing)
    assert from_memory(State(default_setup(), EMPTY_SNAPSHOT), pods(4)) == 0


def test_a_change_of_the_namespace_forgets_its_shapes() -> None:
    service = Service(State(default_setup(), cluster()))
    from_memory(service.state, pods(4))
    service.publish(cluster(other="changed"))
    assert from_memory(service.state, pods(1)) == 1
    service.publish(cluster(shop="disabled"))
    assert from_memory(service.state, pods(1)) == 0


def test_the_mark_of_a_hole_in_a_pod_or_template_means_nothing(tmp_path: Path) -> None:
    template = 'metadata: {annotations: {a: "\ue010\ue105 {{ label("app") }}"}}'
    state = State(setup_of(tmp_path, yaml.safe_dump({"templates": {"sidecar": template}})), EMPTY_SNAPSHOT)
    assert from_memory(state, pods(4)) == 0
    marked = pods(4, command=["\ue010\ue105"])
    assert from_memory(State(default_setup(), EMPTY_SNAPSHOT), marked) == 0


def test_a_name_that_a_template_refers_to_counts(tmp_path: Path) -> None:
    template = "spec: {containers: [{name: app, volumeMounts: [{name: data, mountPath: /data}]}]}"
    state = State(setup_of(tmp_path, yaml.safe_dump({"templates": {"sidecar": template}})), EMPTY_SNAPSHOT)
    mounting = [{**pod, "spec": {"containers": [{"name": "app", "image": "a"}]}} for pod in pods(5)]
    for number, pod in enumerate(mounting):
        pod["spec"]["volumes"] = [{"name": "data" if number == 4 else f"other-{number}", "emptyDir": {}}]
    assert from_memory(state, mounting) == 0, "the message that there is no such volume names those that there are"


def named(name: str, **metadata: Any) -> dict[str, Any]:
    """A pod whose second container has a name of its own."""
    own = {"generateName": "shop-", "labels": {"app": "shop"}, **metadata}
    containers = [{"name": "app", "image": "a"}, {"name": name, "image": "b"}]
    return {"kind": "Pod", "metadata": own, "spec": {"containers": containers}}


@pytest.mark.parametrize("name", [STATUS_ANNOTATION, OVERRIDES_ANNOTATION])
def test_a_record_may_name_the_container_of_another_pod(name: str) -> None:
    record = orjson.dumps({"containers": [{"name": "web", "image": "other"}]}).decode()
    state = State(default_setup(), EMPTY_SNAPSHOT)
    assert from_memory(state, [named(each, annotations={name: record}) for each in (*"abcdefgh", "web")]) == 0


@pytest.mark.parametrize(
    "template",
    [
        "spec: {imagePullSecrets: [{name: 'of-{{ NAME }}', $patch: delete}]}",
        "spec: {imagePullSecrets: [{name: z}, {name: b}], $setElementOrder/imagePullSecrets: [{name: 'of-{{NAME}}'}]}",
        "spec: {imagePullSecrets: [{name: 'of-{{ NAME }}'}]}",
        "metadata: {$setElementOrder/finalizers: ['of-{{ NAME }}'], finalizers: [of-b, of-web]}",
        "spec: {containers: [{name: app, volumeMounts: [{name: data, readOnly: true, mountPath: '/{{ NAME }}'}]}]}",
        "spec: {containers: [{name: app, env: [{name: 'of-{{ NAME }}', value: a}]}]}",
    ],
)
def test_a_template_may_look_for_more_than_a_name(tmp_path: Path, template: str) -> None:
    template = template.replace("NAME", "pod.spec.containers[1].name")
    state = State(setup_of(tmp_path, yaml.safe_dump({"templates": {"sidecar": template}})), EMPTY_SNAPSHOT)
    several = [named(each, finalizers=["of-a", "of-web"]) for each in (*"abcdefgh", "web")]
    for pod in several:
        pod["spec"]["imagePullSecrets"] = [{"name": "of-web"}]
        pod["spec"]["containers"][0] |= {"volumeMounts": [{"name": "data", "mountPath": "/web"}]}
        pod["spec"]["containers"][0] |= {"env": [{"name": "of-web", "value": "b"}]}
    from_memory(state, several)


def test_what_counted_before_more_did_says_nothing_of_other_values(tmp_path: Path) -> None:
    template = """
metadata:
  annotations:
    all: "{{ label("a") }} {{ label("b") }} {{ label("c") }} {{ label("b") | length if label("c") == "x" else "" }}"
"""
    state = State(setup_of(tmp_path, yaml.safe_dump({"templates": {"sidecar": template}})), EMPTY_SNAPSHOT)
    labels = ("AB0", "AB1", "AB2", "a0x", "a1x", "a2x", "0AB", "1AB", "2AB")
    several = [named("web", labels=dict(zip("abc", each, strict=True))) for each in labels]
    assert from_memory(state, several) > 1
