"""A change is spliced into the user's text: everything else stays, byte for byte."""

import copy
import json
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT
from injector.core.yaml.reader import read_manifest
from injector.manifests import injection, rewrite
from injector.manifests.editing import splice
from injector.manifests.parsing import read
from tests.support import default_setup, pod_of
from tests.thoroughness import tried

SETUP = default_setup()

TEXT = dedent(
    """\
    # About all of it.
    kind: Pod   # a pod
    metadata:
      name: 'quoted'  # by hand
      labels: {app: shop}
    spec:

      # About the containers.
      containers:
        # About the first.
        - name: app
          image: "x"
          args: [a, b]

        # About the second.
        - image: y
          name: web
      nodeName:
      # At the end.
    """
)


def changed(text: str, **changes: Any) -> str:
    """The text after setting dotted paths (`spec__nodeName`) of the document to new values; None removes."""
    before = read_manifest(text)
    after = copy.deepcopy(before)
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = after
        for key in keys:
            place = place[int(key) if key.isdigit() else key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    result = splice(read(text), after).text
    assert read_manifest(result) == after
    return result


def added_and_removed(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in new if line not in old], [line for line in old if line not in new]


def test_a_new_key_is_one_new_line() -> None:
    assert added_and_removed(TEXT, changed(TEXT, spec__hostname="h")) == (["  hostname: h"], [])


def test_a_new_item_goes_behind_the_last_and_before_what_follows() -> None:
    containers = [*read_manifest(TEXT)["spec"]["containers"], {"name": "proxy", "image": "z"}]
    result = changed(TEXT, spec__containers=containers)
    assert added_and_removed(TEXT, result) == (["    - name: proxy", "      image: z"], [])
    lines = result.splitlines()
    assert lines.index("      name: web") + 1 == lines.index("    - name: proxy")


def test_a_new_first_item_goes_above_the_comment_of_the_old_first() -> None:
    containers = [{"name": "proxy"}, *read_manifest(TEXT)["spec"]["containers"]]
    lines = changed(TEXT, spec__containers=containers).splitlines()
    assert lines[lines.index("    - name: proxy") + 1] == "    # About the first."


def test_items_without_a_name_keep_their_place_and_their_hand() -> None:
    """The objects of a List have their names elsewhere."""
    text = "items:\n# One.\n- kind: A   # a\n  x: 1\n- {kind: B}\n# Three.\n- kind: C\n"
    assert changed(text, items__0__x=2) == text.replace("x: 1", "x: 2")
    assert changed(text, items__2__x=3) == f"{text}  x: 3\n"


def test_a_replaced_value_keeps_its_quotes_and_its_comment() -> None:
    assert "  name: 'other'  # by hand\n" in changed(TEXT, metadata__name="other")
    assert '      image: "say \\"hi\\""\n' in changed(TEXT, spec__containers__0__image='say "hi"')


def test_an_empty_value_is_filled() -> None:
    assert "  nodeName: n1\n  # At the end.\n" in changed(TEXT, spec__nodeName="n1")


def test_a_removed_key_takes_its_line_along() -> None:
    assert added_and_removed(TEXT, changed(TEXT, spec__containers__0__args=None)) == ([], ["      args: [a, b]"])


def test_a_mapping_on_one_line_becomes_a_block() -> None:
    result = changed(TEXT, metadata__labels={"app": "shop", "tier": "front"})
    assert "  labels:\n    app: shop\n    tier: front\n" in result


def test_the_style_of_lists_is_the_document_s_own() -> None:
    flat = "spec:\n  containers:\n  - name: app\n"
    assert changed(flat, spec__volumes=[{"name": "v"}]) == flat + "  volumes:\n  - name: v\n"
    indented = "spec:\n  containers:\n    - name: app\n"
    assert changed(indented, spec__volumes=[{"name": "v"}]) == indented + "  volumes:\n    - name: v\n"


def test_json_stays_json() -> None:
    text = '{\n  "kind": "Pod",\n  "spec": {}\n}\n'
    assert changed(text, spec__a=1) == '{\n  "kind": "Pod",\n  "spec": {\n    "a": 1\n  }\n}\n'
    assert changed('{"spec": {}}', spec__a=1) == '{"spec": {"a": 1}}'


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {k: 1}\nb: *x\n",
        "base: &b\n  k: 1\nb:\n  <<: *b\n  z: 2\n",
    ],
)
def test_anchors_are_resolved_where_the_change_needs_it(text: str) -> None:
    """Two places of one anchor must not change together."""
    before = read_manifest(text)
    after = copy.deepcopy(before)
    after["b"]["k"] = 5
    assert read_manifest(splice(read(text), after).text) == after


