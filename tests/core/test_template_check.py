"""A template whose overlay no API server takes does not go live; its faults name template, line, field and value."""

from dataclasses import replace

import pytest

from injector.config import load
from injector.core.setup import set_up
from injector.core.template_check import template_faults, template_warnings
from tests.bench.instructions import counted
from tests.support import admitted, pod_of

CONFIG = load().config
TEMPLATES = "inject.istio.io/templates"


def faults(text: str, **others: str) -> list[str]:
    setup = set_up(replace(CONFIG, templates={"t": text, **others}))
    return [str(fault) for fault in template_faults(setup) if fault.template == "t"]


def container(lines: str) -> str:
    return "spec:\n  containers:\n  - name: side\n" + "".join(f"    {line}\n" for line in lines.split("\n"))


AT_FAULT = {
    "ports: [{containerPort: '80'}]": "line 5: spec.containers[0].ports[0].containerPort: must be ",
    "ports: [{containerPort: 70000}]": "got 70000",
    "ports:\n- {containerPort: -1}": "line 6: spec.containers[0].ports[0].containerPort: ",
    "ports: [{containerPort: {{ annotation('port', 80) }}}]": "got '80'; a number is written without quotes",
    "ports: [{containerPort: '{{ 80 }}'}]": "got '80'",
    "ports: {{ {'a': 1} }}": "must be a list, got {'a': 1}",
    "ports: {containerPort: 80}": "spec.containers[0].ports: must be a list, got a mapping",
    "args: --run": "must be a list, got '--run'",
    "args: [{{ 5 }}]": "spec.containers[0].args[0]: must be a string, got 5",
    "securityContext: {privileged: 'yes'}": "must be true or false, got 'yes'",
    "securityContext: {privileged: '{{ pod.kind is defined }}'}": "must be true or false, got 'false'",
    "imagePullPolicy: {{ annotation('pull', 'always') }}": "'IfNotPresent', 'Never', got 'always'",
    "imagePul: Always": "unknown key 'imagePul'; did you mean 'image",
    "volumeMounts: [{name: log, mountPath: /log}]": "volumeMounts[log]: there is no volume 'log'; ",
    "resources: {limits: {memory: {{ annotation('memory', 'much') }}}}": "must be a quantity",
    "env:\n{% for name in ['a', 'b'] %}\n- {name: {{ name }}, value: {{ loop.index }}}\n{% endfor %}": "got 1",
}


@pytest.mark.parametrize(("lines", "message"), AT_FAULT.items())
def test_what_a_container_cannot_have(lines: str, message: str) -> None:
    (fault, *_) = faults(container(f"image: side:1\n{lines}"))
    assert fault.startswith("template 't', line ")
    assert message in fault


def test_a_container_without_an_image() -> None:
    (fault,) = faults(container("args: [run]"))
    assert "image: is missing" in fault


def test_what_belongs_together() -> None:
    (fault,) = faults(container("image: a\nsecurityContext: {privileged: true, allowPrivilegeEscalation: false}"))
    assert fault.startswith("template 't', line 5: spec.containers[side].securityContext: ")


def test_each_fault_is_shown_once() -> None:
    assert len(faults(container("image: a\nports: [{containerPort: 0}, {containerPort: 0}]"))) == 1
    assert len(faults(container("image: a\nports: [{containerPort: 0}]\nargs: {}"))) == 2


def test_a_template_may_build_on_another() -> None:
    addition = container("env: [{name: A, value: b}]\nvolumeMounts: [{name: data-of-side, mountPath: /data}]")
    assert faults(addition)
    side = container("image: side:1") + "  volumes: [{name: data-of-side, emptyDir: {}}]\n"
    assert faults(addition, side=side) == []


def test_a_template_that_refuses_the_samples_is_not_at_fault() -> None:
    assert faults("{{ refuse('not today') }}") == []


def test_what_is_merged_without_its_key() -> None:
    (fault,) = faults("spec:\n  containers:\n  - image: side:1")
    assert "name" in fault


@pytest.mark.parametrize(
    ("value", "message"),
    [("70000", "got 70000"), ("0", "got 0"), ("8080", ""), ("-1", "got -1")],
)
def test_what_depends_on_the_pod_is_checked_with_the_pod(value: str, message: str) -> None:
    text = container("image: side:1\nports: [{containerPort: {{ annotation('port', '80') | int }}}]")
    assert faults(text) == []
    setup = set_up(replace(CONFIG, templates={"t": text}, default_templates=("t",)))
    for _ in range(2):
        admission = admitted(pod_of(annotations={"port": value}), setup)
        assert admission.allowed is not bool(message)
        assert message in admission.message
        if message:
            assert "template 't': spec.containers[0].ports[0].containerPort: must be a port number" in admission.message


