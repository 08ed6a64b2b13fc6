"""A pod through a policy is the pod through the webhook, for every template of the gallery and pods of all kinds."""

import random
from pathlib import Path

import pytest

from injector.core.setup import Setup
from injector.policy import Policy, policies
from tests.policy.equality import (
    GALLERY,
    compare,
    has_repeated_containers,
    plain,
    random_pods,
    through_policy,
    through_webhook,
    without_records,
)
from tests.policy.pods import has_repeated_variables
from tests.support import pod_of, setup_of

NATIVE = "nativeSidecars=enabled"
PODS, MANY_PODS = 25, 500

MERGES = """
defaultTemplates: [merges]
templates:
  merges: |
    metadata:
      annotations:
        {% set first = application_containers() | first %}
        kubectl.kubernetes.io/default-container: {{ annotation("kubectl.kubernetes.io/default-container", first) }}
    spec:
      securityContext: {fsGroup: 1337, runAsNonRoot: {{ none }}}
      shareProcessNamespace: true
      {% if annotation("a/class") %}
      priorityClassName: {{ annotation("a/class") }}
      {% else %}
      enableServiceLinks: false
      {% endif %}
      containers:
      - name: helper
        image: "h:{{ annotation("a/tag", "1") }}"
        command: ["sh", "-c", "{{ annotation("a/command") | to_argument }}"]
        env:
        - {name: B, value: "b"}
        - {name: A, value: "{{ annotation("a/list", type="list", default=["q"]) | join("+") }}"}
        - {name: L, value: "{{ annotation("a/tag") | trim }}"}
        - name: W
          value: "{{ workload.kind }}/{{ workload.name }}{% if annotation("a/flag", type="boolean") %}!{% endif %}"
        ports:
        - {containerPort: 8080, name: eighty}
        - {containerPort: {{ annotation("a/port", type="port", default=9999) }}}
        securityContext: {runAsUser: 5, capabilities: {drop: [ALL], add: [NET_ADMIN]}}
        resources:
          limits: {cpu: "2", memory: {{ annotation("a/memory", type="quantity", default="1Gi") }}}
      {% for c in pod.spec.containers if c.name != "helper" %}
      - name: {{ c.name }}
        env:
        - {name: DEBUG, value: "{{ c.name }}/{{ loop.index }}/{{ loop.length }}"}
        - {name: A, value: x}
        {% if c.get("workingDir") %}
        - {name: WHERE, value: "{{ c.workingDir }}"}
        {% endif %}
      {% endfor %}
      initContainers:
      - name: first
        image: f
        args: ["{{ annotation("a/name", type="name", default="n") }}", "{{ pod.spec.serviceAccountName }}"]
      volumes:
      - name: data
        emptyDir: {medium: Memory}
      {% for c in pod.spec.containers %}
      - {name: "v-{{ c.name }}", emptyDir: {}}
      {% endfor %}
      nodeSelector:
        {% for key, value in pod.metadata.labels.items() %}
        "l/{{ key | replace("/", "-") }}": "{{ value | upper }}"
        {% endfor %}
"""

CONSTRUCTS = """
defaultTemplates: [t]
injectedAnnotations: {injected.example/by: us}
values: {global: {network: net1}}
templates:
  t: |
    {% set mode = "a" %}
    {% if label("app") == "shop" and annotation("b/flag", type="boolean", default=false) %}
    {% set mode = "b" %}
    {% elif annotation("b/mode") %}
    {% set mode = annotation("b/mode") %}
    {% endif %}
    {% macro item(name, port=1) %}
    - name: {{ name }}
      containerPort: {{ port }}
    {% endmacro %}
    metadata:
      annotations:
        "b/{{ revision }}": {{ mode }}
        b/ports: '{{ pod.spec.containers | map(attribute="name") | sort | join("/") }}'
      labels: {static: "yes", {% if annotation("b/mode") %}dynamic: "{{ workload.namespace }}",{% endif %} more: x}
    spec:
      {% with size = annotation("b/size", type="quantity", default="1Gi") %}
      volumes:
      - name: big
        emptyDir: {sizeLimit: {{ size }}}
      {% endwith %}
      terminationGracePeriodSeconds: {{ annotation("b/grace", type="integer", default=30) }}
      tolerations:
      - {key: a, operator: Exists}
      {% for n in ["x", "y"] if n != mode %}
      - key: {{ n }}
        operator: Exists
        {% if loop.first %}
        effect: NoSchedule
        {% endif %}
      {% endfor %}
      dnsPolicy: {% if mode == "b" %}Default{% elif mode == "a" %}ClusterFirst{% else %}None{% endif %}

      sidecars:
      - name: side
        image: "{{ first_nonempty(annotation("b/image"), label("image"), "default") }}:1"
        args: [{% if mode == "b" %}"b{{ mode }}",{% endif %} "c{% if label("app") %}{{ mode }}{% else %}n{% endif %}"]
        command:
        - sh
        - -c
        - |
          start {{ mode }}
          {% if annotation("b/flag", type="boolean", default=false) %}
          flag on
          {% endif %}
          {{ "x" if mode == "a" else annotation("b/mode", "zz") }}
          end
        ports:
        {{ item("one") }}
        {{ item("two", 2) }}
        resources: {limits: {{ {"cpu": "1"} }} }
        env:
        {% for c in pod.spec.containers %}
        {% for v in c.get("env", []) if v.get("value") %}
        - {name: "{{ c.name | upper }}_{{ v.name }}", value: "{{ v.value }}"}
        {% endfor %}
        {% endfor %}
        {% set others = pod.spec.containers | selectattr("name", "ne", "app") | map(attribute="name") %}
        - {name: LAST, value: "{{ pod.spec.containers | length }}{{ others | join(",") }}"}
        - {name: HN, value: "{{ pod.spec.hostNetwork | default(false) }}"}
        - {name: SA, value: "{{ pod.spec.get("serviceAccountName", "none") }}"}
        - {name: NULLED, value: {{ annotation("b/none", none) }}}
        securityContext: {{ pod.spec.containers[0].get("securityContext") }}
"""
TEMPLATES = {"merges": MERGES, "t": CONSTRUCTS}