def test_texts_of_several_lines_are_literal_blocks() -> None:
    assert changed("a: 1\n", b="one\ntwo\n") == "a: 1\nb: |\n  one\n  two\n"


KEYS = st.sampled_from(["name", "image", "a", "b", "x y", "true", "1"])
SCALARS = st.one_of(
    st.booleans(), st.integers(0, 3), st.none(), st.sampled_from(["", "x", "yes", "- a", "a: b", "l\nm", "#", "'", '"'])
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=4)),
    max_leaves=15,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=5)


@tried(500)
@given(DOCUMENTS, DOCUMENTS, st.sampled_from([True, False, None]))
def test_whatever_changes_the_result_reads_as_asked(before: Any, after: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(before, default_flow_style=flow, sort_keys=False)
    assert read_manifest(splice(read(text), after).text) == after


@tried(200)
@given(DOCUMENTS)
def test_no_change_is_no_change_of_the_text(document: Any) -> None:
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=False)
    assert splice(read(text), document).text == text


@pytest.mark.parametrize(
    "text", ["1234e56", "7654e32", "12e4", "y", "N", "08", "0o22", "1e0", ".5e1", "=", "<<", "~", "0X1f"]
)
def test_what_kubernetes_would_not_read_as_text_is_quoted(text: str) -> None:
    """As a value, as a key, and in a mapping that was written on one line."""
    before = f'metadata:\n  labels: {{a: "{text}", "{text}": b}}\n'
    document = read_manifest(before)
    after = {"metadata": {"labels": {**document["metadata"]["labels"], "c": "d"}}}
    assert splice(read(before), after).text == f'metadata:\n  labels:\n    a: "{text}"\n    "{text}": b\n    c: d\n'


@given(text=st.text())
def test_text_of_any_characters_survives_injection(text: str) -> None:
    written = json.dumps(pod_of(container={"args": [text]}))
    injected = rewrite(written, "f.json", injection(SETUP, EMPTY_SNAPSHOT)).text
    assert json.loads(injected)["spec"]["containers"][0]["args"] == [text]


def test_a_last_item_that_is_an_alias_stays_where_it_is() -> None:
    text = "a: &e\n- {x: 1}   # why\nb:\n- name: one\n  env: *e  # the same\n"
    assert changed(text, b=[{"name": "one", "env": [{"x": 1}]}, {"name": "two"}]) == f"{text}- name: two\n"
    assert "  env:\n  - x: 2  # the same\n" in changed(text, b__0__env=[{"x": 2}])


def test_a_mapping_with_merged_keys_is_written_out_where_it_changes() -> None:
    text = "# Why.\na: &a {x: 1}\nb:\n  <<: *a\n  z: 2\nc:\n  <<: *a\n"
    assert changed(text, b__z=3) == text.replace("  <<: *a\n  z: 2\n", "  x: 1\n  z: 3\n", 1)


def test_keys_of_other_types_stay_what_they_are() -> None:
    text = "5: five   # a number\non: x\nc: d\n"
    assert changed(text, c="e", true=None) == "5: five   # a number\nc: e\n"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_quotes_cannot_hold_is_escaped(quote: str) -> None:
    assert changed(f"a: {quote}x{quote}  # why\n", a="\x85\x7f") == 'a: "\\U00000085\\U0000007f"  # why\n'


def test_anchors_and_tags_that_nothing_refers_to_stay() -> None:
    text = "a: &a\n  b: &b\n  # Why.\n  - &c\n    x: 1\n  - w: !!str 2 # two\nz: !own\n  e: f\n"
    found = changed(text, a__b=[{"x": 1}, {"w": "2"}, {"x": 3}], z__g="h", a__c="d")
    assert found == text.replace("# two\n", "# two\n  - x: 3\n  c: d\n").replace("e: f\n", "e: f\n  g: h\n")
    assert changed(text, a__b__0__x=4) == text.replace("x: 1", "x: 4")
