"""What differs between two pods, in groups, and how it reads."""

from injector.reports.changes import ABSENT, Change, changes_between, diff_text
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
