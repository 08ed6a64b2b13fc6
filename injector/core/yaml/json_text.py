"""JSON as kubectl reads it: what is JSON is not read as YAML, which has other numbers, line breaks and characters."""

import json
import math
import re
from typing import Any, NoReturn

import orjson

from injector.core.errors import InjectorError

# As many digits as the longest integer of 64 bits, with its sign.
_MOST_DIGITS = 20
# Only where there may be numbers beyond 64 bits each of them is looked at, which takes ten times as long.
_LARGE_NUMBER = re.compile(r"[0-9]{19}|[0-9][eE]\+?[0-9]{3}")


class NotJsonError(InjectorError, ValueError):
    """Text that is no JSON; it may be YAML."""


def parse_json(text: str) -> Any:
    """The JSON object or list in `text`.

    Raises NotJsonError where it holds none, other ValueErrors for a repeated key and for what JSON writers refuse:
    half of a surrogate pair, and more depth than they follow.
    """
    if not text.lstrip().startswith(("{", "[")):
        raise NotJsonError("it does not begin with a brace or a bracket")
    numbers: dict[str, Any] = {"parse_int": _integer, "parse_float": _float} if _LARGE_NUMBER.search(text) else {}
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, **numbers)
    except (json.JSONDecodeError, RecursionError) as error:
        raise NotJsonError(str(error)) from error
    try:
        # An answer holds it some levels further in.
        orjson.dumps([[[value]]])
    except TypeError as error:
        raise ValueError(f"cannot be written as JSON: {error}") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"duplicate key {repeated[:80]!r}")
    return document


def _integer(digits: str) -> int | float:
    """An integer of 64 bits; a longer one is a float, as Go's decoder makes of it."""
    if len(digits) <= _MOST_DIGITS and -(2**63) <= (number := int(digits)) < 2**64:
        return number
    return _float(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:80]} is larger than any number of JSON")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise NotJsonError(f"{word} is no JSON")
