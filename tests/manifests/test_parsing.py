"""JSON files are read as JSON, as kubectl reads them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.model import EMPTY_SNAPSHOT
from injector.manifests import injection, rewrite
from injector.manifests.parsing import NotJsonError, parse, parse_json
from tests.support import default_setup, pod_of

SETUP = default_setup()


@given(text=st.text(), number=st.floats(allow_nan=False, allow_infinity=False), ascii_only=st.booleans())
def test_whatever_json_holds_is_read_as_it_is(text: str, number: float, ascii_only: bool) -> None:
    document = {"text": text, "numbers": [number, 10**20, 1e3], text: None}
    assert parse(json.dumps(document, ensure_ascii=ascii_only)) == document


@given(text=st.text())
def test_text_of_any_characters_survives_injection(text: str) -> None:
    written = json.dumps(pod_of(container={"args": [text]}))
    injected = rewrite(written, "f.json", injection(SETUP, EMPTY_SNAPSHOT)).text
    assert json.loads(injected)["spec"]["containers"][0]["args"] == [text]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice"),
        ('{"a": "\\ud83d"}', "half of a character"),
    ],
)
def test_what_kubectl_would_read_otherwise_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse(text)


@pytest.mark.parametrize("text", ["a: 1", "{a: 1}", '{"a": NaN}', "[]", "", '{"a": 1} # why', "{" * 5000])
def test_the_rest_is_left_to_yaml(text: str) -> None:
    with pytest.raises(NotJsonError):
        parse_json(text)
