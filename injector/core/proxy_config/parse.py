"""Reading a ProxyConfig document into its canonical form, with all of its faults at once (reference 3.4)."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from injector.core.model import JsonObject
from injector.core.proxy_config.schema import (
    BOOL,
    BUILT_IN_DEFAULTS,
    DOUBLE,
    DURATION,
    INT32,
    INT64,
    PROXY_CONFIG,
    STRING,
    UINT32,
    Enum,
    FieldType,
    Listed,
    Mapped,
    Message,
    Wrapped,
)
from injector.core.yaml.bounds import ANNOTATION
from injector.core.yaml.nodes import YamlError
from injector.core.yaml.reader import read

# Durations: read as Go writes them, written as Protobuf's JSON has them.

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)")
SECOND = 10**9
_LONGEST = 315_576_000_000 * SECOND  # the range of google.protobuf.Duration


def nanoseconds(text: str) -> int:
    """The length of a duration such as `90s`, `1m30s` or `1.5s`. Raises ValueError where `text` is none."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise ValueError("a duration such as 45s or 1m30s")
    total = sum(int(Decimal(number) * _UNITS[unit]) for number, unit in _PART.findall(whole[2]))
    if total > _LONGEST:
        raise ValueError("a duration of at most 10,000 years")
    return -total if whole[1] == "-" else total


def duration_text(length: int) -> str:
    """Nanoseconds as seconds with a suffix `s` and 0, 3, 6 or 9 digits behind the point."""
    sign, (seconds, rest) = ("-" if length < 0 else ""), divmod(abs(length), SECOND)
    digits = f"{rest:09d}"
    fraction = next(kept for kept in ("", digits[:3], digits[:6], digits) if not digits[len(kept) :].strip("0"))
    return f"{sign}{seconds}{'.' if fraction else ''}{fraction}s"


_LONGEST_SHOWN = 200
_INTEGER_RANGES = {INT32: (-(2**31), 2**31 - 1), UINT32: (0, 2**32 - 1), INT64: (-(2**63), 2**63 - 1)}


class ProxyConfigError(ValueError):
    """A document that is no ProxyConfig; `faults` has one text for each field that is wrong."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep the faults; the text of the error joins them."""
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class _WrongValueError(ValueError):
    """What is wrong with one value."""


def parse_text(text: str) -> JsonObject:
    """Read the YAML of a `proxy.istio.io/config` annotation. Raises ProxyConfigError."""
    try:
        document = read(text, ANNOTATION)
    except YamlError as error:
        raise ProxyConfigError([str(error)]) from error
    return parse({} if document is None else document)


def parse(document: object) -> JsonObject:
    """The canonical form of `document`: camelCase or snake_case names, Go durations, quoted numbers, enum numbers.

    Null counts as absent, unknown fields are left out. Raises ProxyConfigError with every field that is wrong.
    """
    if not isinstance(document, Mapping):
        raise ProxyConfigError([f"a ProxyConfig has to be a mapping, not {_brief(document)}"])
    faults: list[str] = []
    parsed = _message(PROXY_CONFIG, document, "", faults)
    if faults:
        raise ProxyConfigError(faults)
    return parsed


def _message(message: Message, document: Mapping[Any, Any], path: str, faults: list[str]) -> JsonObject:
    by_name = {_camel_case(str(key)): value for key, value in document.items() if value is not None}
    parsed: JsonObject = {}
    for name, kind in message.fields.items():
        if name in by_name:
            parsed[name] = _value(kind, by_name[name], f"{path}{name}", faults)
    for choice in message.choices:
        chosen = [name for name in choice if name in parsed]
        if len(chosen) > 1:
            faults.append(f"{path}{chosen[0]} and {path}{chosen[1]} exclude each other")
    return parsed


def _value(kind: FieldType, value: Any, path: str, faults: list[str]) -> Any:
    expected = "a list" if isinstance(kind, Listed) else "a mapping"
    match kind, value:
        case Message(), Mapping():
            return _message(kind, value, f"{path}.", faults)
        case Listed(item), list():
            return [_value(item, each, f"{path}[{index}]", faults) for index, each in enumerate(value)]
        case Mapped(item), Mapping():
            return {str(key): _value(item, each, f"{path}.{key}", faults) for key, each in value.items()}
        case ((Message() | Listed() | Mapped()), _):
            return _wrong(path, value, expected, faults)
    try:
        return _enum(kind, value) if isinstance(kind, Enum) else _READERS[_scalar(kind)](value)
    except (_WrongValueError, ValueError) as fault:
        return _wrong(path, value, str(fault), faults)


def _wrong(path: str, value: Any, expected: str, faults: list[str]) -> None:
    faults.append(f"{path}: expected {expected}, not {_brief(value)}")


def _scalar(kind: FieldType) -> str:
    return kind.scalar if isinstance(kind, Wrapped) else str(kind)


def _enum(kind: Enum, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(kind.names):
        return kind.names[value]
    if value in kind.names:
        return str(value)
    raise _WrongValueError(f"one of {', '.join(kind.names)}")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongValueError("a text")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongValueError("true or false")
    return value


def _integer(kind: str) -> Callable[[Any], int | str]:
    smallest, largest = _INTEGER_RANGES[kind]

    def read(value: Any) -> int | str:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
            raise _WrongValueError(f"a whole number from {smallest} to {largest}")
        return str(value) if kind == INT64 else value

    return read


def _double(value: Any) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _WrongValueError("a number")
    return number


def _duration(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongValueError("a duration such as 45s or 1m30s")
    return duration_text(nanoseconds(value))


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    STRING: _string,
    BOOL: _boolean,
    DOUBLE: _double,
    DURATION: _duration,
    **{kind: _integer(kind) for kind in _INTEGER_RANGES},
}


def _brief(value: object) -> str:
    """The value as messages show it: pods may say megabytes, their authors read lines."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


# The text of env PROXY_CONFIG: what differs from the built-in defaults, as compact Protobuf JSON (reference 3.5).

# Go's JSON writer escapes what would be unsafe inside HTML.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def to_text(proxy_config: JsonObject) -> str:
    """A canonical ProxyConfig as the value of PROXY_CONFIG, a line feed at its end."""
    kept = {name: value for name, value in proxy_config.items() if BUILT_IN_DEFAULTS.get(name) != value}
    text = orjson.dumps(_ordered(PROXY_CONFIG, kept)).decode()
    for character, escape in _ESCAPES.items():
        if character in text:
            text = text.replace(character, escape)
    return f"{text}\n"


def _ordered(message: Message, document: JsonObject) -> JsonObject:
    chosen = {name for choice in message.choices for name in choice}
    return {
        name: _written(kind, document[name])
        for name, kind in message.fields.items()
        if name in document and (name in chosen or not _is_unset(kind, document[name]))
    }


def _is_unset(kind: FieldType, value: Any) -> bool:
    if isinstance(kind, Enum):
        return bool(value == kind.names[0])
    if isinstance(kind, (Wrapped, Message)) or kind == DURATION:
        return False
    return not value


def _written(kind: FieldType, value: Any) -> Any:
    match kind:
        case Message():
            return _ordered(kind, value)
        case Listed(item):
            return [_written(item, each) for each in value]
        case Mapped(item):
            return {key: _written(item, value[key]) for key in sorted(value)}
        case "double" if float(value).is_integer():
            return int(value)
    return value
