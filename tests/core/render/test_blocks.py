"""A document made of blocks is the document as a whole, whatever its text."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.cache import DOCUMENTS, Cache
from injector.core.render.blocks import InBlocks, compile_blocks
from injector.core.render.checks import FieldError
from injector.core.render.document import DocumentError, compile_document
from injector.core.shared import SharedList, SharedMapping
from tests.bench.instructions import counted
from tests.thoroughness import tried

VALUES = ["a", 1, None, {"name": "v", "emptyDir": {}}, ["x"], True, "b: c", "- d"] * 10
CONSTANTS = [SharedMapping({"cpu": "1"}), None, "text"]


def outcome(compiled: Any) -> Any:
    """What a text gives: a value, or the error that says what is wrong with it."""
    try:
        return compiled()(VALUES)
    except (DocumentError, FieldError) as error:
        return type(error), str(error)


def in_blocks(text: str, kept: Cache[Any, Any] | None = None) -> Any:
    return outcome(lambda: compile_blocks(text, CONSTANTS, Cache(DOCUMENTS) if kept is None else kept))


def as_whole(text: str) -> Any:
    return outcome(lambda: compile_document(text, CONSTANTS))


def is_honest(value: Any) -> bool:
    """Whether no part says of itself that it is clean and is not."""
    if isinstance(value, dict):
        clean = all(each is not None for each in value.values()) and not any(key[:1] == "$" for key in value)
        return (clean or type(value) is not SharedMapping) and all(map(is_honest, value.values()))
    if isinstance(value, list):
        return (None not in value or type(value) is not SharedList) and all(map(is_honest, value))
    return True


VARIABLE = '    - name: "A{}"\n      value: "{}"\n'
CONTAINER = """\
metadata:
  labels:
    app: "\ue0000\ue001"
    other: x
  annotations:
    a: b
spec:
  initContainers:
  containers:
  - name: app
    image: "i"
    args:
    - -c
    - "\ue0004\ue001"
    - |-
      several: lines
        - of: text

      without structure
    env:
    - name: "K\ue0001\ue001"
      value: "\ue0002\ue001"
    - {name: B, valueFrom: {fieldRef: {fieldPath: a.b}}}
    - name: C
      value: c
    securityContext:
      runAsUser: \ue0001\ue001
      capabilities:
        drop: [ALL]
      privileged: \ue0005\ue001
    resources: \ue000c0\ue001
  volumes:
  - \ue0003\ue001
  - name: data
    emptyDir: {}
