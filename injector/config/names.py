"""Names of keys: other spellings of the same one, and the nearest valid one to a misspelt one."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_UNDERSCORED = re.compile(r"_([a-z0-9])")


def camel_case(name: str) -> str:
    """The lowerCamelCase form of a snake_case protobuf field name; any other name as it is."""
    return _UNDERSCORED.sub(lambda match: match[1].upper(), name) if "_" in name else name


def folded(name: str) -> str:
    """The name without what people get wrong in it: case, `_` and `-`."""
    return name.replace("_", "").replace("-", "").lower()


def unknown_key(key: str, valid: Iterable[str]) -> str:
    """The message for an unknown key: the nearest valid one, and all of them."""
    names = list(valid)
    spelt_otherwise = [name for name in names if folded(name) == folded(key)]
    nearest = spelt_otherwise or get_close_matches(key, names, n=1)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ";"
    return f"unknown key {key!r}{hint} valid: {', '.join(names)}"
