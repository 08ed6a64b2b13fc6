"""Sprig's functions for lists, dictionaries and defaults.

Source: http://masterminds.github.io/sprig/lists.html, dicts.html and defaults.html. Where Go takes a map in no certain
order (`keys`, `values`), here it is sorted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from injector.core.model import JsonObject
from injector.core.render.errors import Refusal
from injector.core.render.go.builtins import sliced
from injector.core.render.go.formatting import sprint
from injector.core.render.go.sprig_numbers import to_integer
from injector.core.render.go.sprig_text import strings, text, whole
from injector.core.render.go.values import Enum, GoError, MadeMap, NilPointer, Struct, type_name

_LEAST_FOR_DIG = 3
_LONGEST_COMPARED = 10_000
_KINDS = {"map[string]interface {}": "map", "[]interface {}": "slice", "nil": "invalid"}


def is_empty(value: Any) -> bool:
    """Whether a value is the zero of its type; a struct never is."""
    return not value


def default(fallback: Any, *given: Any) -> Any:
    """The given value, or the fallback where it is empty."""
    return given[0] if given and given[0] else fallback


def coalesce(*values: Any) -> Any:
    """The first value that is not empty, or nil."""
    return next((value for value in values if value), None)


def ternary(if_true: Any, if_false: Any, condition: Any) -> Any:
    """One of two values, as the boolean says."""
    if not isinstance(condition, bool):
        raise GoError(f"ternary: expected bool; got {type_name(condition)}")
    return if_true if condition else if_false


def fail(message: Any) -> Any:
    """End the rendering: the pod cannot be injected, for the reason in `message`. Raises Refusal."""
    raise Refusal(text(message))


# Lists.


def _listed(name: str, value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise GoError(f"cannot use a value of type {type_name(value)} as the list of {name}")


def _of_list(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for a list that comes first, made sure of."""
    return lambda values, *arguments: function(_listed(name, values), *arguments)


def _without(values: list[Any], *left_out: Any) -> list[Any]:
    return [each for each in values if not _holds(left_out, each)]


