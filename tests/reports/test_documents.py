"""Reading what people paste: YAML, JSON, Lists; and what is turned away."""

import pytest

from injector.reports.documents import UnreadableInputError, read_documents


def kinds(text: str) -> list[str]:
    return [document.object["kind"] for document in read_documents(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind: Pod\n---\n# nothing\n---\nkind: Job", ["Pod", "Job"]),
        ('{"kind": "Pod"}', ["Pod"]),
        ('[{"kind": "Pod"}, {"kind": "Job"}]', ["Pod", "Job"]),
        ("{kind: Pod}", ["Pod"]),
        ("kind: List\nitems: [{kind: Pod}, {kind: List, items: [{kind: Job}]}]", ["Pod", "Job"]),
        ("apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: a}}]", ["Deployment"]),
        ("kind: List\nitems:", []),
        ("kind: Pod\r\n---\r\nkind: Job\r\n", ["Pod", "Job"]),
    ],
)
def test_every_object_is_found(text: str, found: list[str]) -> None:
    assert kinds(text) == found


def test_a_document_is_what_kubectl_makes_of_it() -> None:
    (document,) = read_documents("kind: Pod\ndata: {1: a, false: b, when: 2024-01-01}")
    assert document.object["data"] == {"1": "a", "false": "b", "when": "2024-01-01"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no document"),
        ("# only a comment", "there is no document"),
        ("hello", "document 1: expected a Kubernetes object with a kind, got 'hello'"),
        ("a: 1", "expected a Kubernetes object with a kind"),
        ("kind: Pod\n---\na: [", "document 2: line 4: not YAML"),
        ("kind: Pod\nkind: Job", "document 1: line 2: duplicate key 'kind'"),
        ("kind: List\nitems: [1]", "document 1, item 1"),
        ('{"kind": "Pod"', "document 1: line"),
        ("kind: Pod\nx: .inf", "document 1: line 2: JSON has no .inf"),
        ("kind: Pod\nx: &a [*a]", "anchor 'a' contains itself"),
        ("kind: Pod\nx: " + "[" * 300 + "]" * 300, "document 1"),
        ('{"kind": "Pod", "x": ' + "[" * 400 + "]" * 400 + "}", "cannot be written as JSON"),
        ("--- x\nkind: Pod", "only a comment may follow"),
    ],
)
def test_what_is_no_kubernetes_object_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UnreadableInputError) as caught:
        kinds(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("depth", [300, 450, 500, 900, 990, 2000])
def test_depth_is_refused_whatever_reaches_its_limit_first(depth: int) -> None:
    with pytest.raises(UnreadableInputError, match="document 1: "):
        kinds("kind: Pod\nx: " + "[" * depth + "]" * depth)


def test_a_short_text_that_stands_for_a_huge_one_is_refused() -> None:
    lines = ["kind: Pod", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(UnreadableInputError, match="aliases stand for more than"):
        kinds("\n".join(lines))