"""


def test_a_pod_of_many_blocks_is_read_as_it_is_as_a_whole() -> None:
    assert in_blocks(CONTAINER) == as_whole(CONTAINER)
    assert list(in_blocks(CONTAINER)["spec"]["containers"][0]) == list(as_whole(CONTAINER)["spec"]["containers"][0])


@pytest.mark.parametrize(
    "change",
    [
        ("value: c", "value: &x c"), ("a: b", "a: b\n    a: c"), ('image: "i"', "image: i\n    image: j"),
        ("- -c", "- - c"), ("runAsUser", "runAsUsers"), ("value: c", "value: [c]"), ("drop: [ALL]", "drop: [ALL\n  ]"),
        ("value: c", "value: 'c\n        d'"), ("    env:\n", "    env: # all\n"), ('image: "i"', "image: i # not j"),
        ("    env:", "   env:"), ("- name: C", "-  name: C"), ("spec:", "spec:\n  containers: []"),
        ("value: c", "value: null"), ("value: c", "$patch: delete"), ('app: "\ue0000\ue001"', "\ue0000\ue001: x"),
        ("metadata:", "---\nmetadata:"), ('    image: "i"', "    image:\n    - i\n    - j\n    - k"),
        ("value: c", "value:\tc"), ("spec:\n", "spec:\n\n  # what follows\n"), ("value: c", "value: d\n        e: f"),
        ("value: c", "? value\n      : c"), ("- name: C", "- !!map\n      name: C"), ("value: c", "<<: {value: c}"),
        ("runAsUser: \ue0001\ue001", "runAsUser: \ue0000\ue001"), ("emptyDir: {}", "emptyDir: {} x"),
    ],
)  # fmt: skip
def test_what_indentation_does_not_explain_is_read_as_a_whole(change: tuple[str, str]) -> None:
    text = CONTAINER.replace(*change, 1)
    assert text != CONTAINER
    assert in_blocks(text) == as_whole(text)
    assert is_honest(in_blocks(text))


WRONG = "\ue0001\ue001"  # a number
MANY = "".join(f"    - name: V{each}\n      value: v\n" for each in range(3))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('app: "\ue0000\ue001"', f"app: {WRONG}"), "metadata.labels.app"),
        (('image: "i"', f"image: {WRONG}"), "spec.containers[0].image"),
        (("- -c", f"- {WRONG}"), "spec.containers[0].args[0]"),
        (('- "\ue0004\ue001"', f"- {WRONG}"), "spec.containers[0].args[1]"),
        (("value: c", f"value: {WRONG}"), "spec.containers[0].env[2].value"),
        (
            ("    env:\n", f"    env:\n{MANY}    - \ue0002\ue001\n    - name: {WRONG}\n"),
            "spec.containers[0].env[4].name",
        ),
        (
            ("    - name: C\n", "".join(VARIABLE.format(each, WRONG) for each in range(3)) + f"    - name: {WRONG}\n"),
            "spec.containers[0].env[5].name",
        ),
        (("privileged: \ue0005\ue001", f"privileged: {WRONG}"), "spec.containers[0].securityContext.privileged"),
        (("drop: [ALL]", f"drop: [ALL, {WRONG}]"), "spec.containers[0].securityContext.capabilities.drop[1]"),
        (("emptyDir: {}", f"emptyDir: {WRONG}"), "spec.volumes[1].emptyDir"),
        (("  - \ue0003\ue001\n", f"  - \ue0002\ue001\n  - {WRONG}\n"), "spec.volumes[1]"),
        (("  volumes:\n", f"  - name: b\n    image: {WRONG}\n  volumes:\n"), "spec.containers[1].image"),
    ],
)  # fmt: skip
def test_a_value_that_a_pod_cannot_have_is_found_in_its_place(change: tuple[str, str], place: str) -> None:
    text = CONTAINER.replace(*change, 1)
    assert text != CONTAINER
    found = as_whole(text)
    assert found[0] is FieldError
    assert place in found[1]
    document = compile_blocks(text, CONSTANTS, Cache(DOCUMENTS))
    assert isinstance(document, InBlocks)
    assert outcome(lambda: document) == outcome(document.folded) == found


def test_to_find_the_place_of_a_fault_takes_next_to_nothing() -> None:
    rows = "".join(VARIABLE.format(each, f"\ue000{each % 2}\ue001") for each in range(200))
    good, bad = (
        compile_blocks(CONTAINER.replace("    - name: C\n", f"{rows}    - name: {name}\n"), CONSTANTS, Cache(DOCUMENTS))
        for name in ("\ue0000\ue001", WRONG)
    )
    assert counted(lambda: outcome(lambda: bad)) < 2 * counted(lambda: outcome(lambda: good))


KEYS = st.sampled_from(
    "spec metadata containers initContainers volumes env args name value labels securityContext ports image a "
    "resources limits $patch yes 1 emptyDir".split()
)
SCALARS = st.sampled_from(
    ['"q"', "'s'", "plain", "two words", "-x", "- y", "{a: b}", "{name: n}", "[a, b]", "[", "|", ">-", "null", "~", "1",
     "\ue0000\ue001", "x\ue0002\ue001y", "\ue000c0\ue001", "\ue0003\ue001", "a:b", "a: b", "#", "a #b", "&a", "*a",
     '"a', "'", "? a", "!!str a", "{", "{a: [b, {c: d}]}", "\ue000c1\ue001", "\ue0002\ue001", "true", "%", "@a", "''"]
)  # fmt: skip
LINES = st.one_of(
    st.tuples(KEYS, st.just("")),
    st.tuples(KEYS, SCALARS),
    st.tuples(st.just("-"), KEYS, st.just("")),
    st.tuples(st.just("-"), KEYS, SCALARS),
    st.tuples(st.just("- "), SCALARS),
    st.tuples(SCALARS),
    st.just(()),
)


def line_of(indent: int, parts: tuple[str, ...]) -> str:
    match parts:
        case ("-", key, value):
            return f"{' ' * indent}- {key}: {value}".rstrip(" ")
        case ("- ", value):
            return f"{' ' * indent}- {value}"
        case (key, value):
            return f"{' ' * indent}{key}: {value}".rstrip(" ")
    return " " * indent + "".join(parts)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Lines that often are YAML: the next is mostly as deep as the one before, or one step deeper."""
    lines, indent = list[str](), 0
    for _ in range(draw(st.integers(1, 25))):
        parts = draw(LINES)
        lines.append(line_of(indent, parts))
        deeper = 2 if parts and (not parts[-1] or parts[0] == "-") else 0
        indent = max(0, indent + draw(st.sampled_from([deeper, deeper, deeper, deeper, 0, -2, -4, 1])))
    return "\n".join(lines) + draw(st.sampled_from(["\n", "\n", "\n\n", ""]))


