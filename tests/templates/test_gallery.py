"""The gallery: every template keeps what its page says, and is valid in every way that a template can be."""

import re
from collections.abc import Iterator

import pytest

from injector.config import load
from injector.config.gallery import gallery
from injector.core.model import EMPTY_SNAPSHOT, Pod
from injector.core.pod_validation import refusals
from injector.core.setup import set_up
from injector.core.template_check import template_faults
from injector.reports.documents import read_documents
from injector.reports.evaluate import Preview, PreviewOptions, preview_documents
from injector.reports.pod_security import LEVELS, required_level, violations
from injector.reports.template_tests import REFUSAL
from injector.reports.templates import describe_template

NAMES = list(gallery())
SECTIONS = ["Use it", "Annotations", "What to look out for"]


def page(name: str) -> str:
    return (gallery()[name].folder / "README.md").read_text(encoding="utf-8")


def level_of(name: str) -> str:
    """The Pod Security level that the page names."""
    found = re.search(r"^Pod Security level: (\w+)$", page(name), re.MULTILINE)
    assert found
    assert found[1] in LEVELS
    return found[1]


def previews(name: str) -> Iterator[Preview]:
    """What becomes of the workloads of the template's tests, but for those that are to be refused."""
    folder = gallery()[name].folder
    setup = set_up(load([folder / "injector.yaml"]).config)
    for expected in sorted((folder / "tests").glob("*.expected.yaml")):
        given = expected.with_name(expected.name.replace(".expected", ""))
        if f"kind: {REFUSAL}" not in expected.read_text(encoding="utf-8"):
            documents = list(read_documents(given.read_text(encoding="utf-8")))
            yield from preview_documents(documents, PreviewOptions("gallery"), setup, EMPTY_SNAPSHOT)


def injected_pods(name: str) -> list[Pod]:
    return [preview.admission.pod for preview in previews(name)]


@pytest.mark.parametrize("name", NAMES)
def test_the_template_is_valid(name: str) -> None:
    assert template_faults(set_up(load([gallery()[name].folder / "injector.yaml"]).config)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_every_section_and_every_annotation(name: str) -> None:
    assert re.findall(r"^## (.*)$", page(name), re.MULTILINE) == SECTIONS
    setup = set_up(load([gallery()[name].folder / "injector.yaml"]).config)
    declared = describe_template(setup, name, {name: "here"}).annotations
    rows = []
    for each in declared:
        default = "-" if each.default is None else str(each.default).replace("True", "true").replace("False", "false")
        kind = each.type.replace("|", "\\|")
        rows.append(f"| `{each.name}` | {kind} | {default} | {each.description} |")
    assert re.findall(r"^\| `.*$", page(name), re.MULTILINE) == rows


@pytest.mark.parametrize("name", NAMES)
def test_every_annotation_is_used_by_a_test(name: str) -> None:
    setup = set_up(load([gallery()[name].folder / "injector.yaml"]).config)
    declared = {each.name for each in describe_template(setup, name, {name: "here"}).annotations}
    used = {key for pod in injected_pods(name) for key in (pod["metadata"].get("annotations") or {})}
    assert declared <= used


@pytest.mark.parametrize("name", NAMES)
def test_its_pods_need_the_level_that_the_page_names(name: str) -> None:
    found = [violation for pod in injected_pods(name) for violation in violations(pod)]
    assert (required_level(found), found) == (level_of(name), [])


@pytest.mark.parametrize("name", NAMES)
def test_its_pods_are_native_and_not_and_nobody_refuses_them(name: str) -> None:
    pods = injected_pods(name)
    native = {any(each.get("restartPolicy") for each in pod["spec"].get("initContainers") or ()) for pod in pods}
    assert native == {True, False}
    assert [refusal for pod in pods for refusal in refusals(pod)] == []
