"""What an expression of a policy gives for a pod, as an API server works it out: for previews, and for tests.

Only what policies of this project are made of is known here. Source of the meaning:
https://github.com/google/cel-spec/blob/master/doc/langdef.md and https://kubernetes.io/docs/reference/using-api/cel/
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from injector.policy.cel import Call, Comprehension, Expression, Index, ListOf, Literal, MapOf, Name, Operation

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MAP = object()


class EvaluationError(Exception):
    """An expression fails for a pod: an API server refuses it then."""


@dataclass(frozen=True, slots=True)
class Optional:
    """A value of CEL that may be there: `values` has it, or nothing."""

    values: tuple[Any, ...] = ()


_NONE = Optional()


@dataclass(slots=True)
class Evaluation:
    """Evaluates expressions. `names` are the variables of an API server, `variables` those of the policy."""

    names: Mapping[str, Any]
    variables: Mapping[str, Expression]
    _known: dict[str, Any] = field(default_factory=dict)

    def value(self, expression: Expression) -> Any:
        """The value of an expression. Raises EvaluationError."""
        return self._value(expression, self.names)

    def _value(self, expression: Expression, names: Mapping[str, Any]) -> Any:  # noqa: C901, PLR0911 -- one case a kind
        match expression:
            case Literal(value):
                return value
            case Name("map") if "map" not in names:
                return _MAP
            case Name(name):
                return names[name]
            case Index(Name("variables"), Literal(name)) if "variables" not in names:
                return self._variable(str(name))
            case Index():
                return self._index(expression, names)
            case Operation(sign, operands):
                return self._operation(sign, operands, names)
            case ListOf(items):
                return [self._value(item, names) for item in items]
            case MapOf(entries):
                return self._map(entries, names)
            case Comprehension():
                return self._comprehension(expression, names)
            case Call():
                return self._call(expression, names)

    def _variable(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self.value(self.variables[name])
        return self._known[name]

    def _index(self, expression: Index, names: Mapping[str, Any]) -> Any:
        base, key = self._value(expression.base, names), self._value(expression.key, names)
        if isinstance(base, Optional):
            return _at(base.values[0], key) if base.values else _NONE
        found = _at(base, key)
        if expression.optional:
            return found
        if not found.values:
            raise EvaluationError(f"no such key: {key}")
        return found.values[0]

    def _operation(  # noqa: PLR0911 -- one case an operator
        self, sign: str, operands: Sequence[Expression], names: Mapping[str, Any]
    ) -> Any:
        if sign in ("&&", "||"):
            left = self._value(operands[0], names)
            return self._value(operands[1], names) if left is (sign == "&&") else left
        if sign == "?":
            return self._value(operands[1 if self._value(operands[0], names) else 2], names)
        values = [self._value(each, names) for each in operands]
        match sign, values:
            case "!", [value]:
                return not value
            case "-", [value]:
                return -value
            case "==", [left, right]:
                return _same(left, right)
            case "!=", [left, right]:
                return not _same(left, right)
            case "in", [item, collection]:
                return any(_same(item, each) for each in collection)
            case (("+" | "-" | "*"), [left, right]) if type(left) is type(right):
                return {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](left, right)
            case order, [left, right] if order in _ORDERS and type(left) is type(right):
                return _ORDERS[order](left, right)
        raise EvaluationError(f"no such overload: {sign}")

    def _map(self, entries: Iterable[Any], names: Mapping[str, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for entry in entries:
            value = self._value(entry.value, names)
            if entry.optional:
                if not value.values:
                    continue
                (value,) = value.values
            made[self._value(entry.key, names)] = value
        return made

    def _comprehension(self, expression: Comprehension, names: Mapping[str, Any]) -> Any:
        base, variables = self._value(expression.base, names), expression.variables
        items = list(base.items()) if isinstance(base, dict) else list(enumerate(base))
        turns = [
            {**names, **dict(zip(variables, pair if len(variables) > 1 else _single(base, pair), strict=True))}
            for pair in items
        ]
        *tests, body = expression.arguments

        def values() -> Iterable[Any]:
            return (self._value(body, turn) for turn in turns if all(self._value(test, turn) for test in tests))

        match expression.macro:
            case "map" | "transformList":
                return list(values())
            case "filter":
                return [turn[variables[0]] for turn in turns if self._value(body, turn)]
            case "exists":
                return any(values())
            case "all":
                return all(values())
            case "transformMap":
                kept = [turn for turn in turns if all(self._value(test, turn) for test in tests)]
                return {turn[variables[0]]: self._value(body, turn) for turn in kept}
            case "transformMapEntry":
                return _united(values())
        raise EvaluationError(f"no such macro: {expression.macro}")

    def _call(self, expression: Call, names: Mapping[str, Any]) -> Any:
        if isinstance(expression.base, Name) and expression.base.name not in names:
            given = [self._value(each, names) for each in expression.arguments]
            return _FUNCTIONS[f"{expression.base.name}.{expression.function}"](*given)
        base = [] if expression.base is None else [self._value(expression.base, names)]
        if expression.function == "orValue":
            return base[0].values[0] if base[0].values else self._value(expression.arguments[0], names)
        given = [self._value(each, names) for each in expression.arguments]
        try:
            return _FUNCTIONS[expression.function](*base, *given)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise EvaluationError(f"{expression.function}: {error}") from error


def _single(base: Any, pair: tuple[Any, Any]) -> tuple[Any]:
    return (pair[0] if isinstance(base, dict) else pair[1],)


def _at(base: Any, key: Any) -> Optional:
    if isinstance(base, dict):
        return Optional((base[key],)) if key in base else _NONE
    if isinstance(base, list) and type(key) is int:
        return Optional((base[key],)) if 0 <= key < len(base) else _NONE
    raise EvaluationError(f"no such overload: {type(base).__name__}[{key!r}]")


def _same(left: Any, right: Any) -> bool:
    """Whether CEL takes two values for equal: `true` and `1` are not, nor are values of other types."""
    return type(left) is type(right) and bool(left == right)


def _united(maps: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for each in maps:
        if not made.keys().isdisjoint(each):
            raise EvaluationError("insert failed: key already exists")
        made |= each
    return made


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _integer(text: Any) -> int:
    if isinstance(text, str) and not _INTEGER.fullmatch(text):
        raise EvaluationError(f"type conversion error from {text!r} to int")
    return int(text)


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= (len(text) if end is None else end) <= len(text):
        raise EvaluationError("substring: index out of range")
    return text[start:end]


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise EvaluationError("slice: index out of range")
    return items[start:end]


def _index_of(subject: Any, item: Any) -> int:
    if isinstance(subject, str):
        return subject.find(item)
    return next((index for index, each in enumerate(subject) if _same(each, item)), -1)


def _distinct(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(_same(item, each) for each in kept):
            kept.append(item)
    return kept


def _find(text: str, pattern: str) -> str:
    found = re2.search(pattern, text)
    return found.group() if found else ""


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "dyn": lambda value: value,
    "size": len,
    "string": _text,
    "int": _integer,
    "type": lambda value: _MAP if isinstance(value, dict) else type(value),
    "optional.none": lambda: _NONE,
    "optional.of": lambda value: Optional((value,)),
    "hasValue": lambda optional: bool(optional.values),
    "value": lambda optional: optional.values[0],
    "lists.range": lambda end: list(range(end)),
    "jsonpatch.escapeKey": lambda key: key.replace("~", "~0").replace("/", "~1"),
    "first": lambda items: Optional(tuple(items[:1])),
    "last": lambda items: Optional(tuple(items[-1:])),
    "flatten": lambda lists: [item for each in lists for item in (each if isinstance(each, list) else [each])],
    "distinct": _distinct,
    "slice": _slice,
    "sort": sorted,
    "reverse": lambda items: items[::-1],
    "indexOf": _index_of,
    "sum": sum,
    "max": max,
    "min": min,
    "join": lambda items, separator: separator.join(items),
    "split": lambda text, separator: text.split(separator),
    "replace": lambda text, old, new: text.replace(old, new),
    "substring": _substring,
    "lastIndexOf": lambda text, part: text.rfind(part),
    "startsWith": lambda text, start: text.startswith(start),
    "endsWith": lambda text, end: text.endswith(end),
    "contains": lambda text, part: part in text,
    "matches": lambda text, pattern: re2.search(pattern, text) is not None,
    "find": _find,
    "lowerAscii": lambda text: "".join(each.lower() if each.isascii() else each for each in text),
    "upperAscii": lambda text: "".join(each.upper() if each.isascii() else each for each in text),
}
