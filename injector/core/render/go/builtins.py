"""The functions that text/template itself has; `and`, `or` and `not` are part of the language (see `lowering`).

Source: https://pkg.go.dev/text/template#hdr-Functions
"""

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any
from urllib.parse import quote_plus

from injector.core.render.go.formatting import printed, printed_line, sprintf
from injector.core.render.go.values import GoError, MethodMap, NilPointer, StringMap, Struct, is_nil, type_name

_KINDS: Mapping[type, str] = {str: "string", bool: "bool", int: "int", float: "float64"}
_HTML = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"},
)
_JAVASCRIPT = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def equal(first: Any, *others: Any) -> bool:
    """`eq`: whether the first value equals any of the others. Raises GoError where their kinds cannot be compared."""
    if not others:
        raise GoError("eq: missing argument for comparison")
    kind = _kind(first)
    for other in others:
        if kind != _kind(other):
            if first is not None and other is not None:
                raise _incompatible(first, other)
        elif first == other if kind else _are_same(first, other):
            return True
    return False


def _are_same(first: Any, other: Any) -> bool:
    first_is_nil, other_is_nil = _is_nil_or_empty(first), _is_nil_or_empty(other)
    if first_is_nil or other_is_nil:
        return first_is_nil and other_is_nil
    if type(first) is not type(other) or isinstance(first, (dict, list)):
        raise GoError(f"eq: non-comparable types {type_name(first)} and {type_name(other)}")
    if type(first) is Struct and type(other) is Struct:
        return first.type is other.type and first.data == other.data
    return bool(first == other)


def _is_nil_or_empty(value: Any) -> bool:
    # A field of a pod that is not there is a nil list or map.
    return is_nil(value) or (isinstance(value, (dict, list)) and not value)


def not_equal(first: Any, other: Any) -> bool:
    """`ne`."""
    return not equal(first, other)


def _ordering(name: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(first: Any, other: Any) -> bool:
        kind = _kind(first)
        if kind in ("", "bool") or _kind(other) in ("", "bool"):
            raise GoError(f"{name}: invalid type for comparison: {type_name(first)} and {type_name(other)}")
        if kind != _kind(other):
            raise _incompatible(first, other)
        return holds(first, other)

    return compared


def _kind(value: Any) -> str:
    return _KINDS.get(type(value)) or next((kind for base, kind in _KINDS.items() if isinstance(value, base)), "")


def _incompatible(first: Any, other: Any) -> GoError:
    return GoError(f"incompatible types for comparison: {type_name(first)} and {type_name(other)}")


def index(item: Any, *indexes: Any) -> Any:
    """`index`: `item[i][j]…`; what a map does not have is the zero value of its type. Raises GoError."""
    if item is None:
        raise GoError("index of untyped nil")
    for each in indexes:
        item = _element(item, each)
    return item


def _element(item: Any, key: Any) -> Any:
    if isinstance(item, dict):
        if not isinstance(key, str):
            raise GoError(f"index: a key of type {type_name(key)}; expected string")
        found = item.get(key)
        if found is None and isinstance(item, (StringMap, MethodMap)):
            return "" if isinstance(item, StringMap) else item.zero()
        return found
    if isinstance(item, (list, tuple, str)):
        sequence: Sequence[Any] = item.encode() if isinstance(item, str) else item
        return sequence[_position(key, len(sequence) - 1)]
    if is_nil(item):
        raise GoError("index of nil pointer")
    raise GoError(f"can't index item of type {type_name(item)}")


def _position(key: Any, last: int) -> int:
    if not isinstance(key, int) or isinstance(key, bool):
        raise GoError(f"cannot index slice/array with type {type_name(key)}")
    if not 0 <= key <= last:
        raise GoError(f"index out of range: {key}")
    return key


def sliced(item: Any, *indexes: Any) -> Any:
    """`slice`: `item[i:j]` of a list or a text. Raises GoError."""
    if isinstance(item, str):
        octets = item.encode()
        return octets[_bounds(indexes, len(octets))].decode(errors="replace")
    if isinstance(item, (list, tuple)):
        return list(item[_bounds(indexes, len(item))])
    raise GoError(f"can't slice item of type {type_name(item)}")


def _bounds(indexes: Sequence[Any], length: int) -> slice:
    given = [_position(int(each) if isinstance(each, float) else each, length) for each in indexes[:2]]
    begin, end = (*given, *(0, length)[len(given) :])
    if begin > end:
        raise GoError(f"invalid slice index: {begin} > {end}")
    return slice(begin, end)


def length(item: Any) -> int:
    """`len`: of a text in bytes. Raises GoError for what has no length."""
    if isinstance(item, str):
        return len(item) if item.isascii() else len(item.encode())
    if isinstance(item, (dict, list, tuple)):
        return len(item)
    if is_nil(item) and item is not None:
        raise GoError("len of nil pointer")
    raise GoError(f"len of type {type_name(item)}")


def call(function: Any, *_: Any) -> Any:
    """`call`: nothing that templates see holds a function. Raises GoError."""
    if function is None:
        raise GoError("call of nil")
    raise GoError(f"call: non-function of type {type_name(function)}")


def _joined(values: Sequence[Any]) -> str:
    return printed(*("<no value>" if each is None else each for each in values))


def escaped_html(*values: Any) -> str:
    """`html`: the values as text in HTML."""
    return _joined(values).translate(_HTML)


def escaped_javascript(*values: Any) -> str:
    """`js`: the values as text in JavaScript."""
    return "".join(map(_javascript, _joined(values)))


def _javascript(character: str) -> str:
    if character in _JAVASCRIPT:
        return _JAVASCRIPT[character]
    return character if character.isprintable() else f"\\u{ord(character):04X}"


def escaped_query(*values: Any) -> str:
    """`urlquery`: the values as text in the query of a URL."""
    return quote_plus(_joined(values))


def negated(value: Any) -> bool:
    """`not`."""
    return not value


def conjunction(first: Any, *others: Any) -> Any:
    """`and`, called with values: the first that is false, or the last."""
    for each in others:
        if not first:
            return first
        first = each
    return first


def disjunction(first: Any, *others: Any) -> Any:
    """`or`, called with values: the first that is true, or the last."""
    for each in others:
        if first:
            return first
        first = each
    return first


def items(value: Any) -> Sequence[Any]:
    """What `range` goes over with one variable. Raises GoError."""
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return range(value) if value > 0 else []
    if value is None or isinstance(value, NilPointer):
        return []
    raise GoError(f"range can't iterate over a value of type {type_name(value)}")


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """What `range` goes over with two variables. Raises GoError."""
    if isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        raise GoError(f"range: can't use {value} to iterate over more than one variable")
    return list(enumerate(items(value)))


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "and": conjunction,
    "or": disjunction,
    "not": negated,
    "eq": equal,
    "ne": not_equal,
    "lt": _ordering("lt", lt),
    "le": _ordering("le", le),
    "gt": _ordering("gt", gt),
    "ge": _ordering("ge", ge),
    "index": index,
    "slice": sliced,
    "len": length,
    "call": call,
    "print": printed,
    "println": printed_line,
    "printf": sprintf,
    "html": escaped_html,
    "js": escaped_javascript,
    "urlquery": escaped_query,
}
"""By the names that templates use."""
