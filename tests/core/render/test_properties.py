"""An expression is data: whatever text is put anywhere, the structure of the result is that of harmless text."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import Pod
from injector.core.render import TemplateSet
from injector.core.render.functions import FILTERS
from injector.core.setup import Setup
from tests.hostile import TEXTS
from tests.support import default_setup, injected, pod_of
from tests.thoroughness import tried

HARMLESS = "harmless"

FREE_ANNOTATIONS = (
    "sidecar.istio.io/logLevel",
    "sidecar.istio.io/componentLogLevel",
    "sidecar.istio.io/agentLogLevel",
    "sidecar.istio.io/proxyImage",
    "sidecar.istio.io/proxyImageType",
    "sidecar.istio.io/bootstrapOverride",
    "kubectl.kubernetes.io/default-container",
    "example.com/anything",
)
FREE_LABELS = ("app", "version", "app.kubernetes.io/name", "service.istio.io/canonical-name", "example.com/anything")


def _with_annotation(name: str) -> Callable[[Pod, str], None]:
    def put(pod: Pod, text: str) -> None:
        pod["metadata"].setdefault("annotations", {})[name] = text

    return put


def _with_label(name: str) -> Callable[[Pod, str], None]:
    def put(pod: Pod, text: str) -> None:
        pod["metadata"]["labels"][name] = text

    return put


def _with_field(*path: str | int) -> Callable[[Pod, str], None]:
    def put(pod: Pod, text: str) -> None:
        place: Any = pod
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = text

    return put


CONTAINER = ("spec", "containers", 0)
PLACES: dict[str, Callable[[Pod, str], None]] = {
    **{f"annotation {name}": _with_annotation(name) for name in FREE_ANNOTATIONS},
    **{f"label {name}": _with_label(name) for name in FREE_LABELS},
    "the pod's name": _with_field("metadata", "name"),
    "the container's name": _with_field(*CONTAINER, "name"),
    "the container's image": _with_field(*CONTAINER, "image"),
    "an environment value": _with_field(*CONTAINER, "env", 0, "value"),
    "an environment name": _with_field(*CONTAINER, "env", 0, "name"),
    "an argument": _with_field(*CONTAINER, "args", 0),
    "a port's name": _with_field(*CONTAINER, "ports", 0, "name"),
    "a volume's name": _with_field("spec", "volumes", 0, "name"),
    "the service account": _with_field("spec", "serviceAccountName"),
    "the network label": _with_label("topology.istio.io/network"),
}


def structure(value: Any) -> Any:
    """What is left of a document without its texts: keys, lengths, types."""
    if isinstance(value, dict):
        return {key: structure(item) for key, item in value.items()}
    if isinstance(value, list):
        return [structure(item) for item in value]
    return type(value).__name__


@pytest.fixture(scope="module")
def setup() -> Setup:
    return default_setup()


def base_pod() -> Pod:
    container = {
        "env": [{"name": "MODE", "value": "x"}],
        "args": ["x"],
        "ports": [{"name": "http", "containerPort": 80}],
    }
    return pod_of(container=container, volumes=[{"name": "data", "emptyDir": {}}])


@tried(2_500)
@given(place=st.sampled_from(sorted(PLACES)), text=TEXTS, native=st.booleans())
def test_text_in_any_place_of_a_pod_changes_no_structure(setup: Setup, place: str, text: str, native: bool) -> None:
    pod = base_pod()
    pod["metadata"]["annotations"] = {"sidecar.istio.io/nativeSidecar": str(native).lower()}
    harmless = copy.deepcopy(pod)
    PLACES[place](pod, text)
    PLACES[place](harmless, HARMLESS)
    assert structure(injected(pod, setup)) == structure(injected(harmless, setup))


TEMPLATE = """
{% macro lines(word) %}
- "{{ word }}"
- {{ word }}
- plain {{ word }} text
{% endmacro %}
{% macro nested(word) %}
list:
{{ lines(word) }}
{% endmacro %}
metadata:
  annotations:
    alone: {{ text }}
    quoted: "{{ text }}"
    single: '{{ text }}'
    "{{ text }}": key
    block: |
      first {{ text }}
      {{ text }}
    folded: >-
      {{ text }}
spec:
  {{ nested(text) }}
  flow: {a: "{{ text }}", b: [{{ text }}, "{{ text }}"]}
  {% for item in [text, text] %}
  loop-{{ loop.index }}: {{ item }}
  {% endfor %}
"""


@pytest.fixture(scope="module")
def templates() -> TemplateSet:
    return TemplateSet({"t": TEMPLATE}, FILTERS)


@tried(2_500)
@given(text=TEXTS)
def test_text_in_any_position_of_a_template_is_that_text(templates: TemplateSet, text: str) -> None:
    result = templates.render("t", {"text": text})
    assert result["metadata"]["annotations"] == {
        "alone": text,
        "quoted": text,
        "single": text,
        text: "key",
        "block": f"first {text}\n{text}\n",
        "folded": text,
    }
    assert result["spec"] == {
        "list": [text, text, f"plain {text} text"],
        "flow": {"a": text, "b": [text, text]},
        "loop-1": text,
        "loop-2": text,
    }
