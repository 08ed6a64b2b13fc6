"""Sprig's functions for numbers. Source: http://masterminds.github.io/sprig/math.html and mathf.html.

Integers have 64 bits, and go round where they grow over them, as Go's do.
"""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from functools import reduce
from math import ceil, floor, isfinite, modf, trunc
from typing import Any

from jinja2.exceptions import SecurityError

from injector.core.render.go.formatting import sprint
from injector.core.render.go.sprig_text import text, whole
from injector.core.render.go.values import GoError
from injector.core.render.limits import MAXIMUM_VALUES

_HALF = 0.5
_MODULUS, _SIGN = 2**64, 2**63
_OLD_OCTAL = re.compile(r"([+-]?)0([0-7]+)$")
_LONGEST = 100
# A quotient with more digits before its point than this has no place for 16 behind it in 28 digits.
_PLACES, _LONGEST_WHOLE = Decimal("1e-16"), 11


def to_integer(value: Any) -> int:
    """The value as an integer: fractions cut off, texts read, anything else 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _wrapped(trunc(value)) if isfinite(value) else -_SIGN
    if isinstance(value, str) and len(value) <= _LONGEST:
        written = re.sub(r"\.0*$", "", value)
        octal = _OLD_OCTAL.match(written)
        try:
            number = int(f"{octal[1]}0o{octal[2]}" if octal else written, 0)
        except ValueError:
            return 0
        return number if -_SIGN <= number < _SIGN else 0
    return 0


def to_float(value: Any) -> float:
    """The value as a number with a fraction: texts are read, anything else is 0."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and len(value) <= _LONGEST:
        try:
            return float(value)
        except ValueError:
            return 0.0
    return 0.0


def _wrapped(number: int) -> int:
    return (number + _SIGN) % _MODULUS - _SIGN


def add(*values: Any) -> int:
    """The sum."""
    return _wrapped(sum(map(to_integer, values)))


def multiply(*values: Any) -> int:
    """The product."""
    return reduce(lambda product, value: _wrapped(product * to_integer(value)), values, 1)


def divide(value: Any, divisor: Any) -> int:
    """The quotient, its fraction cut off."""
    dividend, by = to_integer(value), to_integer(divisor)
    if not by:
        raise GoError("div: integer divide by zero")
    quotient = abs(dividend) // abs(by)
    return _wrapped(quotient if (dividend < 0) == (by < 0) else -quotient)


def remainder(value: Any, divisor: Any) -> int:
    """What is left of a division, with the sign of the dividend."""
    dividend, by = to_integer(value), to_integer(divisor)
    if not by:
        raise GoError("mod: integer divide by zero")
    left = abs(dividend) % abs(by)
    return -left if dividend < 0 else left


def _decimals(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    def worked_out(first: Any, *others: Any) -> float:
        try:
            numbers = [Decimal(repr(to_float(each))) for each in (first, *others)]
            return float(reduce(operation, numbers)) + 0.0
        except DecimalException as error:
            raise GoError("division by zero or a number without an end") from error

    return worked_out


def _quotient_of_decimals(dividend: Decimal, divisor: Decimal) -> Decimal:
    """The quotient with 16 decimal places, as https://pkg.go.dev/github.com/shopspring/decimal divides."""
    quotient = dividend / divisor
    return quotient.quantize(_PLACES, ROUND_HALF_UP) if quotient.adjusted() < _LONGEST_WHOLE else quotient


_sum_of_decimals = _decimals(lambda one, other: one + other)


def rounded(value: Any, places: Any, threshold: Any = _HALF) -> float:
    """The number with so many decimal places; up from the threshold on, 0.5 unless another is given."""
    number, digits = to_float(value), whole(places)
    if abs(digits) > _LONGEST or not isfinite(number):
        raise GoError(f"round: {digits} places of {sprint(number)}")
    power = 10.0**digits
    scaled = power * number
    fraction, _ = modf(scaled)
    return (ceil(scaled) if fraction >= to_float(threshold) else floor(scaled)) / power


def until_step(begin: Any, end: Any, step: Any) -> list[int]:
    """The numbers from `begin` up or down to `end`, which is left out."""
    first, last, by = whole(begin), whole(end), whole(step)
    if (last < first and by >= 0) or (last >= first and by <= 0):
        return []
    numbers = range(first, last, by)
    if len(numbers) > MAXIMUM_VALUES:
        raise SecurityError(f"until gives more than {MAXIMUM_VALUES} numbers")
    return list(numbers)


def until(count: Any) -> list[int]:
    """The numbers from 0 up or down to `count`, which is left out."""
    return until_step(0, count, 1 if whole(count) >= 0 else -1)


def sequence(*bounds: Any) -> str:
    """The numbers from, by and to (or from and to, or from 1 to) the bounds, as text with spaces between."""
    numbers = [whole(each) for each in bounds]
    match numbers:
        case [end]:
            begin, step = 1, 1 if end >= 1 else -1
        case [begin, end]:
            step = 1 if end >= begin else -1
        case [begin, step, end]:
            if end < begin and step > 0:
                return ""
        case _:
            return ""
    direction = 1 if end >= begin else -1
    return " ".join(map(str, until_step(begin, end + direction, step)))


def from_octal(value: Any) -> int:
    """The number that octal digits stand for; 0 for any other text."""
    try:
        return int(sprint(value)[:_LONGEST], 8)
    except ValueError:
        return 0


NUMBER_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": add,
    "add1": lambda value: add(value, 1),
    "add1f": lambda value: _sum_of_decimals(value, 1),
    "addf": lambda *values: _sum_of_decimals(0, *values),
    "atoi": lambda value: int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", text(value)) else 0,
    "biggest": lambda *values: max(map(to_integer, values)),
    "ceil": lambda value: float(ceil(to_float(value))),
    "div": divide,
    "divf": _decimals(_quotient_of_decimals),
    "float64": to_float,
    "floor": lambda value: float(floor(to_float(value))),
    "int": to_integer,
    "int64": to_integer,
    "max": lambda *values: max(map(to_integer, values)),
    "maxf": lambda *values: max(map(to_float, values)),
    "min": lambda *values: min(map(to_integer, values)),
    "minf": lambda *values: min(map(to_float, values)),
    "mod": remainder,
    "mul": multiply,
    "mulf": _decimals(lambda one, other: one * other),
    "round": rounded,
    "seq": sequence,
    "sub": lambda value, less: _wrapped(to_integer(value) - to_integer(less)),
    "subf": _decimals(lambda one, other: one - other),
    "toDecimal": from_octal,
    "until": until,
    "untilStep": until_step,
}
"""By the names that templates use."""
