"""What a YAML document is to an API server: the JSON that kubectl makes of it."""

from typing import Any

import orjson

# Anchors let a short text stand for a document of any size. This is far above what an API server takes.
MOST_VALUES = 200_000


def as_json(value: Any) -> Any:
    """`value`, parsed from YAML, as JSON: keys are texts, nothing is shared, nothing is of another type.

    Raises ValueError where that cannot be: values that JSON has not, aliases that lead back to themselves or stand for
    more than MOST_VALUES values, nesting deeper than JSON parsers follow.
    """
    _refuse_too_large(value)
    return json_copy(value)


def json_copy(value: Any) -> Any:
    """`value` as JSON writes it; it can stand in an answer. Raises ValueError where it cannot be written."""
    try:
        # An answer holds it some levels further in.
        [[[copy]]] = orjson.loads(orjson.dumps([[[value]]], option=orjson.OPT_NON_STR_KEYS))
    except TypeError as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from error
    return copy


def _refuse_too_large(value: Any) -> None:
    try:
        size = _size(value, {})
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if size > MOST_VALUES:
        raise ValueError(f"its aliases stand for more than {MOST_VALUES} values")


def _size(value: Any, known: dict[int, int]) -> int:
    """How many values `value` holds when aliases are written out; `known` has the sizes by identity."""
    if not isinstance(value, (dict, list)):
        return 1
    found = known.get(id(value))
    if found == 0:
        raise ValueError("an alias stands inside its own anchor")
    if found is None:
        known[id(value)] = 0
        found = 1 + sum(_size(item, known) for item in (value.values() if isinstance(value, dict) else value))
        known[id(value)] = found
    return found