def test_a_name_that_comes_from_the_pod_is_not_refused() -> None:
    """The API server refuses it, and says so in its own words."""
    text = "metadata: {labels: {copied: '{{ annotation('copied') }}'}}"
    setup = set_up(replace(CONFIG, templates={"t": text}, default_templates=("t",)))
    assert admitted(pod_of(annotations={"copied": "x y" * 100}), setup).allowed


def test_the_shipped_templates() -> None:
    assert template_faults(set_up(CONFIG)) == []


def test_a_probe_names_a_port_of_its_container() -> None:
    probe = "livenessProbe: {httpGet: {path: /, port: %s}}"
    ports = "image: a\nports: [{name: web, containerPort: 80}]\n"
    (fault,) = faults(container(ports + probe % "wbe"))
    assert fault.endswith("livenessProbe.httpGet.port: the container has no port 'wbe'; did you mean 'web'?")
    assert faults(container(ports + probe % "web")) == []


def test_a_probe_of_another_s_container_may_name_what_is_there() -> None:
    """What the template does not make itself may have ports that no sample pod has."""
    assert faults("spec: {containers: [{name: app, livenessProbe: {httpGet: {path: /, port: any}}}]}") == []


def warned(text: str) -> list[str]:
    return [str(each) for each in template_warnings(set_up(replace(CONFIG, go_templates={"t": text})))]


DELETING = {
    "spec:\n  initContainers:\n  {{- if .Values.nothing }}\n  - name: a\n  {{- end }}": "line 2: spec.initContainers: ",
    "metadata:\n  annotations:\n    note: {{ index .ObjectMeta.Labels `x` }}": "line 3: metadata.annotations.note: ",
    "spec:\n  containers:\n  {{- range .Spec.Containers }}\n  - name: {{ .Name }}\n    env:\n  {{- end }}": (
        "line 5: spec.containers."
    ),
    "spec:\n  dnsConfig:\n    searches: # none": "line 3: spec.dnsConfig.searches: ",
}


@pytest.mark.parametrize(("text", "message"), DELETING.items())
def test_an_empty_key_that_deletes_is_a_warning(text: str, message: str) -> None:
    found = warned(text)
    assert found
    assert all(f"{message}" in each for each in found), found
    assert "an empty key deletes what the pod has there" in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "spec:\n  initContainers: null",
        "spec:\n  securityContext: ~ # none at all",
        "spec:\n  initContainers: []",
        "spec:\n  containers:\n  - name: side\n    image: a\n    env:",
        "spec:\n  volumes:\n  - name: socket\n    emptyDir:",
        '{{ fail "no pod is good enough" }}',
    ],
)
def test_what_is_meant_or_its_own_is_no_warning(text: str) -> None:
    assert warned(text) == []


def test_an_empty_key_in_jinja_is_nothing() -> None:
    setup = set_up(replace(CONFIG, templates={"t": "spec:\n  initContainers:"}))
    assert template_warnings(setup) == []


def test_a_trial_costs_each_template_the_same_however_many_there_are() -> None:
    """What templates may build on is asked of all others: each is looked at once, and not again for every other."""

    def cost(count: int) -> int:
        setup = set_up(replace(CONFIG, templates={f"t{number}": container("image: i") for number in range(count)}))
        return counted(lambda: template_faults(setup))

    cost(1)
    few, more, most = cost(5), cost(20), cost(50)
    assert (most - more) / 30 < 1.2 * (more - few) / 15


UNCLEAR = {
    '{% include "/etc/passwd" %}': "line 1: there is no template '/etc/passwd' to include or import",
    '{% import "os" as os %}{{ os }}': "line 1: there is no template 'os' to include or import",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "line 1: blocks, macros or expressions too deep inside one",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}": "line 1: blocks, macros or expressions too deep inside one another",
    "{% for i in [1] %}" * 50 + "{% endfor %}" * 50: "line 1: too many statically nested blocks, deep inside one",
}


@pytest.mark.parametrize("text", UNCLEAR, ids=range(len(UNCLEAR)))
def test_a_fault_says_what_the_author_did(text: str) -> None:
    (fault,) = faults(text)
    assert UNCLEAR[text] in fault
