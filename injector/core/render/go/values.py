"""The values of Go templates, as Python holds them.

Texts, numbers, booleans, lists and maps are Python's own (an untyped nil, and what a map does not have, is None), so
that Go's truth is Python's. What Python has no word for is here: structs with their zero values and nil pointers, maps
that have a zero value, enumerations, and text that holds structure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from injector.core.errors import InjectorError

Read: TypeAlias = Callable[[Any], Any]


class GoError(InjectorError, ValueError):
    """What Go's template engine, or a function, refuses; the text says what and why."""


class StringMap(dict[str, str]):
    """A `map[string]string`: `index` gives an empty text for a key that is not there."""

    __slots__ = ()


class MethodMap(dict[str, Any]):
    """A map whose type has methods, which take the map and the arguments, and a zero value other than nil."""

    __slots__ = ()
    methods: Mapping[str, Callable[..., Any]]

    def zero(self) -> Any:
        """What a key stands for that is not there."""


class MadeMap(dict[str, Any]):
    """A map that the template made: it may change it, as no other."""

    __slots__ = ()


class Enum(int):
    """A number that prints as its name."""

    name: str

    def __new__(cls, number: int, name: str) -> Self:
        """The number `number`, called `name`."""
        made = super().__new__(cls, number)
        made.name = name
        return made


class GoDuration(Enum):
    """A length of time, which prints as `1m30s`."""

    @classmethod
    def of(cls, length: int) -> "GoDuration":
        """So many nanoseconds."""
        return cls(length, _duration_text(length))