@tried(1_500)
@given(text=texts())
def test_any_text_means_in_blocks_what_it_means_as_a_whole(text: str) -> None:
    found = in_blocks(text)
    assert found == as_whole(text)
    assert is_honest(found)


@tried(300)
@given(indices=st.lists(st.integers(0, 24), min_size=1, max_size=6))
def test_a_changed_pod_means_in_blocks_what_it_means_as_a_whole(indices: list[int]) -> None:
    """Lines of a good document are taken out or stand twice."""
    lines = CONTAINER.splitlines(keepends=True)
    for index in indices:
        lines[index] = "" if index % 2 else lines[index] * 2
    text = "".join(lines)
    assert in_blocks(text) == as_whole(text)


def test_the_message_about_a_field_names_its_place_in_the_whole() -> None:
    text = CONTAINER.replace("privileged: \ue0005\ue001", "privileged: \ue0000\ue001")
    _, message = in_blocks(text)
    assert "spec.containers[0].securityContext.privileged" in message


def test_another_structure_of_the_same_blocks_costs_a_fraction() -> None:
    def text(number: int) -> str:
        entries = "".join(
            f'    - name: "\ue000{each}\ue001"\n      value: "\ue000{each + 1}\ue001"\n' for each in range(number)
        )
        return f"spec:\n  containers:\n  - name: app\n    image: x\n    env:\n{entries}    stdin: true\n"

    kept: Cache[Any, Any] = Cache(DOCUMENTS)
    in_blocks(text(20), kept)
    assert counted(lambda: in_blocks(text(21), kept)) * 3 < counted(lambda: as_whole(text(21)))


@pytest.mark.parametrize(
    "item",
    ["- name: \ue0000\ue001\n", '- name: "\ue0000\ue001"\n', '- name: "\ue0000\ue001"\n  value: "\ue0001\ue001"\n',
     '- name: "\ue0000\ue001"\n  value: x\n', '- value: "\ue0001\ue001"\n  name: "\ue0001\ue001"\n',
     "- \ue0003\ue001\n", "- \ue0002\ue001\n",
     '- {name: "\ue0006\ue001", value: \ue0000\ue001}\n', '- name: "\ue0001\ue001\ue0002\ue001"\n',
     '- name: "\ue000c2\ue001"\n', "- name: x\n", '- name: "\ue0000\ue001"\n  valueFrom: {fieldRef: {fieldPath: a}}\n',
     '- name: "\ue0002\ue001"\n  value: null\n', '- name: "\ue0000\ue001"\n  \ue0000\ue001: a\n'],
)  # fmt: skip
@pytest.mark.parametrize("count", [1, 2, 5])
def test_items_that_are_alike_mean_what_they_mean_as_a_whole(item: str, count: int) -> None:
    lines = "".join(f"    {line}\n" for line in item.splitlines())
    text = (
        f"spec:\n  containers:\n  - name: app\n    env:\n    - name: a\n{lines * count}    - name: z\n    stdin: true\n"
    )
    assert in_blocks(text) == as_whole(text)
    assert is_honest(in_blocks(text))


def test_items_that_are_alike_are_read_once() -> None:
    def read(count: int) -> int:
        item = '    - name: "\ue0000\ue001"\n      value: "\ue0001\ue001"\n'
        text, characters = (
            f"spec:\n  containers:\n  - name: app\n    env:\n{item * count}    stdin: true\n",
            list[int](),
        )
        compile_blocks(text, CONSTANTS, Cache(DOCUMENTS), characters.append)
        return sum(characters)

    assert read(500) == read(5)


def test_numbers_of_placeholders_are_no_part_of_a_block() -> None:
    kept: Cache[Any, Any] = Cache(DOCUMENTS)
    in_blocks(CONTAINER, kept)
    blocks = len(kept)
    moved = re.sub("\ue000([0-9]+)\ue001", lambda mark: f"\ue000{int(mark[1]) + 8}\ue001", CONTAINER)
    assert in_blocks(moved, kept) == as_whole(CONTAINER)
    assert len(kept) == blocks
