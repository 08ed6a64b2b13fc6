"""Whatever is written is read back as what it was, by this reader and by others."""

import math
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read
from injector.core.yaml.scalars import json_number
from injector.core.yaml.writer import QUOTES, lines, quoted_like, scalar, write

TRICKY = (
    "yes No on y n ~ null 1 -1 08 1_000 0x1F 0o7 0b1 12:30 1e3 7654e32 .5 5. .inf -.inf .nan 2024-01-01 "
    "2024-01-01T00:00:00Z - -- --- ... = << a:b a: :a a: b #c a#b * & ! @x `x %x {x} [x] a?b ?a "
    "100m 15090,15021 --flag -x ' \" | > "
).split(" ")
LONG = "k" * 1_100
SHAPED = [
    "a: b",
    "x #y",
    "- a",
    "",
    " a",
    "a ",
    "a\nb",
    "a\n",
    "a\nb\n",
    "a \nb",
    "\na",
    "a\n\nb",
    "a\nb\n\n",
    "\ufeff",
]
PIECES = st.lists(
    st.sampled_from([*TRICKY, *SHAPED, LONG, "a ", "\r", "\x85", "\u2028", "\x00", "é", "😀"]), max_size=4
)
TEXTS = PIECES.map("".join) | PIECES.map(" ".join) | st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False).map(json_number)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_is_written_is_read_back(value: Any, indents_lists: bool) -> None:
    assert read(write(value)) == value
    assert read("\n".join(lines(value, indents_lists=indents_lists)) + "\n") == value


@given(TEXTS, st.sampled_from(QUOTES))
def test_what_is_quoted_stays_text_on_one_line(text: str, quote: str) -> None:
    written = quoted_like(text, quote)
    assert "\n" not in written
    assert read(f"[1, {written}]") == [1, text]
    assert read(f"a: {scalar(text)}\n") == {"a": text}


@pytest.mark.parametrize("text", [*TRICKY, *SHAPED, "1.5e3", "1:2:3"])
def test_texts_stay_texts_for_other_readers(text: str) -> None:
    assert yaml.safe_load(write({"a": text, "b": [text]})) == {"a": text, "b": [text]}


@pytest.mark.parametrize("number", [0, -3, 2.5, 1e30, 1e-9, 5e-324])
def test_numbers_stay_numbers_for_other_readers(number: float) -> None:
    assert yaml.safe_load(write([number])) == [number]


def test_lines() -> None:
    value = {
        "image": "docker.io/x/y:1",
        "args": ["--domain", "$(NS).svc", "a?b&c;d", 'say "hi"', ["x", {"y": None}]],
        "json": '{"a":1}',
        "script": "one\n  two\n",
        "empty": [{}, [], ""],
        "n": "1e3",
    }
    assert write(value).splitlines() == [
        "image: docker.io/x/y:1",
        "args:",
        "- --domain",
        "- $(NS).svc",
        "- a?b&c;d",
        '- say "hi"',
        "- - x",
        '  - "y": null',
        "json: '{\"a\":1}'",
        "script: |",
        "  one",
        "    two",
        "empty:",
        "- {}",
        "- []",
        '- ""',
        '"n": "1e3"',
    ]
    assert lines({"a": [{"b": [1]}]}, indents_lists=True) == ["a:", "  - b:", "      - 1"]


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_what_json_does_not_have_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="is not a number of JSON"):
        write({"a": number})


SYNTAX = (
    "a 1 y , : ? - [ ] { } # & * &a *a ! !!str !!int !!binary | > ' \" % @ ` \\ << ~ 0x .inf --- ... "
    "\n \t \x85 \ufeff \r\n {<<:*a} {a:"
).split(" ")
TOKENS = st.lists(st.sampled_from([*SYNTAX, " ", "  ", ": ", "\n- ", "\n  ", "<<: *a"]), max_size=14)


@given(TOKENS.map("".join) | st.text())
def test_any_text_is_a_json_value_or_a_fault_with_a_line(text: str) -> None:
    try:
        value = read(text)
    except YamlError as error:
        value = error.line
    orjson.dumps(value)
    assert read(write(value)) == value
