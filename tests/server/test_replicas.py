"""Replicas of a workload are answered from memory, each as it would be by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT, Snapshot
from injector.server.handler import Answer, answer
from injector.server.state import Service, State
from tests.server.replicated import KINDS, Replica
from tests.support import default_setup, setup_of
from tests.thoroughness import tried

# What users may write: templates that copy the names of a pod, and those that look into them.
TEMPLATES = {
    "copies": """
metadata:
  labels: {of: "{{ pod.metadata.get("name") or "none" }}", job: "{{ label("job-name") }}"}
  annotations:
    concatenated: "{{ workload.name ~ "." ~ (pod.metadata.get("name") or 7) }}"
    escaped: "{{ (pod.metadata.get("name") or "none") | to_argument }}"
    joined: "{{ workload.name }}.{{ pod.metadata.namespace }}/{{ label("apps.kubernetes.io/pod-index") }}"
    written: "{{ pod.spec.volumes | to_json }}"
spec:
  hostAliases:
  - {ip: 10.0.0.1, hostnames: ["{{ pod.spec.hostname or "app" }}.example"]}
  containers:
  - name: agent
    image: agent
    env:
    - {name: OWNER, value: "{{ owner() }}"}
    volumeMounts: {{ pod.spec.containers[0].volumeMounts }}
""",
    "asks": """
metadata:
  labels:
    first: "{{ pod.metadata.get("name") == "web-0" }}"
    workload: "{{ "long" if workload.name | length > 5 else "short" }}"
""",
    "looks": """
metadata:
  annotations:
    {% for volume in pod.spec.volumes if "kube-api-access" in volume.name %}
    token: "{{ volume.name | replace("kube", "k8s") }}"
    {% endfor %}
    {% if label("job-name") | default("") | upper == "WEB-0" %}
    job: first
    {% endif %}
""",
    "keys": """
metadata:
  labels:
    {{ pod.metadata.get("name") or "none" }}: named
    in-list: "{{ pod.metadata.get("name") in ["web-0", "web-1"] }}"
    known: "{{ {"kube-api-access-aaaaa": "a"}.get((pod.spec.volumes | last).name, "b") }}"
""",
    "names": """
spec:
  volumes:
  - {name: kube-api-access-aaaaa, emptyDir: {}}
  - {name: data, $patch: delete}
  containers:
  - name: {{ pod.metadata.get("name") or "agent" }}
    image: agent
""",
    "deletes": """
spec:
  volumes:
  - {name: "{{ "kube-" ~ "api-access-" ~ "aaaaa" }}", $patch: delete}
""",
    "sorts": """
metadata:
  annotations:
    order: "{{ pod.spec.volumes | map(attribute="name") | sort | join(",") }}"
    values: "{{ pod.metadata.labels.values() | unique | list | length }}"
""",
    "replaces": """
metadata:
  labels: {app: "{{ pod.metadata.get("name") or "web-0" }}"}
spec:
  hostname: web-0
  containers:
  - name: app
    env:
    - {name: POD, value: "{{ pod.metadata.get("name") or "" }}"}
""",
}
GO_TEMPLATES = {
    "go-copies": """
metadata:
  annotations:
    name: "{{ .ObjectMeta.Name }}"
    plain: {{ .DeploymentMeta.Name }}
    volumes: '{{ toJson .Spec.Volumes }}'
""",
    "go-asks": """
metadata:
  labels:
    {{ if eq .ObjectMeta.Name "web-0" }}
    first: "true"
    {{ end }}
    suffix: "{{ hasSuffix "-1" .ObjectMeta.Name }}-{{ len .DeploymentMeta.Name }}"
    upper: "{{ index .ObjectMeta.Labels "job-name" | upper }}"
