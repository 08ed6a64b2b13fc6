"""Values are those that sigs.k8s.io/yaml gives, but that repeated keys and infinity are faults."""

import json
from pathlib import Path
from typing import Any

import pytest

from injector.core.yaml.bounds import Bounds
from injector.core.yaml.nodes import Mapping, Sequence, YamlError, compose
from injector.core.yaml.reader import read, read_all

TABLE = Path(__file__).parents[4] / "shared" / "yaml"

VALUES: dict[str, Any] = {
    "": None,
    "# nothing\n": None,
    "on: off\n": {"true": False},
    "{12: a, 1.50: b, 0x1f: c, Off: d, ~x: e}\n": {"12": "a", "1.5": "b", "31": "c", "false": "d", "~x": "e"},
    "at: 12:30\nday: 2026-02-03\n2026-02-03: x\n": {"at": "12:30", "day": "2026-02-03", "2026-02-03": "x"},
    "a: =\n=: b\n": {"a": "=", "=": "b"},
    "a: 017\nb: 0o17\nc: 019\n": {"a": 15, "b": 15, "c": 19},
    "a: 2.0\nb: 6e2\nc: 3e30\n": {"a": 2, "b": 600, "c": 3e30},
    "a: &x {k: 1}\nb: *x\nc: *x\n": {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1}},
    "a: &x 1\nb: *x\nc: &x 2\nd: *x\n": {"a": 1, "b": 1, "c": 2, "d": 2},
    "a: &k name\n*k : b\n": {"a": "name", "name": "b"},
    "a: &a {x: 1, z: 1}\nb: {z: 0, <<: *a, x: 2}\n": {"a": {"x": 1, "z": 1}, "b": {"z": 1, "x": 2}},
    "a:\n  <<: [{p: 1}, {p: 2, q: 3}]\n  <<: {r: 4}\n": {"a": {"p": 1, "q": 3, "r": 4}},
    "a: {'<<': {x: 1}}\n": {"a": {"<<": {"x": 1}}},
    "a: !!str 07\nb: !!int '0b11'\nc: !!float 3\nd: !own 5\ne: ! 5\n": {"a": "07", "b": 3, "c": 3, "d": "5", "e": "5"},
    "a: !!binary aGVsbG8=\nb: !!binary 4oL/\n": {"a": "hello", "b": "\ufffd" * 3},
    "a: !!timestamp 2026-02-03T04:05:06Z\nb: !!omap [c: 1]\n": {"a": "2026-02-03T04:05:06Z", "b": [{"c": 1}]},
    "[a:, {b:}, c :]\n": ["a:", {"b:": None}, "c :"],
    '["x:,", \'y:]\', a:, {"q":[1]}]\n': ["x:,", "y:]", "a:", {"q": [1]}],
    "[!!str, 1, !x, 2]\n": ["1", "2"],
    "a: 1\n---\nb: [\n": {"a": 1},
    "\ufeffa: 1\r\nb: no\r\n": {"a": 1, "b": False},
    '"a\\u00e9\\x41\\N": |+\n  b\n\n': {"aéA\x85": "b\n\n"},
}
FAULTS = {
    "a: 1\nb: 2\na: 3\n": "line 3: duplicate key 'a'",
    "7: a\n'7': b\n": "line 2: duplicate key '7'",
    "yes: a\non: b\n": "line 2: duplicate key 'true'",
    "a: 1\n~: b\n": "line 2: a key must be text, got ~",
    "? [a]\n: b\n": "line 1: a key must be text, got a list",
    "{a: 1}: b\n": "line 1: a key must be text, got a mapping",
    "9223372036854775808: a\n": "line 1: a key must be text, got 9223372036854775808",
    "a:\n- .inf\n": "line 2: JSON has no .inf",
    "a: .NaN\n": "line 1: JSON has no .NaN",
    "a: &x [*x]\n": "line 1: anchor 'x' contains itself",
    "a: *x\n": "line 1: unknown anchor 'x'",
    "a: {<<: 1}\n": "line 1: '<<' must be a mapping or a list of mappings",
    "a: &x [{b: 1}]\nc:\n  <<: *x\n": "line 3: '<<' must be a mapping or a list of mappings",
    "a: !!int x\n": "line 1: x is not a value of type !!int",
    "a: !!null x\n": "line 1: x is not a value of type !!null",
    "a: !!timestamp tomorrow\n": "line 1: tomorrow is not a value of type !!timestamp",
    "a: !!binary a\n": "line 1: a is not base64",
    "%YAML 1.2\n---\na: 1\n": "line 1: YAML 1.2 is not supported",
    "a: [b?c]\n": "line 1: '?' must be quoted inside of brackets and braces",
    "a: \ud800\n": "line 1: not YAML: '\\ud800' is half of a character",
    "a: \x01\n": "line 1: not YAML: control characters are not allowed: #x0001",
    "a: b: c\n": "line 1: not YAML: mapping values are not allowed in this context",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values(text: str, value: Any) -> None:
    assert _typed(read(text)) == _typed(value)


@pytest.mark.parametrize(("text", "fault"), FAULTS.items())
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(YamlError) as caught:
        read(text)
    assert str(caught.value) == fault


def test_a_stream_has_several_documents() -> None:
    assert list(read_all("a: &x 1\n---\n- b\n...\n---\n---\n{c: d}\n")) == [{"a": 1}, ["b"], None, {"c": "d"}]
    assert list(read_all("")) == []
    with pytest.raises(YamlError, match="line 4: unknown anchor 'x'"):
        list(read_all("a: &x 1\n\n---\nb: *x\n"))


def test_a_respelled_stream_gives_each_document_once() -> None:
    assert list(read_all("a: 1\n---\n[b:, c]\n---\n[!!str, 1]\n---\nd\n")) == [{"a": 1}, ["b:", "c"], ["1"], "d"]


LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))])
NESTED = "\n".join(["a0: &a0 " + "[" * 90 + "]" * 90, *(f"a{n}: &a{n} {'[' * 90}*a{n - 1}{']' * 90}" for n in (1, 2))])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (LAUGHS, "its aliases stand for more than"),
        (LAUGHS.replace("[", "{<<: [").replace("]", "]}").replace("[x, x]", "[]"), "its aliases stand for more than"),
        (NESTED, "nested deeper than 200 levels"),
        ("[" * 100_000, "nested deeper than 200 levels"),
        ("{a: " * 100_000, "nested deeper than 200 levels"),
        ("- " * 100_000, "nested deeper than 200 levels"),
        ("a" * 1_001, "longer than 1,000 characters"),
        ("[" + "!, a, " * 20 + "]", "a tag must be followed by a blank"),
        ("[" + "a, " * 100_001 + "]", "more than 100,000 values"),
        ("- {}\n" * 100_001, "more than 100,000 values"),
    ],
    ids=range(10),
)
def test_what_costs_more_than_its_size_is_refused(text: str, fault: str) -> None:
    with pytest.raises(YamlError, match=fault):
        read(text, Bounds(characters=1_000) if text.startswith("aaa") else Bounds(values=100_000))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 199 + "]" * 199,
        "- &a [" + "x, " * 1_000 + "]\n- [" + "*a, " * 30 + "]\n",
        "[" + "x, " * 300_000 + "]",
    ],
    ids=["nested", "aliased", "long"],
)
def test_what_is_within_the_bounds_is_read(text: str) -> None:
    assert read(text)


