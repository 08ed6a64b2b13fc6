"""Annotations that a template declares with a type: how CEL reads them, and the check that they can be read.

The types are those of `core.render.declarations`; each reads the texts that the webhook reads, and no others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from injector.core.render.declarations import TYPES, read_default
from injector.policy.cel import (
    TRUE,
    Call,
    Expression,
    Index,
    ListOf,
    Literal,
    Name,
    Operation,
    conjunction,
    contains,
    list_of,
    macro,
    method,
    negation,
    plus,
    size,
)
from injector.policy.cel import field as cel_field
from injector.policy.filters import trimmed
from injector.policy.messages import quoted_text
from injector.policy.values import (
    BOOLEAN,
    INTEGER,
    TEXT,
    CannotSayError,
    Value,
    constant_value,
    either,
    may_be_absent,
)

ANNOTATIONS = cel_field(Name("variables"), "annotations")


@dataclass(frozen=True, slots=True)
class Check:
    """A declared annotation: when its text is not valid, and the message for that."""

    is_invalid: Expression
    message: Expression


@dataclass(frozen=True, slots=True)
class Reading:
    """How CEL reads a text: whether it is `valid`, and its `value`, of a type of the API. `note` is for the docs."""

    valid: Callable[[Expression], Expression]
    value: Callable[[Expression], Expression]
    type: str
    note: str = ""


def _matches(pattern: str) -> Callable[[Expression], Expression]:
    return lambda text: method(text, "matches", Literal(f"^(?:{pattern})$"))


def _number(text: Expression) -> Expression:
    return Call("int", (text,))


def _same(text: Expression) -> Expression:
    return text


_INTEGER = _matches("[+-]?[0-9]{1,18}")
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_QUANTITY = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:(?:n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE][+-]?[0-9]{1,3})?"


def _port(text: Expression) -> Expression:
    number = _number(text)
    in_range = (Operation(">=", (number, Literal(1))), Operation("<=", (number, Literal(65535))))
    return conjunction(_INTEGER(text), *in_range)


def _at_most(length: int, pattern: str) -> Callable[[Expression], Expression]:
    matches = _matches(pattern)
    return lambda text: conjunction(Operation("<=", (size(text), Literal(length))), matches(text))


def _items(text: Expression) -> Expression:
    parts = macro(method(text, "split", Literal(",")), "map", "item", trimmed)
    return macro(parts, "filter", "item", lambda item: Operation("!=", (item, Literal(""))))


READINGS: Mapping[str, Reading | str] = {
    "string": Reading(lambda _: TRUE, _same, TEXT),
    "integer": Reading(_INTEGER, _number, INTEGER),
    "number": "CEL writes fractions otherwise",
    "boolean": Reading(
        lambda text: contains(_texts(*_TRUE, *_FALSE), text), lambda text: contains(_texts(*_TRUE), text), BOOLEAN
    ),
    "port": Reading(_port, _number, INTEGER),
    "quantity": Reading(_at_most(100, _QUANTITY), _same, TEXT),
    "duration": Reading(
        _at_most(100, r"[+-]?0|[+-]?(?:(?:[0-9]{1,6}\.?[0-9]{0,6}|\.[0-9]{1,6})(?:ns|us|µs|ms|s|m|h))+"),
        _same,
        TEXT,
        note="of at most six digits a part",
    ),
    "name": Reading(_at_most(63, "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"), _same, TEXT),
    "list": Reading(lambda _: TRUE, _items, f"[{TEXT}]"),
    "json": "CEL has no JSON",
}


def _texts(*words: str) -> Expression:
    return list_of(map(Literal, words))


def typed_annotation(name: str, kind: Value, default: Value | None) -> tuple[Value, list[Check]]:
    """The value of `annotation(name, default, type=kind)`, and the checks of its text. Raises CannotSayError.

    Without a default the value is null where the pod has no such annotation, as the webhook has it.
    """
    reading, expected = _reading(kind)
    present = contains(ANNOTATIONS, Literal(name))
    text = Index(ANNOTATIONS, Literal(name))
    is_plain = reading.type == INTEGER or expected == TYPES["name"].expected
    found = Value(reading.value(text), reading.type, is_plain=is_plain)
    message = plus(
        Literal("invalid value "), quoted_text(text), Literal(f" for annotation {name!r}: must be {expected}")
    )
    check = Check(conjunction(present, negation(reading.valid(text))), message)
    if default is None or isinstance(default.expression, Literal) or _words(default) is not None:
        return either(present, found, _default(kind, default)), [check]
    if not default.is_text or reading.type != TEXT or may_be_absent(default):
        raise CannotSayError("a default that depends on the pod is text, of an annotation whose type is text")
    is_wrong = conjunction(negation(present), negation(reading.valid(default.expression)))
    wrong = plus(Literal(f"the default must be {expected}, got "), quoted_text(default.expression))
    return either(present, found, default), [check, Check(is_wrong, wrong)]


def _default(kind: Value, default: Value | None) -> Value:
    given = "" if default is None else _constant(default)
    type_ = _type_name(kind)
    if given == "" and type_ != "string":
        return constant_value(None)
    if given is None:
        return constant_value(None)
    try:
        return constant_value(read_default(given, type_))
    except ValueError as error:
        raise CannotSayError(str(error)) from error


def _constant(value: Value) -> Any:
    if isinstance(value.expression, Literal):
        return value.expression.value
    words = _words(value)
    if words is None:
        raise CannotSayError("the default of a declared annotation must be a constant")
    return words


def _words(value: Value) -> list[str] | None:
    """The items of a list of constants."""
    if not isinstance(value.expression, ListOf):
        return None
    items = [item.arguments[0] if isinstance(item, Call) else item for item in value.expression.items]
    return [str(item.value) for item in items] if all(isinstance(item, Literal) for item in items) else None  # type: ignore[union-attr]


def _type_name(kind: Value) -> Any:
    words = _words(kind)
    return kind.constant if words is None else words


def _reading(kind: Value) -> tuple[Reading, str]:
    name = _type_name(kind)
    if isinstance(name, list):
        expected = f"one of {', '.join(map(repr, name))}"
        return Reading(lambda text: contains(_texts(*name), text), _same, TEXT), expected
    reading = READINGS.get(name)
    if reading is None or isinstance(reading, str):
        raise CannotSayError(f"an annotation of type {name!r}: {reading or 'it is not known'}")
    return reading, TYPES[name].expected
