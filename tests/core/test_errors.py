"""Messages about an input: short whatever its size, and with what was probably meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injector.core.errors import (
    LONGEST_QUOTE,
    Fault,
    InjectorError,
    format_path,
    nearest,
    quoted,
    suggestion,
    without_addresses,
)
from injector.core.shared import as_shared

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda items: st.lists(items) | st.dictionaries(st.text(), items),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (1.5, "1.5"),
        (None, "null"),
        (True, "true"),
        ("a\nb", r"'a\nb'"),
        ([1, None], "[1, null]"),
        ({"a": {"b": False}}, "{'a': {'b': false}}"),
        ("x" * 1000, f"'{'x' * 77}'…"),
        (list(range(1000)), "[0, 1, 2, 3, …]"),
        pytest.param(10**5000, "a number of 16610 bits", id="huge"),
        ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, "{'a': 1, 'b': 2, 'c': 3, 'd': 4, …}"),
    ],
)
def test_a_value_is_quoted(value: Any, text: str) -> None:
    assert quoted(value) == text


@given(_JSON)
def test_a_quote_is_short_and_on_one_line(value: Any) -> None:
    text = quoted(value)
    assert 0 < len(text) <= LONGEST_QUOTE
    assert len(text.splitlines()) == 1


@given(_JSON)
def test_a_quote_of_shared_parts_is_that_of_plain_ones(value: Any) -> None:
    assert quoted(as_shared(value)) == quoted(value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("polcy", "policy"), ("POLICY", "policy"), ("stop_signal", "stopSignal"), ("zzz", None), ("p" * 10**6, None)],
    ids=lambda text: str(text)[:12],
)
def test_the_nearest_name(name: str, meant: str | None) -> None:
    assert nearest(name, ["policy", "stopSignal"]) == meant


def test_another_spelling_is_nearer_than_a_likeness() -> None:
    assert nearest("user_volume", ["user_volumes", "userVolume"]) == "userVolume"


def test_all_names_are_listed_where_none_is_near() -> None:
    assert suggestion("zzz", ["policy", "values"]) == "valid: policy, values"
    assert suggestion("valeus", ["policy", "values"]) == "did you mean 'values'?"


def test_a_path_is_written_as_set_takes_it() -> None:
    assert format_path(("a", 0, "b.c,d", "e")) == r"a[0].b\.c\,d.e"


def test_a_fault_names_file_line_document_and_path() -> None:
    assert str(Fault("a.yaml", 3, "spec.x", "must be a string, got 7", 2)) == (
        "a.yaml:3: document 2: spec.x: must be a string, got 7"
    )


def test_an_error_has_a_line_for_each_fault() -> None:
    error = InjectorError(Fault("a.yaml", None, "x", "is missing"), "the file is empty")
    assert str(error) == "a.yaml: x: is missing\nthe file is empty"
    assert [fault.message for fault in error.faults] == ["is missing", "the file is empty"]


def test_addresses_of_objects_are_left_out_of_messages() -> None:
    assert without_addresses(f"cannot use {object()} here") == "cannot use <object object> here"
    assert without_addresses("the number 0x7f12 at 0x10") == "the number 0x7f12 at 0x10"
