"""JSON as kubectl reads it: what is JSON is not read as YAML, which has other numbers, line breaks and characters."""

import json
from typing import Any, NoReturn


class NotJsonError(ValueError):
    """Text that is no JSON object; it may be YAML."""


def parse_json(text: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises NotJsonError where it holds none, other ValueErrors for a key that stands twice and half of a surrogate pair.
    """
    if not text.lstrip().startswith("{"):
        raise NotJsonError("it does not begin with a brace")
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise NotJsonError(str(error)) from error
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"not JSON: {error.object[error.start]!a} is half of a character") from error
    return dict(found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one mapping")
    return document


def _refuse_constant(word: str) -> NoReturn:
    raise NotJsonError(f"{word} is no JSON")