def _unique(values: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for each in values[:_LONGEST_COMPARED]:
        if not _holds(kept, each):
            kept.append(each)
    if len(values) > _LONGEST_COMPARED:
        raise GoError(f"uniq: more than {_LONGEST_COMPARED} values")
    return kept


def _holds(values: Iterable[Any], wanted: Any) -> bool:
    return any(deep_equal(each, wanted) for each in values)


def deep_equal(first: Any, other: Any) -> bool:
    """Whether two values are the same, types included."""
    if isinstance(first, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(first) == len(other) and all(map(deep_equal, first, other))
    if isinstance(first, dict) and isinstance(other, dict):
        return first.keys() == other.keys() and all(deep_equal(first[key], other[key]) for key in first)
    if type(first) is Struct and type(other) is Struct:
        return first.type is other.type and first.data == other.data
    return type_name(first) == type_name(other) and bool(first == other)


def has(wanted: Any, values: Any) -> bool:
    """Whether the list holds the value."""
    return values is not None and _holds(_listed("has", values), wanted)


def concat(*lists: Any) -> list[Any]:
    """The values of all lists."""
    return [each for values in lists for each in _listed("concat", values)]


def chunk(size: Any, values: Any) -> list[list[Any]]:
    """The list in pieces of so many values."""
    step, given = whole(size), _listed("chunk", values)
    if step < 1:
        raise GoError(f"chunk: a size of {step}")
    return [given[begin : begin + step] for begin in range(0, len(given), step)]


def list_slice(values: Any, *indexes: Any) -> Any:
    """`slice`: the part of a list or text between two indexes."""
    if isinstance(values, str):
        return sliced(values, *indexes)
    given = _listed("slice", values)
    return sliced(given, *map(to_integer, indexes)) if given else None


def sort_alpha(values: Any) -> list[str]:
    """The values as texts, sorted."""
    return sorted(strings(values)) if isinstance(values, (list, tuple)) else [sprint(values)]


# Dictionaries.


def mapping(name: str, value: Any) -> JsonObject:
    """The map that function `name` was given. Raises GoError for anything else."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    raise GoError(f"{name}: expected map; got {type_name(value)}")


def make_dict(*values: Any) -> MadeMap:
    """A map of keys and values that take turns; a last key without a value has an empty text."""
    pairs = [*values, ""] if len(values) % 2 else values
    return MadeMap(zip(map(sprint, pairs[::2]), pairs[1::2], strict=True))


def get(given: Any, key: Any) -> Any:
    """The value of a key, an empty text where there is none."""
    return mapping("get", given).get(text(key), "")


def set_key(given: Any, key: Any, value: Any) -> Any:
    """The map itself, changed. Raises GoError for one that the template did not make."""
    _changeable("set", given)[text(key)] = value
    return given


def unset_key(given: Any, key: Any) -> Any:
    """The map itself, without the key. Raises GoError for one that the template did not make."""
    _changeable("unset", given).pop(text(key), None)
    return given


def _changeable(name: str, given: Any) -> MadeMap:
    if isinstance(given, MadeMap):
        return given
    raise GoError(f"{name}: only a map made by the template can be changed; take a deepCopy of it")


def pluck(key: Any, *maps: Any) -> list[Any]:
    """The values that the maps have for a key."""
    return [each[key] for each in (mapping("pluck", one) for one in maps) if key in each]


def keys(*maps: Any) -> list[str]:
    """The keys of the maps."""
    return [key for each in maps for key in sorted(mapping("keys", each))]


def pick(given: Any, *wanted: Any) -> MadeMap:
    """A map of the keys that are named."""
    found = mapping("pick", given)
    return MadeMap({key: found[key] for key in wanted if key in found})


def dig(*arguments: Any) -> Any:
    """The value at the end of a path of keys, or the default where a key is missing."""
    if len(arguments) < _LEAST_FOR_DIG:
        raise GoError("dig needs at least three arguments")
    *path, fallback, found = arguments
    for key in path:
        found = mapping("dig", found)
        if text(key) not in found:
            return fallback
        found = found[key]
    return found


def _merging(name: str, *, overwrites: bool) -> Callable[..., Any]:
    def merge(target: Any, *sources: Any) -> Any:
        # A map that the template did not make stays as it is; what is given back is merged all the same.
        merged = target if isinstance(target, MadeMap) else MadeMap(mapping(name, target))
        for source in sources:
            _merge(merged, mapping(name, source), overwrites=overwrites)
        return merged

    return merge


def _merge(target: JsonObject, source: JsonObject, *, overwrites: bool) -> None:
    for key, value in source.items():
        mine = target.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            copied = MadeMap(mine)
            _merge(copied, value, overwrites=overwrites)
            target[key] = copied
        elif overwrites or (value is not None and not mine):
            target[key] = value


def deep_copy(value: Any) -> Any:
    """A copy of a value, which the template may change."""
    if isinstance(value, dict):
        return MadeMap({key: deep_copy(item) for key, item in value.items()})
    return [deep_copy(item) for item in value] if isinstance(value, (list, tuple)) else value


# Types.


def kind_of(value: Any) -> str:
    """The kind of a value's type."""
    if isinstance(value, NilPointer) or (type(value) is Struct and value.data is None):
        return "ptr"
    if type(value) is Struct:
        return "struct"
    if isinstance(value, Enum):
        return "int32"
    name = type_name(value)
    return _KINDS.get(name, "map" if isinstance(value, dict) else name)


def type_of(value: Any) -> str:
    """The name of a value's type."""
    return "<nil>" if value is None else type_name(value)


def _dropped(name: str, function: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """The function and its twin that gives an error where the other panics: both end the rendering."""
    return {name: function, f"must{name[0].upper()}{name[1:]}": function}


MAKERS_OF_MAPS: Mapping[str, Callable[..., Any]] = {
    "dict": make_dict,
    "pick": pick,
    **_dropped("deepCopy", deep_copy),
}
"""Functions whose result a template may change."""

CHANGERS_OF_MAPS: Mapping[str, Callable[..., Any]] = {
    "set": set_key,
    "unset": unset_key,
    **_dropped("merge", _merging("merge", overwrites=False)),
    **_dropped("mergeOverwrite", _merging("mergeOverwrite", overwrites=True)),
}
"""Functions that change a map."""

COLLECTION_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **MAKERS_OF_MAPS,
    **CHANGERS_OF_MAPS,
    **_dropped("append", _of_list("append", lambda values, item: [*values, item])),
    **_dropped("push", _of_list("push", lambda values, item: [*values, item])),
    **_dropped("prepend", _of_list("prepend", lambda values, item: [item, *values])),
    **_dropped("first", _of_list("first", lambda values: values[0] if values else None)),
    **_dropped("rest", _of_list("rest", lambda values: values[1:])),
    **_dropped("last", _of_list("last", lambda values: values[-1] if values else None)),
    **_dropped("initial", _of_list("initial", lambda values: values[:-1])),
    **_dropped("reverse", _of_list("reverse", lambda values: values[::-1])),
    **_dropped("uniq", _of_list("uniq", _unique)),
    **_dropped("without", _of_list("without", _without)),
    **_dropped("compact", _of_list("compact", lambda values: [each for each in values if each])),
    **_dropped("has", has),
    **_dropped("slice", list_slice),
    **_dropped("chunk", chunk),
    "all": lambda *values: all(values),
    "any": lambda *values: any(values),
    "coalesce": coalesce,
    "concat": concat,
    "deepEqual": deep_equal,
    "default": default,
    "dig": dig,
    "empty": is_empty,
    "fail": fail,
    "get": get,
    "hasKey": lambda given, key: text(key) in mapping("hasKey", given),
    "keys": keys,
    "kindIs": lambda kind, value: kind == kind_of(value),
    "kindOf": kind_of,
    "list": lambda *values: list(values),
    "pluck": pluck,
    "sortAlpha": sort_alpha,
    "ternary": ternary,
    "tuple": lambda *values: list(values),
    "typeIs": lambda name, value: name == type_of(value),
    "typeIsLike": lambda name, value: type_of(value) in (name, f"*{name}"),
    "typeOf": type_of,
    "values": lambda given: [given[key] for key in sorted(mapping("values", given))],
}
"""By the names that templates use."""
