"""What differs between two pods, in groups, and how it reads."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.manifests.parsing import parse
from injector.reports.changes import ABSENT, Change, changes_between, diff_text, yaml_lines
from tests.support import pod_of


def test_the_same_pod_has_no_changes() -> None:
    pod = pod_of()
    assert changes_between(pod, pod) == {}
    assert diff_text(changes_between(pod, pod_of())) == ""


def test_changes_stand_in_three_groups_with_the_path_to_what_holds_them() -> None:
    before = pod_of(container={"env": [{"name": "A", "value": "1"}]}, volumes=[{"name": "v"}])
    after = pod_of(labels={"app": "other"}, container={"env": [{"name": "A", "value": "2"}]}, hostname="h")
    after["spec"]["containers"].append({"name": "side"})
    assert changes_between(before, after, "spec.template.") == {
        "containers": [Change("spec.template.spec.containers", None, ABSENT, {"name": "side"})],
        "fields": [
            Change("spec.template.spec.containers[app].env[A]", "value", "1", "2"),
            Change("spec.template.spec", "volumes", [{"name": "v"}], ABSENT),
            Change("spec.template.spec", "hostname", ABSENT, "h"),
        ],
        "metadata": [Change("spec.template.metadata.labels", "app", "shop", "other")],
    }


def test_a_list_that_was_not_there_is_of_the_group_of_its_containers() -> None:
    found = changes_between(pod_of(), pod_of(initContainers=[{"name": "i"}]))
    assert diff_text(found) == "# containers\n@@ spec @@\n+initContainers:\n+- name: i\n"


def test_another_order_is_told_by_the_names() -> None:
    one, other = {"name": "a"}, {"name": "b"}
    found = changes_between({"spec": {"containers": [one, other]}}, {"spec": {"containers": [other, one]}})
    assert found == {"fields": [Change("spec.containers", "order", ["a", "b"], ["b", "a"])]}


def test_a_hunk_holds_all_changes_of_one_parent() -> None:
    found = changes_between(
        {"metadata": {"labels": {"a": "1", "b": "2"}}}, {"metadata": {"labels": {"a": "3", "c": "yes"}}}
    )
    assert diff_text(found) == '# metadata\n@@ metadata.labels @@\n-a: "1"\n+a: "3"\n-b: "2"\n+c: "yes"\n'


# Whatever is written reads back as what it was.

TRICKY = (
    "yes No on ~ null 1 -1 1_000 0x1F 0o7 12:30 1e3 .5 .inf -.inf .nan 2024-01-01 2024-01-01T00:00:00Z - -- --- ... = "
    "<< a:b a: b #c a#b * & ! @x `x %x {x} [x] 100m 15090,15021 --flag -x ' \" | > y n"
).split(" ")
TEXTS = st.sampled_from(
    [*TRICKY, "a: b", "x #y", "- a", "", " a", "a ", "a\nb", "a\n", "a\nb\n", "a \nb", "\na", "a\n\nb"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5) | st.lists(VALUES, min_size=1, max_size=5))
def test_lines_read_back(value: Any) -> None:
    assert parse("\n".join(yaml_lines(value)) + "\n") == value


@pytest.mark.parametrize("text", TRICKY)
def test_texts_stay_texts_for_other_readers_too(text: str) -> None:
    assert yaml.safe_load("\n".join(yaml_lines({"a": text}))) == {"a": text}


def test_usual_values_need_no_quotes() -> None:
    value = {"image": "docker.io/x/y:1", "args": ["--domain", "$(NS).svc"], "cpu": "100m", "json": '{"a":1}'}
    assert yaml_lines(value) == [
        "image: docker.io/x/y:1",
        "args:",
        "- --domain",
        "- $(NS).svc",
        "cpu: 100m",
        "json: '{\"a\":1}'",
    ]