@pytest.mark.skipif(not TABLE.exists(), reason=f"the table of Kubernetes' answers is not at {TABLE}")
@pytest.mark.parametrize("file", ["scalars.jsonl", "documents.jsonl"])
def test_kubernetes_table(file: str) -> None:
    rows = [json.loads(line) for line in (TABLE / file).read_bytes().splitlines()]
    wrong = [row for row in rows if not _is_right(row)]
    assert wrong == []


def _is_right(row: dict[str, Any]) -> bool:
    try:
        value = read(row["text"])
    except YamlError as error:
        return "error" in row or error.problem.startswith("duplicate key")
    return "error" not in row and bool(_typed(value) == _typed(row["value"]))


def _typed(value: Any) -> Any:
    """`value` with the type of each of its parts; a number beyond 64 bits is a float, whatever it looks like."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        value = float(value)
    return (type(value).__name__, value)


def test_nodes_know_their_places() -> None:
    text = "# é\r\nkey: &x\n  - 'a b'\x85# c\n  - *x\n".replace("*x", "{y: 1}")
    mapping = compose(text)
    assert isinstance(mapping, Mapping)
    ((_, items),) = mapping.entries
    assert isinstance(items, Sequence)
    first, second = items.children
    assert text[first.start.index : first.end.index] == "'a b'"
    assert text[second.start.index : second.end.index] == "{y: 1}"
    assert [(node.start.line, node.start.column) for node in (mapping, items, first)] == [(1, 0), (1, 5), (2, 4)]
    assert (second.start.line, second.end.line, second.end.column) == (4, 4, 10)
