"""Expressions of CEL, the language of Kubernetes' admission policies, as trees; `text_of` writes them.

A policy is put together as a tree, never as text, so that no value of a configuration can become syntax. Source of the
grammar: https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What CEL reserves cannot be the name of a field behind a dot.
_RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace null package return true var "
    "void while".split()
)
_BEYOND_FOUR_DIGITS = 0x1_0000
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, a boolean or null."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: of the policy, or of the comprehension around."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`base.key`, or `base[key]` where the key is no identifier; with `optional` the optional value `base.?key`."""

    base: "Expression"
    key: "Expression"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`function(…)`, or `base.function(…)` where there is a base."""

    function: str
    arguments: tuple["Expression", ...]
    base: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`base.macro(variables…, arguments…)`: the arguments are evaluated for each item of the base."""

    base: "Expression"
    macro: str
    variables: tuple[str, ...]
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and its operands: one for `!` and `-`, three for `?`, else two."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[…]`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a MapOf; with `optional` its value is an optional one, and absent where that is."""

    key: "Expression"
    value: "Expression"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{…}`, or `Message{…}` where it has the name of one."""

    entries: tuple[Entry, ...]
    message: str = ""


Expression: TypeAlias = Literal | Name | Index | Call | Comprehension | Operation | ListOf | MapOf

TRUE, FALSE, NULL = Literal(value=True), Literal(value=False), Literal(None)
EMPTY_TEXT, EMPTY_LIST, EMPTY_MAP = Literal(""), ListOf(()), MapOf(())
NOTHING = Call("none", (), Name("optional"))


def text_of(expression: Expression) -> str:  # noqa: PLR0911 -- one case a kind of expression
    """The expression as CEL. It is on one line: texts have their line breaks escaped."""
    match expression:
        case Literal(value):
            return _literal(value)
        case Name(name):
            return name
        case Index(base, key, optional):
            return f"{_operand(base)}{_step(key, optional=optional)}"
        case Call(function, arguments, base):
            before = "" if base is None else f"{_operand(base)}."
            return f"{before}{function}({_joined(arguments)})"
        case Comprehension(base, macro, variables, arguments):
            return f"{_operand(base)}.{macro}({', '.join((*variables, *map(text_of, arguments)))})"
        case Operation(operator, operands):
            return _operation(operator, [_operand(each) for each in operands])
        case ListOf(items):
            return f"[{_joined(items)}]"
        case MapOf(entries, message):
            return f"{message}{{{', '.join(_entry(each, is_field=bool(message)) for each in entries)}}}"


def _operation(operator: str, operands: list[str]) -> str:
    match operands:
        case [operand]:
            return f"{operator}{operand}"
        case [left, right]:
            return f"{left} {operator} {right}"
        case [test, chosen, otherwise]:
            return f"{test} ? {chosen} : {otherwise}"
    raise ValueError(f"operator {operator!r} with {len(operands)} operands")


def _operand(expression: Expression) -> str:
    text = text_of(expression)
    is_negative = isinstance(expression, Literal) and text[:1] == "-"
    return f"({text})" if isinstance(expression, Operation) or is_negative else text


def _joined(expressions: Iterable[Expression]) -> str:
    return ", ".join(map(text_of, expressions))


def _entry(entry: Entry, *, is_field: bool) -> str:
    is_name = is_field and isinstance(entry.key, Literal)
    key = str(entry.key.value) if is_name and isinstance(entry.key, Literal) else text_of(entry.key)
    return f"{'?' * entry.optional}{key}: {text_of(entry.value)}"


def _step(key: Expression, *, optional: bool) -> str:
    mark = "?" * optional
    if isinstance(key, Literal) and isinstance(key.value, str) and _is_identifier(key.value):
        return f".{mark}{key.value}"
    return f"[{mark}{text_of(key)}]"


def _is_identifier(text: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(text)) and text not in _RESERVED


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return f'"{"".join(map(_character, value))}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else repr(value)


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    # Also those that are printable and look like others are written as they are: only control is taken away.
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < _BEYOND_FOUR_DIGITS else f"\\U{code:08x}"


def literal_of(value: object) -> Expression:
    """The expression that stands for a JSON value."""
    if isinstance(value, Mapping):
        return map_of({key: literal_of(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return list_of([literal_of(each) for each in value])
    if value is None or isinstance(value, str | int | float):
        return Literal(value)
    raise ValueError(f"CEL has no value of type {type(value).__name__}")


def dynamic(expression: Expression) -> Expression:
    """The expression without its type: lists and maps of a policy hold values of one type, which then is `dyn`."""
    return expression if _is_dynamic(expression) else Call("dyn", (_constant(expression),))


def list_of(items: Iterable[Expression]) -> ListOf:
    """A list of values of any types."""
    return ListOf(tuple(map(dynamic, items)))


def map_of(values: Mapping[str, Expression]) -> MapOf:
    """A map of texts to values of any types."""
    return MapOf(tuple(Entry(Literal(key), dynamic(value)) for key, value in values.items()))


def _is_dynamic(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.base is None and expression.function == "dyn"


def _constant(expression: Expression) -> Expression:
    """A list or a map of constants of one type without `dyn`, anything else as it is.

    Each `dyn` is a call that the API server makes for every pod; without any a constant is made once for all of them.
    """
    if isinstance(expression, ListOf):
        plain: Expression = ListOf(tuple(map(_plain, expression.items)))
    elif isinstance(expression, MapOf):
        plain = replace(
            expression, entries=tuple(replace(each, value=_plain(each.value)) for each in expression.entries)
        )
    else:
        return expression
    return plain if _constant_type(plain) else expression


def _plain(expression: Expression) -> Expression:
    inner = expression.arguments[0] if isinstance(expression, Call) and _is_dynamic(expression) else expression
    return _constant(inner)


def _constant_type(expression: Expression) -> str:
    """The type of a constant; empty for what is none, or has values of several types."""
    match expression:
        case Literal(value):
            return type(value).__name__
        case ListOf(items):
            return _one_type("list", items)
        case MapOf(entries, "") if not any(each.optional for each in entries):
            return _one_type("map", [each.value for each in entries])
    return ""


def _one_type(outer: str, values: Sequence[Expression]) -> str:
    types = set(map(_constant_type, values))
    return f"{outer} of {types.pop()}" if len(types) == 1 and "" not in types else ""


def field(base: Expression, *path: str) -> Expression:
    """`base.a.b`, which fails where a field is absent."""
    return reduce(lambda inner, name: Index(inner, Literal(name)), path, base)


def optional_field(base: Expression, *path: str) -> Expression:
    """`base.?a.?b`, an optional value: none where a field is absent."""
    return reduce(lambda inner, name: Index(inner, Literal(name), optional=True), path, base)


def or_value(optional: Expression, default: Expression) -> Expression:
    """The optional value where there is one, else the default."""
    return Call("orValue", (default,), optional)


def method(base: Expression, function: str, *arguments: Expression) -> Call:
    """`base.function(…)`."""
    return Call(function, arguments, base)


def size(base: Expression) -> Call:
    """How many characters, items or keys there are."""
    return Call("size", (base,))


def equal(left: Expression, right: Expression) -> Operation:
    """`left == right`."""
    return Operation("==", (left, right))


def contains(collection: Expression, item: Expression) -> Operation:
    """`item in collection`: an item of a list, or a key of a map."""
    return Operation("in", (item, _constant(collection)))


def plus(*parts: Expression) -> Expression:
    """Texts, lists or numbers added up; of lists and texts without those that are known to be empty."""
    kept = [part for part in parts if part not in (EMPTY_TEXT, EMPTY_LIST)] or list(parts[:1])
    return reduce(lambda left, right: Operation("+", (left, right)), kept)


def negation(test: Expression) -> Expression:
    """`!test`, without a sign where there is one already."""
    match test:
        case Literal(bool(value)):
            return Literal(not value)
        case Operation("!", (inner,)):
            return inner
        case Operation("==", operands):
            return Operation("!=", operands)
        case Operation("!=", operands):
            return Operation("==", operands)
    return Operation("!", (test,))


def conjunction(*tests: Expression) -> Expression:
    """All of the tests: each is looked at where those before it hold."""
    return _chain("&&", TRUE, FALSE, tests)


def disjunction(*tests: Expression) -> Expression:
    """Any of the tests: each is looked at where those before it do not hold."""
    return _chain("||", FALSE, TRUE, tests)


def _chain(operator: str, neutral: Literal, deciding: Literal, tests: Iterable[Expression]) -> Expression:
    kept: list[Expression] = []
    for test in tests:
        if test == deciding:
            kept.append(test)
            break
        if test != neutral and test not in kept:
            kept.append(test)
    # From the right, so that a test is only looked at behind those before it, however they are nested.
    return reduce(lambda after, test: Operation(operator, (test, after)), reversed(kept)) if kept else neutral


def choice(test: Expression, chosen: Expression, otherwise: Expression) -> Expression:
    """`test ? chosen : otherwise`, or what is left of it where the test is known."""
    if test == TRUE:
        return chosen
    return otherwise if test == FALSE else Operation("?", (test, chosen, otherwise))


def macro(base: Expression, name: str, variable: str, body: Callable[[Expression], Expression]) -> Comprehension:
    """`base.name(variable, body)`, where the name is that of a macro such as `map`, `filter`, `exists` or `all`."""
    return Comprehension(base, name, (variable,), (body(Name(variable)),))


def bound(value: Expression, variable: str, body: Callable[[Expression], Expression]) -> Expression:
    """The body with a name for a value that it needs more than once: CEL of Kubernetes has no other way to say so."""
    if isinstance(value, Name | Literal):
        return body(value)
    return Index(macro(ListOf((value,)), "map", variable, body), Literal(0))
