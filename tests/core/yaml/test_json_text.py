"""JSON files are read as JSON, as kubectl reads them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.yaml.json_text import NotJsonError, parse_json
from injector.core.yaml.reader import read_manifest


@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False), ascii_only=st.booleans())
def test_whatever_json_holds_is_read_as_it_is(text: str, number: float, ascii_only: bool) -> None:
    document = {"text": text, "numbers": [number, 10**20, 1e3], text: None}
    assert read_manifest(json.dumps(document, ensure_ascii=ascii_only)) == document


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": {"b": 1, "b": 2}}', "duplicate key 'b'"),
        ('{"a": "\\ud83d"}', "surrogates not allowed"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", "cannot be written as JSON"),
        ('{"a": 1e999}', "larger than any number"),
        ('{"a": ' + "9" * 6_000 + "}", "larger than any number"),
    ],
)
def test_what_kubectl_would_read_otherwise_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_manifest(text)


@pytest.mark.parametrize("text", ["a: 1", "{a: 1}", '{"a": NaN}', "[a]", "", '{"a": 1} # why', "{" * 5000])
def test_the_rest_is_left_to_yaml(text: str) -> None:
    with pytest.raises(NotJsonError):
        parse_json(text)


def test_integers_beyond_64_bits_are_floats() -> None:
    """As Go's decoder makes of them, and as orjson can write them."""
    assert str(read_manifest('{"a": [18446744073709551615, 18446744073709551616, -9223372036854775809]}')["a"]) == (
        "[18446744073709551615, 1.8446744073709552e+19, -9.223372036854776e+18]"
    )
