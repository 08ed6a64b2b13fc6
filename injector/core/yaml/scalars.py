"""What an unquoted scalar stands for in Kubernetes' YAML: the one table that reader and writer share.

Source: `resolve` in sigs.k8s.io/yaml v1.6.0, goyaml.v2/resolve.go: YAML 1.1 without dates and numbers in base 60,
with Go's own spellings of numbers.
"""

import math
import re
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INFINITE_KEYS = {math.inf: ".inf", -math.inf: "-.inf"}

_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Behind a leading point Go takes an underscore between two digits, and nowhere else.
_POINT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
# `0b-1` is -1 in goyaml, which looks for a sign on both sides of this prefix, and of this one only.
_SIGNED_BINARY = re.compile(r"0b(?P<sign>[-+])(?P<digits>[01]+)")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hexadecimal>[0-9a-fA-F]+)|0[oO](?P<octal>[0-7]+)|0[bB](?P<binary>[01]+)"
    r"|0(?P<zero_octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = {"hexadecimal": 16, "octal": 8, "binary": 2, "zero_octal": 8, "decimal": 10}
# No integer of 64 bits has more digits in any base; looked at first, since reading long ones is not linear. With few
# digits a number has less than 64 bits in every base.
_MOST_DIGITS, _FEW_DIGITS = 64, 15
# What YAML 1.1 readers other than Kubernetes' take for numbers in base 60, for dates, and for numbers of any size.
_OTHER_READERS = re.compile(
    r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|=|<<"
    r"|[-+]?(?:0x[0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?)"
)

_SINGLE = struct.Struct("<f")


def resolve(text: str) -> Scalar:
    """What the unquoted scalar `text` stands for; `text` itself where it is text."""
    first = text[:1]
    if first and first not in "+-.0123456789":
        return _WORDS.get(text, text)
    if text in _WORDS:
        return _WORDS[text]
    number = _point_float(text) if first == "." else _number(text.replace("_", ""))
    return text if number is None else number


def needs_quotes(text: str) -> bool:
    """Whether `text` without quotes would be read as something else, here or by other readers of YAML 1.1."""
    return resolve(text) is not text or _OTHER_READERS.fullmatch(text) is not None


def json_number(number: float) -> int | float:
    """`number`, which is finite, as it comes out of Go's JSON: whole numbers have neither point nor exponent.

    They are the shortest digits of the float with zeros behind them (encoding/json, floatEncoder). What 64 bits do not
    hold stays a float, as JSON readers make one of it.
    """
    if not number.is_integer() or abs(number) >= 2**64:
        return number
    digits, _, exponent = repr(number).partition("e")
    whole, _, fraction = digits.partition(".")
    integer = int(whole + fraction.ljust(int(exponent), "0") if exponent else whole)
    return integer if integer >= -(2**63) else number


def key_text(value: Scalar) -> str | None:
    """`value` as the key of a JSON object; None where Kubernetes' reader refuses it: null, and integers from 2⁶³ on.

    Source: sigs.k8s.io/yaml v1.6.0, convertToJSONableObject.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value < 2**63 else None
    return None if value is None else _float_key(value)


def _point_float(text: str) -> float | None:
    return _float(text.replace("_", "")) if _POINT_FLOAT.fullmatch(text) else None


def _number(text: str) -> int | float | None:
    integer = _integer(text)
    if integer is not None:
        return integer
    return _float(text) if _FLOAT.fullmatch(text) else None


def _integer(text: str) -> int | None:
    """The integer, where 64 bits hold it: without a sign up to 2⁶⁴, with one as a signed number."""
    match = _INTEGER.fullmatch(text)
    if match is not None:
        base = str(match.lastgroup)
        return _in_range(match["sign"], match[base], _BASES[base])
    match = _SIGNED_BINARY.fullmatch(text)
    return None if match is None else _in_range(match["sign"], match["digits"], 2)


def _in_range(sign: str, digits: str, base: int) -> int | None:
    if len(digits) <= _FEW_DIGITS:
        return int(f"{sign}{digits}", base)
    digits = digits.lstrip("0") or "0"
    if len(digits) > _MOST_DIGITS:
        return None
    number = int(f"{sign}{digits}", base)
    return number if -(2**63) <= number < (2**63 if sign else 2**64) else None


def _float(text: str) -> float | None:
    """The float; None where it is too large for one."""
    number = float(text)
    return None if math.isinf(number) else number


def _float_key(number: float) -> str:
    """`number` in 32 bits, with the fewest digits that give it again (strconv.FormatFloat, 'g', -1, 32)."""
    if not math.isfinite(number):
        return _INFINITE_KEYS.get(number, ".nan")
    try:
        single = _as_single(number)
    except OverflowError:
        return _INFINITE_KEYS[math.copysign(math.inf, number)]
    shortest = next(text for digits in range(9) if _as_single(float(text := f"{single:.{digits}e}")) == single)
    # Go's `g` has an exponent below 10⁻⁴ and from 10⁶ on, however few the digits are.
    return f"{Decimal(shortest):f}" if -4 <= int(shortest.partition("e")[2]) < 6 else shortest  # noqa: PLR2004


def _as_single(number: float) -> float:
    single: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return single
