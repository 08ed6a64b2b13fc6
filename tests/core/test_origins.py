"""From a field to the line that wrote it: through loops, macros, conditions, and what the template does not write."""

from pathlib import Path
from typing import Any

import pytest

from injector.core.admission import admit, subject_of
from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.core.origins import field_origins
from injector.core.review import parse_review
from injector.core.setup import Setup
from tests.support import pod_of, review_of, setup_of

CONFIG = """
defaultTemplates: [log]
{more}
templates:
  log: |
{text}
"""


def setup(tmp_path: Path, text: str, more: str = "") -> Setup:
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return setup_of(tmp_path, CONFIG.format(text=lines, more=more))


def origins(pod: Pod, setup: Setup) -> dict[str, Any]:
    """Path, its steps joined by `/`, to template, line and annotations; None where no template wrote the field."""
    subject = subject_of(parse_review(review_of(pod)), EMPTY_SNAPSHOT)
    found = field_origins(subject, admit(subject, setup, EMPTY_SNAPSHOT).pod, setup, EMPTY_SNAPSHOT)
    return {
        "/".join(map(str, each.path)): each.origin and (each.origin.template, each.origin.line, each.origin.annotations)
        for each in found
    }


TEMPLATE = """{% set port = annotation("a.example/port", type="port", default=80) %}
{% set shown = port %}
{% macro volume(name) %}
- name: {{ name }}
  emptyDir: {}
{% endmacro %}
spec:
  containers:
  - name: log
    image: registry.example/log:1
    args:
    {% for each in ["one", "two"] %}
    - --{{ each }}
    {% endfor %}
    {% if annotation("a.example/debug", "") %}
    - --debug
    {% endif %}
    ports:
    - {name: log, containerPort: {{ shown }}}
    resources: {{ dict(limits=dict(cpu="1")) }}
  volumes:
  {{ volume("first") }}
  {{ volume("second") }}
"""


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Any]:
    return origins(pod_of(annotations={"a.example/debug": "yes"}), setup(tmp_path, TEMPLATE))


@pytest.mark.parametrize(
    ("path", "line", "annotations"),
    [
        ("spec/containers/log/name", 9, ()),
        ("spec/containers/log/image", 10, ()),
        ("spec/containers/log/args/0", 13, ()),
        ("spec/containers/log/args/1", 13, ()),
        ("spec/containers/log/args/2", 16, ("a.example/debug",)),
        ("spec/containers/log/ports/80/containerPort", 19, ("a.example/port",)),
        ("spec/containers/log/resources/limits/cpu", 20, ()),
        ("spec/volumes/first/name", 4, ()),
        ("spec/volumes/second/emptyDir", 5, ()),
    ],
)
def test_a_field_leads_to_its_line(found: dict[str, Any], path: str, line: int, annotations: tuple[str, ...]) -> None:
    assert found[path] == ("log", line, annotations)


def test_what_was_there_has_no_origin_and_records_have_no_template(found: dict[str, Any]) -> None:
    assert not any(path.startswith("spec/containers/app") for path in found)
    assert found["metadata/annotations/sidecar.istio.io/status"] is None


def test_sidecars_lead_to_their_lines_in_either_list(tmp_path: Path) -> None:
    text = "spec:\n  sidecars:\n  - name: log\n    image: x\n"
    native = origins(pod_of(), setup(tmp_path, text, "nativeSidecars: enabled"))
    assert native["spec/initContainers/log/image"] == ("log", 4, ())
    assert native["spec/initContainers/log/restartPolicy"] == ("log", 3, ())
    plain = origins(pod_of(), setup(tmp_path, text, "nativeSidecars: disabled"))
    assert plain["spec/containers/log/image"] == ("log", 4, ())


def test_the_last_template_that_gives_a_value_wins(tmp_path: Path) -> None:
    first = "    spec: {containers: [{name: log, image: one, tty: true}]}\n"
    second = "  other: |\n    spec:\n      containers: [{name: log, image: two}]\n"
    config = CONFIG.format(text=first, more="").replace("[log]", "[log, other]") + second
    found = origins(pod_of(), setup_of(tmp_path, config))
    assert found["spec/containers/log/image"] == ("other", 2, ())
    assert found["spec/containers/log/tty"] == ("log", 1, ())


def test_what_the_pod_overrides_is_its_own(tmp_path: Path) -> None:
    """A container that the user wrote keeps its values: nothing is added, so nothing has an origin."""
    pod = pod_of()
    pod["spec"]["containers"].append({"name": "log", "image": "mine"})
    found = origins(pod, setup(tmp_path, "spec: {containers: [{name: log, image: log, tty: true}]}"))
    assert "spec/containers/log/image" not in found
    assert found["spec/containers/log/tty"] == ("log", 1, ())


def test_a_go_template_is_named(tmp_path: Path) -> None:
    go = 'goTemplates: {go: "spec: {containers: [{name: go, image: x}]}"}\ndefaultTemplates: [go]'
    found = origins(pod_of(), setup_of(tmp_path, go))
    assert found["spec/containers/go/image"] == ("go", 0, ())


@pytest.mark.parametrize("name", ["sidecar", "envoy", "gateway", "grpc-agent", "grpc-simple"])
def test_almost_all_that_shipped_templates_add_has_its_line(tmp_path: Path, name: str) -> None:
    found = origins(pod_of(), setup_of(tmp_path, f"defaultTemplates: [{name}]"))
    unknown = [path for path, origin in found.items() if origin is None]
    assert len(unknown) <= 5 < len(found) / 2, unknown
    assert not any(path.startswith("spec") for path in unknown), unknown
