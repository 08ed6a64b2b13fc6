"""What Go wrote as text: data stays data, and what toYaml and the like give is structure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.render import RenderingError
from tests.core.render.go.support import Data, annotated, document

VALUES = Data(
    values={"map": {"b": 1, "a": {"x": "1"}}, "list": ["p", {"q": 2}], "empty": {}, "none": None, "text": "l1\nl2\n"}
)

PLAIN = [
    ("200", 200),
    ("1e3", 1000),
    ("0x10", 16),
    ("true", True),
    ("off", False),
    ("~", None),
    ("", None),
    (" 5 ", 5),
    ("1.50", 1.5),
    ("abc", "abc"),
    ('"5"', "5"),
    ("'a''b'", "a'b"),
    ('"a\\tb"', "a\tb"),
    ('"a" b', '"a" b'),
    ("a: b", "a: b"),
    ("a # b", "a # b"),
    ("{a: 1}", "{a: 1}"),
    ("[1, 2]", "[1, 2]"),
    ("- a", "- a"),
    ("*a", "*a"),
    ("a\nb: c", "a\nb: c"),
    ("---\nx: 1", "---\nx: 1"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN)
def test_an_unquoted_value_is_the_scalar_of_its_text(text: str, expected: Any) -> None:
    """A number, a boolean, null or text: never a mapping, a list, a comment or a second line."""
    result = document("spec:\n  a: {{ index .ObjectMeta.Annotations `k` }}\n  b: 1\n", annotated(k=text))
    assert result == {"spec": {"a": expected, "b": 1}}


@pytest.mark.parametrize(("text", "_"), PLAIN)
def test_a_quoted_value_is_its_text(text: str, _: Any) -> None:
    """Whatever is in it."""
    result = document(
        "spec: {a: \"{{ .ObjectMeta.Annotations.k }}\", b: 'x{{ .ObjectMeta.Annotations.k }}y'}", annotated(k=text)
    )
    assert result == {"spec": {"a": text, "b": f"x{text}y"}}


@given(st.text(), st.text())
def test_no_value_reaches_beyond_its_place(one: str, other: str) -> None:
    """Neither as a value nor as a key, quoted or not."""
    source = (
        "spec:\n  a: {{ .ObjectMeta.Annotations.k }}\n  b: pre-{{ .ObjectMeta.Annotations.l }}-post\n"
        "  c: [{{ .ObjectMeta.Annotations.k | quote }}, {{ .ObjectMeta.Annotations.l }}]\n"
        "  d:\n    key-{{ .ObjectMeta.Annotations.k }}: 1\n"
        "  e: |\n    {{ .ObjectMeta.Annotations.l }}\n  f: 2\n"
    )
    spec = document(source, annotated(k=one, l=other))["spec"]
    assert list(spec) == ["a", "b", "c", "d", "e", "f"]
    assert not isinstance(spec["a"], (dict, list))
    assert (len(spec["c"]), spec["c"][0]) == (2, one)
    assert list(spec["d"].values()) == [1]
    assert spec["f"] == 2


@pytest.mark.parametrize(
    ("text", "key"), [("yes", "true"), ("1", "1"), ("0x10", "16"), ("1.50", "1.5"), ('"yes"', "yes"), ("a: b", "a: b")]
)
def test_an_unquoted_key_is_the_key_that_kubernetes_reads(text: str, key: str) -> None:
    """Its number or boolean, as text."""
    result = document("labels:\n  {{ index .ObjectMeta.Annotations `k` }}: x\n", annotated(k=text))
    assert result == {"labels": {key: "x"}}


def test_parts_of_an_unquoted_value_are_read_together() -> None:
    """As their text would be."""
    result = document("a: 80{{ .ObjectMeta.Annotations.k }}\nb: {{ .ObjectMeta.Annotations.k }}m", annotated(k="80"))
    assert result == {"a": 8080, "b": "80m"}


def test_an_empty_value_alone_on_its_line_is_nothing() -> None:
    """As in Go, where it leaves an empty line."""
    source = "spec:\n  {{ .ObjectMeta.Annotations.k }}\n  a: 1\n  {{ index .Values `none` | default `` }}\n"
    assert document(source, annotated(k="")) == {"spec": {"a": 1}}


def test_an_empty_key_is_null() -> None:
    """It deletes when the overlay is merged, as in Istio."""
    assert document("spec:\n  a:\n  b: {{ .ObjectMeta.Annotations.k }}\n", annotated(k="")) == {
        "spec": {"a": None, "b": None}
    }


STRUCTURE = [
    ("a:\n  {{ toYaml .Values.map | indent 2 }}", {"a": {"a": {"x": "1"}, "b": 1}}),
    ("a:\n{{ toYaml .Values.map | nindent 2 }}", {"a": {"a": {"x": "1"}, "b": 1}}),
    ("a:\n  c: 0\n  {{- toYaml .Values.map | nindent 2 }}\n  d: 3", {"a": {"c": 0, "a": {"x": "1"}, "b": 1, "d": 3}}),
    ("a:\n  b: 0\n  {{- toYaml .Values.map | nindent 2 }}", {"a": {"b": 1, "a": {"x": "1"}}}),
    ("a: {{ toYaml .Values.empty }}", {"a": {}}),
    ("a:\n- o\n{{ toYaml .Values.list }}", {"a": ["o", "p", {"q": 2}]}),
    ("a:\n  {{- toYaml .Values.list | nindent 2 }}\n  - z", {"a": ["p", {"q": 2}, "z"]}),
    ("a:\n- name: x\n  {{ toYaml .Values.map | indent 2 }}", {"a": [{"name": "x", "a": {"x": "1"}, "b": 1}]}),
    ("a: {{ toJson .Values.map }}", {"a": {"a": {"x": "1"}, "b": 1}}),
    ("a: [{{ toJson .Values.list }}, {{ toJson .Values.map }}]", {"a": [["p", {"q": 2}], {"a": {"x": "1"}, "b": 1}]}),
    ("a: '{{ toJson .Values.map }}'", {"a": '{"a":{"x":"1"},"b":1}'}),
    ('a: "{{ toYaml .Values.list | trim }}"', {"a": "- p\n- q: 2"}),
    ("a: {{ toYaml .Values.text }}", {"a": "l1\nl2\n"}),
    ("{{ toYaml .Values.map }}", {"a": {"x": "1"}, "b": 1}),
    ('a:\n  {{- printf "%s" (toYaml .Values.map) | nindent 2 }}', {"a": {"a": {"x": "1"}, "b": 1}}),
    ('a: {{ print (toJson .Values.map) }}\nb: {{ printf "%v" "c: d" }}', {"a": {"a": {"x": "1"}, "b": 1}, "b": "c: d"}),
    ("a: {{ toYaml .Values.map | quote }}", {"a": 'a:\n  x: "1"\nb: 1\n'}),
    ("a: |\n  {{ toYaml .Values.map | indent 2 }}", {"a": 'a:\n  x: "1"\nb: 1\n'}),
    ("a: |\n    x\n    {{- toYaml .Values.map | nindent 4 }}\n", {"a": 'x\na:\n  x: "1"\nb: 1\n'}),
    ("a: |-\n  {{ .Values.text | nindent 2 }}", {"a": "\nl1\nl2"}),
    ("a: {{ .Values.text | quote }}", {"a": "l1\nl2\n"}),
    ("{{ $t := toYaml .Values.map }}a:\n{{ $t | trim | nindent 2 }}", {"a": {"a": {"x": "1"}, "b": 1}}),
    ("{{ define `x` }}\n  k: {{ . }}{{ end }}a:{{ template `x` .Values.map.b }}", {"a": {"k": 1}}),
    ("a: {{ `{b: 1}` }}", {"a": {"b": 1}}),
]


@pytest.mark.parametrize(("source", "expected"), STRUCTURE)
def test_what_is_written_as_yaml_or_json_stays_structure(source: str, expected: Any) -> None:
    """Where it stands alone; inside of text it is text."""
    assert document(source, VALUES) == expected


def test_structure_of_a_pod_s_own_data_is_spliced_too() -> None:
    """Its keys and texts never meet the YAML parser."""
    source = (
        "spec:\n  volumes:\n  {{- range $k, $v := fromJSON (index .ObjectMeta.Annotations `k`) }}\n"
        '  - name: "{{ $k }}"\n    {{ toYaml $v | indent 4 }}\n  {{- end }}\n'
    )
    text = '{"a": {"x: y": "# {", "n": {"m": [1, "2"]}}, "b: c": {"name": "d"}}'
    assert document(source, annotated(k=text)) == {
        "spec": {"volumes": [{"name": "a", "n": {"m": [1, "2"]}, "x: y": "# {"}, {"name": "d"}]}
    }


def test_lines_of_yaml_in_the_middle_of_a_line_are_refused() -> None:
    """Nobody could say what they mean."""
    with pytest.raises(RenderingError, match="in the middle of a line"):
        document("a{{ toYaml .Values.map }}", VALUES)


def test_what_go_writes_of_zero_values_is_written() -> None:
    """The divisor of a resource is a quantity, which Go never leaves out."""
    assert document("a: {resourceFieldRef: {resource: limits.cpu}}") == {
        "a": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}
    }


@pytest.mark.parametrize(
    "mark", ["\ue000", "\ue001", "\ue002", "\ue003", "{{ `\\ue002` }}", '{{ "\\ue000c0\\ue001" }}']
)
def test_the_characters_of_marks_are_reserved(mark: str) -> None:
    """A template cannot write a mark of its own."""
    with pytest.raises(RenderingError, match="reserved"):
        document(f"a: 1 # {mark}")
