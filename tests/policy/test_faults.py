"""Templates that a policy cannot stand for are faults, with line and reason."""

from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from injector.core.model import Config
from injector.policy import PolicyFault, PolicyFaults, policies, say
from tests.support import setup_of

SIDE = "spec:\n  containers:\n  - {name: side, image: s}\n"
CANNOT_BE_SAID = {
    "branch": """
        spec:
          containers:
          - name: side
            {% if label("a") %}
            image: a
          - name: b
            {% endif %}
            args: [x]
        """,
    "may be there twice, on lines 4 and 7": """
        spec:
          {% if label("a") %}
          hostname: a
          {% endif %}
          {% if label("b") %}
          hostname: b
          {% endif %}
        """,
    "its branches together are no YAML": """
        spec:
        {% if label("a") %}
          hostname: a
        {% else %}
            hostname: b
        {% endif %}
        """,
    "reads and writes metadata.labels, a": """
        metadata:
          labels:
            a: "{{ label("a") }}-x"
        """,
    "reads and writes metadata.labels, b": """
        metadata:
          labels:
            b: x
          annotations:
            {% for key, value in pod.metadata.labels.items() %}
            "x/{{ key }}": "{{ value }}"
            {% endfor %}
        """,
    "reads and writes 'env'": """
        spec:
          containers:
          {% for c in pod.spec.containers %}
          - name: "{{ c.name }}"
            env:
            - {name: N, value: "{{ c.get("env", []) | length }}"}
          {% endfor %}
        """,
    "reads and writes 'nodeSelector'": """
        spec:
          nodeSelector:
            a: "{{ pod.spec.get("nodeSelector", {}) | length }}"
        """,
    "a name in spec.containers that depends on the pod": """
        spec:
          containers:
          - {name: "{{ label("a") }}", args: ["{{ application_containers() | join(",") }}"]}
        """,
    "null under a condition": """
        spec:
          {% if label("a") %}
          hostname: null
          {% endif %}
        """,
    "the directive '$patch'": """
        spec:
          containers:
          - {name: side, $patch: delete}
        """,
    "'status' is no field": "status: {phase: Running}",
    "metadata.name": "metadata: {name: other}",
    "has no 'name'": """
        spec:
          containers:
          - {image: s}
        """,
    "a loop inside a text": """
        spec:
          containers:
          - name: side
            args: ["{% for c in pod.spec.containers %}{{ c.name }}{% endfor %}"]
        """,
    "it gives a container 'istio-proxy'": """
        spec:
          containers:
          - {name: istio-proxy, image: p}
        """,
    "the `else` of a loop": """
        spec:
          volumes:
          {% for c in pod.spec.containers %}
          - {name: v}
          {% else %}
          - {name: w}
          {% endfor %}
        """,
}


def config_of(folder: Path, template: str, *sets: str) -> Config:
    text = yaml.safe_dump({"defaultTemplates": ["side"], "templates": {"side": template}})
    return setup_of(folder, text, *sets).config


@pytest.mark.parametrize("why", CANNOT_BE_SAID)
def test_it_is_a_fault_with_line_and_reason(why: str, tmp_path: Path) -> None:
    template = dedent(CANNOT_BE_SAID[why])
    fault = say(config_of(tmp_path, template), "side")
    assert isinstance(fault, PolicyFault), fault
    assert 1 <= fault.line <= template.count("\n") + 1
    assert why in fault.why


@pytest.mark.parametrize("flag", ["platform=openshift", "deniedAnnotations[0].preset=restricted"])
def test_what_only_the_webhook_does_is_a_fault(flag: str, tmp_path: Path) -> None:
    assert isinstance(say(config_of(tmp_path, SIDE, flag), "side"), PolicyFault)
    assert not isinstance(say(config_of(tmp_path, SIDE), "side"), PolicyFault)


def test_a_go_template_is_a_fault(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, yaml.safe_dump({"goTemplates": {"go": SIDE}}))
    assert "text/template" in str(say(setup.config, "go"))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, yaml.safe_dump({"templates": {"a": "status: {}", "b": "kind: Job", "c": SIDE}}))
    with pytest.raises(PolicyFaults) as faults:
        policies(setup.config, ["a", "b", "c"])
    assert [each.template for each in faults.value.templates] == ["a", "b"]


def test_the_same_configuration_gives_the_same_policies(tmp_path: Path) -> None:
    config = config_of(tmp_path, SIDE)
    assert [each.documents() for each in policies(config)] == [each.documents() for each in policies(config)]
    other = config_of(tmp_path, SIDE.replace("image: s", "image: t"))
    assert policies(config)[0].digest != policies(other)[0].digest


def test_a_message_of_several_places_is_one_validation(tmp_path: Path) -> None:
    template = """
        spec:
          {% if label("a") %}
          hostname: "{{ annotation("x/port", type="port", default=1) }}"
          {% endif %}
          subdomain: "{{ annotation("x/port", type="port", default=1) }}"
        """
    (policy,) = policies(config_of(tmp_path, dedent(template)))
    assert len(policy.refused) == 1