""",
}
CHOICES = (
    "",
    *TEMPLATES,
    *GO_TEMPLATES,
    "sidecar,copies",
    "gateway",
    "grpc-simple",
    "grpc-agent",
    "envoy",
    "envoy-gateway",
)

# Some are words that stand elsewhere in a review.
_WORDS = (
    "web-0 web-1 web-2 web-10 a 0 5 true v1 name kind app agent shop node-1 data data-web-1 none istio-proxy "
    "shop-web run-28912345 run-28912346 run-2891234567890 web-0.example UPPER x_y -a"
)
_NAMES = st.sampled_from([*_WORDS.split(), "", "é", 'a"b', "a\\b", "\ue010N", "w" * 63, "w" * 64])
_SUFFIXES = st.sampled_from(["x7k2p", "aaaaa", "", "app", "\ue010", "b" * 64, 'a"'])
_LABELS = st.sampled_from([{"app": "shop"}, {}, {"app": "web-0", "version": "web-1"}, {"run": "web-1"}])
_REPLICAS = st.builds(
    Replica,
    st.sampled_from(KINDS),
    _NAMES,
    index=st.sampled_from(["0", "1", "web-0", "é"]),
    node=st.sampled_from(["node-1", "node-2", "web-0", ""]),
    suffix=_SUFFIXES,
    second=st.integers(0, 3),
    uid=st.sampled_from(["0c5b6a1e-1", "0c5b6a1e-2", "web-0", "ABC"]),
    templates=st.sampled_from(CHOICES),
    labels=_LABELS,
    environment=st.sampled_from([{}, {"PRIMARY": "web-0"}, {"A": "kube-api-access-aaaaa"}]),
)
# How replicas of one workload differ.
_ALIKE = st.fixed_dictionaries(
    {
        "name": _NAMES,
        "index": st.sampled_from(["0", "1", "2", "10"]),
        "node": st.sampled_from(["node-1", "node-2", "node-3"]),
        "suffix": _SUFFIXES,
        "uid": st.sampled_from(["0c5b6a1e-1", "0c5b6a1e-2", "0c5b6a1e-3"]),
    }
)


def told(found: Answer) -> Any:
    """What a client and telemetry get of an answer."""
    request, admission = found.request, found.admission
    names = request and (request.uid, request.name, request.namespace, *_names(request.pod))
    of_pod = admission and (admission.decision, admission.message, admission.warnings, len(admission.patch))
    return found.status, found.body, names, of_pod, found.fault


def _names(pod: Any) -> tuple[Any, Any]:
    metadata = pod.get("metadata") or {}
    return metadata.get("name") or None, metadata.get("generateName") or None


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """One that goes on remembering through all examples."""
    path = Path(tmp_path_factory.mktemp("configuration"))
    text = yaml.safe_dump({"templates": TEMPLATES, "goTemplates": GO_TEMPLATES})
    return State(setup_of(path, text), EMPTY_SNAPSHOT)


@tried(20_000, sample=300)
@given(replica=_REPLICAS, differences=st.lists(_ALIKE, max_size=3))
def test_every_replica_is_answered_as_if_it_were_the_only_one(
    state: State, replica: Replica, differences: list[dict[str, Any]]
) -> None:
    for differing in ({}, *differences):
        body = replace(replica, **differing).review()
        anew = answer(body, "/inject", State(state.setup, state.snapshot))
        assert told(answer(body, "/inject", state)) == told(anew)


def cluster(*, shop: str = "enabled", other: str = "", version: str = "v1.33.1", proxies: int = 0) -> Snapshot:
    """A cluster that differs from others in what is given."""
    labels = {"shop": {"istio-injection": shop}, "other": {"label": other}}
    return Snapshot(
        namespaces={name: {"metadata": {"name": name, "labels": own}} for name, own in labels.items()},
        nodes=({"metadata": {"name": "n"}, "status": {"nodeInfo": {"kubeletVersion": version}}},),
        proxy_configs=tuple({"metadata": {"name": "p", "namespace": "shop"}, "spec": {}} for _ in range(proxies)),
    )


@pytest.mark.parametrize(
    ("after", "remembered"),
    [
        (cluster(other="changed"), True),
        (cluster(version="v1.35.0"), True),
        (cluster(shop="disabled"), False),
        (cluster(version="v1.32.0"), False),
        (cluster(proxies=1), False),
    ],
    ids=["another namespace", "a newer node", "its namespace", "an older node", "a ProxyConfig"],
)
def test_what_no_answer_depends_on_may_change(after: Snapshot, remembered: bool) -> None:
    service = Service(State(default_setup(), cluster()))
    bodies = [replica.review() for replica in replicas_of("ReplicaSet", {"app": "shop"})]
    for body in bodies[:3]:
        answer(body, "/inject", service.state)
    service.publish(after)
    assert told(answer(bodies[3], "/inject", service.state)) == told(
        answer(bodies[3], "/inject", State(default_setup(), after))
    )
    assert service.state.answers.hits == (2 if remembered else 1)


def hits(templates: str, replicas: list[Replica]) -> int:
    """How many of these are answered from memory."""
    state = State(default_setup(), EMPTY_SNAPSHOT)
    for replica in replicas:
        answer(replace(replica, templates=templates).review(), "/inject", state)
    return state.answers.hits


def replicas_of(kind: str, labels: dict[str, str]) -> list[Replica]:
    """Six, each with all names that are its own."""
    made = (
        Replica(kind, f"web-{at}", f"{at}", f"node-{at}", suffix=f"aaaa{at}", second=at, labels=labels)
        for at in range(6)
    )
    return [replace(each, uid=f"0c5b6a1e-{each.index}") if "Job" in kind else each for each in made]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [{"app": "shop"}, {}])
@pytest.mark.parametrize("templates", ["", "gateway", "grpc-agent", "grpc-simple", "envoy", "envoy-gateway"])
def test_all_but_two_are_answered_from_memory(kind: str, labels: dict[str, str], templates: str) -> None:
    assert hits(templates, replicas_of(kind, labels)) == 4
