"""Whatever is written reads back as what it was."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from injector.manifests.parsing import parse
from injector.preview.yaml_lines import yaml_lines

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