def pair_of(file: Path) -> tuple[Policy, Setup]:
    """The policy of a configuration, and its webhook. Every node runs native sidecars where there are policies."""
    setup = setup_of(file.parent, file.read_text(encoding="utf-8"), NATIVE)
    (policy,) = policies(setup.config)
    return policy, setup


@pytest.fixture(params=[*GALLERY, *TEMPLATES])
def template(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file with the configuration of a template, in a folder of its name."""
    name: str = request.param
    (tmp_path / name).mkdir()
    file = tmp_path / name / "injector.yaml"
    given = GALLERY.get(name)
    file.write_text(given.read_text(encoding="utf-8") if given else TEMPLATES[name], encoding="utf-8")
    return file


def test_pods_come_out_as_through_the_webhook(template: Path) -> None:
    policy, setup = pair_of(template)
    outcomes = {compare(pod, policy, setup) for pod in random_pods(template, PODS)}
    assert "injected" in outcomes


@pytest.mark.slow
def test_many_pods_come_out_as_through_the_webhook(template: Path) -> None:
    policy, setup = pair_of(template)
    for pod in random_pods(template, MANY_PODS):
        compare(pod, policy, setup)


@pytest.mark.parametrize("name", GALLERY)
def test_a_second_evaluation_changes_nothing(name: str, tmp_path: Path) -> None:
    policy, setup = pair_of(_copied(GALLERY[name], tmp_path))
    for pod in random_pods(GALLERY[name], PODS):
        if through_webhook(pod, setup).allowed:
            once = through_policy(pod, policy)
            assert through_policy(once, policy) == once


@pytest.mark.parametrize("name", GALLERY)
def test_reordered_containers_come_out_as_through_the_webhook(name: str, tmp_path: Path) -> None:
    policy, setup = pair_of(_copied(GALLERY[name], tmp_path))
    for seed, pod in enumerate(random_pods(GALLERY[name], PODS)):
        by_webhook = through_webhook(pod, setup)
        if not by_webhook.allowed or has_repeated_variables(pod) or has_repeated_containers(by_webhook.pod):
            continue
        both = plain(by_webhook.pod), through_policy(pod, policy)
        for each in both:
            for which in ("containers", "initContainers"):
                random.Random(seed).shuffle(each["spec"].get(which) or [])  # noqa: S311 -- the same order each time
        again = through_webhook(both[0], setup)
        assert without_records(through_policy(both[1], policy)) == without_records(again.pod)


def _copied(file: Path, folder: Path) -> Path:
    copy = folder / "injector.yaml"
    copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def test_a_container_of_another_webhook_is_given_what_each_container_is(tmp_path: Path) -> None:
    policy, _ = pair_of(_copied(GALLERY["otel-collector"], tmp_path))
    once = through_policy(pod_of(), policy)
    once["spec"]["containers"].append({"name": "late", "image": "late"})
    late = next(each for each in through_policy(once, policy)["spec"]["containers"] if each["name"] == "late")
    assert late["env"] == [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://localhost:4317"}]


def test_a_forged_record_hides_no_container_that_the_template_does_not_give(tmp_path: Path) -> None:
    policy, _ = pair_of(_copied(GALLERY["otel-collector"], tmp_path))
    forged = pod_of(annotations={"policy.sidecar-injector.io/otel-collector": "x/app/otel-collector-config/zzz"})
    result = through_policy(forged, policy)
    assert result["spec"]["containers"][0]["env"][0]["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT"