def _duration_text(length: int) -> str:
    # Source: `String` of https://pkg.go.dev/time#Duration
    sign, left = "-" if length < 0 else "", abs(length)
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if left < size * 10**3 and left:
            return f"{sign}{_decimal(left, size)}{unit}"
    minutes, nanoseconds = divmod(left, 60 * 10**9)
    seconds = f"{_decimal(nanoseconds, 10**9)}s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def _decimal(number: int, unit: int) -> str:
    whole, rest = divmod(number, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


class YamlText(str):
    """Text that a function wrote as YAML or JSON: it stays the structure `value` where it stands alone.

    `is_flow` tells that it is JSON, or otherwise a single word, and not lines of a block.
    """

    __slots__ = ("is_flow", "value")
    value: Any
    is_flow: bool

    def __new__(cls, text: str, value: Any, *, is_flow: bool) -> Self:
        """`text`, which means `value`."""
        made = super().__new__(cls, text)
        made.value, made.is_flow = value, is_flow
        return made

    def respaced(self, text: str) -> "YamlText":
        """The same structure in `text`, which differs in nothing but spaces at the ends of lines."""
        return YamlText(text, self.value, is_flow=self.is_flow)


class NilPointer:
    """A nil pointer to something that is no struct."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str) -> None:
        """`type_name` is how Go calls the pointer's type."""
        self.type_name = type_name

    def __bool__(self) -> bool:
        """A nil pointer is false."""
        return False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its key in JSON, what makes a value of it, and how and when it is written as JSON.

    `is_plain` tells that a value is what JSON has for it. `written` is `always`, `present` (a pointer
    that is not nil) or `nonempty` (not the zero value).
    """

    key: str
    read: Read
    written: str = "nonempty"
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class StructType:
    """A type of structs. `methods` take the struct and the arguments; `embedded` structs share their parent's JSON."""

    name: str
    fields: Mapping[str, Field]
    methods: Mapping[str, Callable[..., Any]]
    embedded: Mapping[str, Read] = field(default_factory=dict)


class Struct:
    """A struct over the JSON object that it is read from; without one a nil pointer to a struct."""

    __slots__ = ("data", "type")

    def __init__(self, struct_type: StructType, data: Mapping[str, Any] | None) -> None:
        """The struct of type `struct_type` that `data` holds."""
        self.type = struct_type
        self.data = data

    def __bool__(self) -> bool:
        """A struct is true, a nil pointer is not."""
        return self.data is not None


def field_of(value: Any, name: str, *arguments: Any) -> Any:
    """`.name` of a value: a field or a method of a struct, or a map's value. Raises GoError.

    Source: "A field" and "A niladic method" in https://pkg.go.dev/text/template#hdr-Arguments
    """
    if type(value) is Struct:
        found = value.type.fields.get(name)
        if found is None or arguments or value.data is None:
            return _of_struct(value, name, arguments)
        return found.read(value.data.get(found.key))
    if isinstance(value, dict):
        if isinstance(value, MethodMap) and name in value.methods:
            return value.methods[name](value, *arguments)
        if arguments:
            raise GoError(f"{name} is not a method but has arguments")
        return value.get(name)
    if value is None:
        return None
    if isinstance(value, Enum) and name in _ENUM_METHODS:
        return _ENUM_METHODS[name](value)
    if isinstance(value, NilPointer):
        raise GoError(f"nil pointer evaluating {value.type_name}.{name}")
    raise GoError(f"can't evaluate field {name} in type {type_name(value)}")


def _of_struct(value: Struct, name: str, arguments: tuple[Any, ...]) -> Any:
    struct_type = value.type
    method = struct_type.methods.get(name)
    if method is not None:
        return method(value, *arguments)
    if name not in struct_type.fields and name not in struct_type.embedded:
        raise GoError(f"can't evaluate field {name} in type {struct_type.name}{_nearest(name, struct_type)}")
    if value.data is None:
        raise GoError(f"nil pointer evaluating *{struct_type.name}.{name}")
    if arguments:
        raise GoError(f"{name} has arguments but cannot be invoked as function")
    return struct_type.embedded[name](value.data)


def _nearest(name: str, struct_type: StructType) -> str:
    known = {each.lower(): each for each in (*struct_type.fields, *struct_type.methods, *struct_type.embedded)}
    close = known.get(name.lower())
    return f"; did you mean {close}?" if close else ""


# What can be asked of a number with a name; the parts of a duration only of one.
_ENUM_METHODS: Mapping[str, Callable[[Enum], Any]] = {
    "String": lambda value: value.name,
    "Number": int,
    "Milliseconds": lambda value: int(value) // 10**6,
    "Seconds": lambda value: value / 10**9,
    "Minutes": lambda value: value / (60 * 10**9),
    "Hours": lambda value: value / (3600 * 10**9),
}

_TYPE_NAMES = {
    bool: "bool",
    int: "int",
    float: "float64",
    str: "string",
    YamlText: "string",
    list: "[]interface {}",
    tuple: "[]interface {}",
    dict: "map[string]interface {}",
    MadeMap: "map[string]interface {}",
    StringMap: "map[string]string",
    type(None): "nil",
}


def type_name(value: Any) -> str:
    """How Go calls the type of a value."""
    if type(value) is Struct:
        return f"*{value.type.name}" if value.data is None else value.type.name
    if isinstance(value, NilPointer):
        return value.type_name
    return _TYPE_NAMES.get(type(value), type(value).__name__)


def is_nil(value: Any) -> bool:
    """Whether a value is nil, of whatever type."""
    return value is None or isinstance(value, NilPointer) or (type(value) is Struct and value.data is None)


def plain(value: Any) -> Any:
    """The value as JSON has it, structs with the fields that Go writes. Raises GoError for what has no JSON."""
    if type(value) is Struct:
        return None if value.data is None else _plain_struct(value)
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return None if is_nil(value) else _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return int(value)
    raise GoError(f"there is no JSON for a value of type {type_name(value)}")


def _plain_struct(value: Struct) -> Any:
    as_json = value.type.methods.get("MarshalJSON")
    if as_json is not None:
        return as_json(value)
    data = value.data or {}
    written: dict[str, Any] = {}
    for each in value.type.fields.values():
        raw = data.get(each.key)
        if raw or each.written == "always" or (raw is not None and each.written == "present"):
            item = raw if each.is_plain and raw is not None else plain(each.read(raw))
            if item or each.written != "nonempty":
                written[each.key] = item
    return written
