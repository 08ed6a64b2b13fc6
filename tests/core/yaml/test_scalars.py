"""What an unquoted scalar stands for, as sigs.k8s.io/yaml reads it."""

import math
from typing import Any

import pytest

from injector.core.yaml.scalars import json_number, key_text, needs_quotes, resolve

NUMBERS: dict[str, float] = {
    "5": 5,
    "+5": 5,
    "-5": -5,
    "-0": 0,
    "007": 7,
    "012": 10,
    "08": 8.0,
    "0o22": 18,
    "0O22": 18,
    "-0x2a": -42,
    "0XFF": 255,
    "0b101": 5,
    "0b-11": -3,
    "2_500": 2500,
    "2__5_": 25,
    "18446744073709551615": 2**64 - 1,
    "-9223372036854775808": -(2**63),
    "+9223372036854775808": 2.0**63,
    "36893488147419103232": 2.0**65,
    "1234567890123456789012": 1.2345678901234568e21,
    "7654e32": 7.654e35,
    "3e4": 30000.0,
    "3.E-1": 0.3,
    "4.": 4.0,
    "-4.50": -4.5,
    ".25": 0.25,
    ".2_5": 0.25,
    "1e-500": 0.0,
}
TEXTS = (
    "a yEs oN none nan inf Infinity +y - + . .. .e1 ._1 .1_ 0x 0xG 0b2 0o8 1e 1e+ e1 1.2.3 1e400 -0b-1 "
    "0x1_G 12:30 1:2:3 2026-01-01 2026-01-01T00:00:00Z 10.0.0.1 100m 1Gi 1.5Gi \u0661 = << 0x12345678123456781 --1 1,5"
).split(" ")


@pytest.mark.parametrize(("text", "value"), NUMBERS.items())
def test_numbers(text: str, value: float) -> None:
    number = resolve(text)
    assert (type(number), number) == (type(value), value)
    assert needs_quotes(text)


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ("y Y yes Yes YES true True TRUE on On ON", True),
        ("n N no No NO false False FALSE off Off OFF", False),
        (" ~ null Null NULL", None),
        (".inf +.Inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_words(texts: str, value: Any) -> None:
    for text in texts.split(" "):
        assert resolve(text) is value or resolve(text) == value
        assert needs_quotes(text)


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    "text", ["12:30", "1:2:3.5", "2026-01-01", "2026-01-01T00:00:00Z", "=", "<<", "9" * 400, "1e400"]
)
def test_what_only_other_readers_take_for_a_value_is_quoted(text: str) -> None:
    assert needs_quotes(text)


@pytest.mark.parametrize("text", ["a", "10.0.0.1", "100m", "1.5Gi", "registry/web:1234e56", "e5", "--"])
def test_usual_texts_need_no_quotes(text: str) -> None:
    assert not needs_quotes(text)


def test_long_digits_cost_little() -> None:
    assert resolve("1" * 1_000_000) == "1" * 1_000_000
    assert resolve("0x" + "f" * 1_000_000) == "0x" + "f" * 1_000_000
    assert resolve("0" * 1_000_000 + "7") == 7


@pytest.mark.parametrize(
    ("number", "in_json"),
    [
        (3.0, 3),
        (-0.0, 0),
        (0.5, 0.5),
        (1e20, 1e20),
        (1.5e19, 15000000000000000000),
        (9007199254740993.0, 9007199254740992),
        (float(2**63), 9223372036854776000),
        (float(-(2**63)), float(-(2**63))),
    ],
)
def test_whole_numbers_of_64_bits_are_integers(number: float, in_json: float) -> None:
    assert (json_number(number), type(json_number(number))) == (in_json, type(in_json))


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (-12, "-12"),
        (2**63 - 1, "9223372036854775807"),
        (2**63, None),
        (None, None),
        (0.1, "0.1"),
        (-0.0, "-0"),
        (999999.0, "999999"),
        (1e6, "1e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1 / 3, "0.33333334"),
        (16777217.0, "1.6777216e+07"),
        (1e39, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
        (1e-50, "0"),
    ],
)
def test_keys_of_other_types(value: Any, key: str | None) -> None:
    assert key_text(value) == key
