"""A document against a table: canonical forms, and everything that is wrong, each with its path."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from injector.core.errors import Path
from injector.core.validation import (
    BOOLEAN,
    FILLED_STRING,
    INTEGER,
    MAPPING,
    STRING,
    STRING_MAP,
    STRINGS,
    Finding,
    Listed,
    Mapped,
    Message,
    Parsed,
    Type,
    Unsupported,
    check,
    one_of,
    or_null,
    read,
)


def _doubled(text: str) -> str:
    if not text.isdigit():
        raise ValueError("digits")
    return text * 2


def _in_order(range_: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if range_.get("from", 0) > range_.get("to", 0):
        yield ("from",), "is after 'to'"


RANGE = Message({"from": INTEGER, "to": INTEGER}, required=("to",), rules=(_in_order,))
SERVER = Message(
    {
        "host": FILLED_STRING,
        "mode": one_of("plain", "tls"),
        "code": Parsed(_doubled),
        "tags": STRING_MAP,
        "ports": Listed(RANGE, filled=True),
        "socket": STRING,
        "bind": Unsupported("leave it out"),
    },
    required=("ports",),
    choices=(("host", "socket"),),
)
SOUND = {"host": "a", "mode": "tls", "code": "12", "tags": {"a": "b"}, "ports": [{"from": 1, "to": 2}]}


def test_a_sound_document_is_read_into_its_canonical_form() -> None:
    assert read(SERVER, {**SOUND, "socket": None}) == ({**SOUND, "code": "1212"}, [])


@pytest.mark.parametrize(
    ("changed", "path", "message"),
    [
        ({"host": 7}, ("host",), "must be a string that is not empty, got 7"),
        ({"host": ""}, ("host",), "must be a string that is not empty, got ''"),
        ({"mode": "x"}, ("mode",), "must be one of 'plain', 'tls', got 'x'"),
        ({"code": "x"}, ("code",), "must be digits, got 'x'"),
        ({"code": 3}, ("code",), "must be a string, got 3"),
        ({"tags": {"a": None}}, ("tags", "a"), "must be a string, got null"),
        ({"tags": []}, ("tags",), "must be a mapping of strings to strings, got []"),
        ({"ports": []}, ("ports",), "must be a list with at least one item, got []"),
        ({"ports": [{"to": 1}, {"to": True}]}, ("ports", 1, "to"), "must be an integer, got true"),
        ({"ports": [{"from": 3}]}, ("ports", 0, "to"), "is missing"),
        ({"ports": [{"from": 3, "to": 2}]}, ("ports", 0, "from"), "is after 'to'"),
        ({"ports": None}, ("ports",), "is missing"),
        ({"socket": "s"}, ("socket",), "cannot be set beside 'host'; valid: one of host, socket"),
        ({"bind": "::"}, ("bind",), "is not supported, got '::': leave it out"),
        ({"hots": "a"}, ("hots",), "unknown key 'hots'; did you mean 'host'?"),
        ({"zzz": 1}, ("zzz",), "unknown key 'zzz'; valid: host, mode, code, tags, ports, socket"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_its_path(changed: dict[str, Any], path: Path, message: str) -> None:
    assert check(SERVER, {**SOUND, **changed}) == [Finding(path, message)]


def test_everything_that_is_wrong_is_found_at_once() -> None:
    assert [path for path, _ in check(SERVER, {"host": 1, "mode": 2, "zzz": 3})] == [
        ("host",),
        ("mode",),
        ("zzz",),
        ("ports",),
    ]


def test_what_is_no_mapping_is_told_the_keys() -> None:
    assert check(RANGE, 3) == [Finding((), "must be a mapping with the keys from, to, got 3")]


def test_an_open_message_drops_what_it_does_not_know() -> None:
    assert read(Message({"a": STRING}, is_open=True), {"a": "x", "b": 1}) == ({"a": "x"}, [])


def test_a_layer_keeps_nulls_and_what_it_does_not_know() -> None:
    layer = Message({"a": STRING, "b": BOOLEAN}, is_open=True, is_layer=True)
    assert read(layer, {"a": None, "b": True, "c": 1}) == ({"a": None, "b": True, "c": 1}, [])


def test_a_closed_layer_refuses_what_it_does_not_know() -> None:
    assert check(Message({"abc": STRING}, is_layer=True), {"abd": None}) == [
        Finding(("abd",), "unknown key 'abd'; did you mean 'abc'?")
    ]


def test_another_spelling_of_a_name_is_read_as_the_tables() -> None:
    assert read(Message({"a": STRING}, spelling=str.lower), {"A": "x"}) == ({"a": "x"}, [])


def test_names_of_a_mapping_are_checked() -> None:
    assert check(Mapped(STRINGS, FILLED_STRING), {"": []}) == [
        Finding(("",), "must be a string that is not empty, got ''")
    ]


def test_a_null_takes_an_entry_away_where_it_may() -> None:
    assert read(Mapped(STRING, removable=True), {"a": None}) == ({"a": None}, [])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (SERVER, SOUND),
        (SERVER, {**SOUND, "mode": "x"}),
        (SERVER, {**SOUND, "tags": {"a": 1}}),
        (SERVER, {"host": "a"}),
        (SERVER, {**SOUND, "zzz": 1}),
        (SERVER, {**SOUND, "bind": "x"}),
        (SERVER, {**SOUND, "host": None}),
        (Mapped(STRINGS, FILLED_STRING), {"": ["a"]}),
        (Mapped(STRING, removable=True), {"a": None}),
        (MAPPING, []),
    ],
)
def test_the_schema_says_the_same(kind: Type, value: Any) -> None:
    assert jsonschema.Draft202012Validator(kind.schema).is_valid(value) is (check(kind, value) == [])


def test_null_is_added_to_a_schema() -> None:
    assert or_null({"enum": ["a"]}) == {"enum": ["a", None]}
    assert or_null({"type": "string"}) == {"type": ["string", "null"]}
    assert or_null({"type": ["string", "number"]}) == {"type": ["string", "number", "null"]}
    assert or_null({}) == {}
