"""Parts of a document that are built once and stand in many pods: nobody may change them.

Their types say what merging need not look for again.
"""

from typing import Any


class SharedMapping(dict[str, Any]):
    """A mapping without nulls and directives, all the way down."""

    __slots__ = ()


class SharedList(list[Any]):
    """A list of which the same is true."""

    __slots__ = ()


class UncleanMapping(dict[str, Any]):
    """A mapping with nulls or directives in it; `cleaned` is what is left without them, once that is known."""

    __slots__ = ("cleaned",)
    cleaned: Any


class UncleanList(list[Any]):
    """A list of which the same is true."""

    __slots__ = ("cleaned",)
    cleaned: Any


UNCLEAN = frozenset((UncleanMapping, UncleanList))


def as_shared(value: Any) -> Any:
    """A copy of a JSON value that says of each of its mappings and lists whether it can be shared."""
    if isinstance(value, dict):
        mapping = {key: as_shared(item) for key, item in value.items()}
        clean = all(map(is_clean, mapping.values())) and not any(key[:1] == "$" for key in mapping)
        return SharedMapping(mapping) if clean else UncleanMapping(mapping)
    if isinstance(value, list):
        items = list(map(as_shared, value))
        return SharedList(items) if all(map(is_clean, items)) else UncleanList(items)
    return value


def without_nulls(value: Any) -> Any:
    """A copy of a JSON value without the nulls in its mappings and lists."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def without_directives(value: Any) -> Any:
    """A copy of a JSON value without the keys that merging takes for directives: those that begin with `$`."""
    if isinstance(value, dict):
        return {key: without_directives(item) for key, item in value.items() if str(key)[:1] != "$"}
    if isinstance(value, list):
        return [without_directives(item) for item in value]
    return value


def is_clean(part: Any) -> bool:
    """Whether a part, whose own parts say of themselves what they are, holds no null and no directive."""
    return part is not None and type(part) not in _UNCERTAIN


_UNCERTAIN = UNCLEAN | {dict, list}
