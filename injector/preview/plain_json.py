"""What a YAML document is to an API server: the JSON that kubectl makes of it."""

from typing import Any

import orjson


def json_copy(value: Any) -> Any:
    """`value`, parsed from YAML or JSON, as JSON writes it: keys are texts, nothing is shared.

    It can stand in an answer. Raises ValueError where it cannot be written: values that JSON has not, or nested deeper
    than JSON parsers follow.
    """
    try:
        # An answer holds it some levels further in.
        [[[copy]]] = orjson.loads(orjson.dumps([[[value]]], option=orjson.OPT_NON_STR_KEYS))
    except TypeError as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from error
    return copy
