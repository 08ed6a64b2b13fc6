"""What an expression of a template is in CEL: its value, and what is known of its type.

Jinja looks at values when it runs, CEL at types before. So each value carries the type that the API gives it, in the
spelling of `core.pod_types`: `string`, `int32`, `[T]`, `{T}`, the name of a message, or `any`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.core.pod_types import FIELDS
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_MAP,
    EMPTY_TEXT,
    FALSE,
    NULL,
    TRUE,
    Call,
    Expression,
    Literal,
    Name,
    Operation,
    choice,
    equal,
    literal_of,
    negation,
    or_value,
    size,
)

ANY, TEXT, INTEGER, NUMBER, BOOLEAN, NOTHING = "any", "string", "int64", "number", "boolean", "null"
_INTEGERS = frozenset(("int32", "int64"))
_TEXTS = frozenset((TEXT, "quantity"))


class CannotSayError(Exception):
    """CEL cannot say what a template says; the text is why, `line` where that is known, `shown` the expression."""

    def __init__(self, why: str, line: int = 0, shown: str = "") -> None:
        """Say why, and where."""
        super().__init__(why)
        self.why, self.line, self.shown = why, line, shown


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an expression.

    Where it may be null, `optional` is it as an optional value of CEL, and `expression` is null then. `key` is the
    optional value of a key without which the expression fails, in Jinja and in CEL. `is_plain` marks text that can only
    be of the ASCII letters, digits and signs of a name: the API server refuses a pod with any other.
    """

    expression: Expression
    type: str = ANY
    optional: Expression | None = None
    is_plain: bool = False
    key: Expression | None = None

    def or_value(self, default: Expression) -> Expression:
        """The value, and the default where it is absent."""
        return self.expression if self.optional is None else or_value(self.optional, default)

    @property
    def item_type(self) -> str:
        """The type of what is in a list or map."""
        return self.type[1:-1] if self.type[:1] in ("[", "{") else ANY

    @property
    def is_text(self) -> bool:
        """Whether it can only be text."""
        return self.type in _TEXTS

    @property
    def is_integer(self) -> bool:
        """Whether it can only be a whole number."""
        return self.type in _INTEGERS

    @property
    def is_list(self) -> bool:
        """Whether it can only be a list."""
        return self.type[:1] == "["

    @property
    def is_mapping(self) -> bool:
        """Whether it can only be a mapping."""
        return self.type[:1] == "{" or self.type in FIELDS

    @property
    def constant(self) -> Any:
        """The text, number or boolean where it is known; raises CannotSayError where it is not."""
        if isinstance(self.expression, Literal):
            return self.expression.value
        raise CannotSayError("it must be a constant")


def constant_value(value: Any) -> Value:
    """The value of a constant of the template or the configuration."""
    if isinstance(value, str):
        return Value(Literal(value), TEXT, is_plain=value.isascii())
    is_plain = isinstance(value, list | tuple) and all(isinstance(each, str) and each.isascii() for each in value)
    return Value(literal_of(value), _type_of(value), is_plain=is_plain)


def _type_of(value: Any) -> str:
    if isinstance(value, str):
        return TEXT
    if isinstance(value, bool):
        return BOOLEAN
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return INTEGER
    if isinstance(value, float):
        return NUMBER
    inner = set(map(_type_of, value.values() if isinstance(value, Mapping) else value))
    item = inner.pop() if len(inner) == 1 else ANY
    return f"{{{item}}}" if isinstance(value, Mapping) else f"[{item}]"


def absent_or(optional: Expression, type_: str, *, is_plain: bool = False) -> Value:
    """A value that may be absent, which is null then."""
    return Value(or_value(optional, NULL), type_, optional, is_plain)


def field_type(owner: str, name: str) -> str:
    """The type of a field of a mapping. Raises CannotSayError where a message of the API has no such field."""
    if owner[:1] == "{":
        return owner[1:-1]
    if owner not in FIELDS:
        return ANY
    for written in FIELDS[owner].split():
        field, _, kind = written.partition(":")
        if field.rstrip("!") == name:
            return kind or TEXT
    raise CannotSayError(f"the API has no field {name!r} in {owner}")


def depth_of(type_: str, seen: frozenset[str] = frozenset()) -> int:
    """How many mappings may be inside each other in a value of a type, lists taken for single values."""
    if type_[:1] == "{":
        return 1 + depth_of(type_[1:-1], seen)
    if type_ not in FIELDS or type_ in seen:
        return 0
    inner = (field.partition(":")[2] or TEXT for field in FIELDS[type_].split())
    return 1 + max((depth_of(each, seen | {type_}) for each in inner), default=0)


def truth_of(value: Value) -> Expression:  # noqa: PLR0911 -- one case a type
    """Whether Jinja takes the value for true. Raises CannotSayError where its type is not known."""
    if isinstance(value.expression, Literal):
        return Literal(bool(value.expression.value))
    if value.type == BOOLEAN:
        return value.or_value(FALSE)
    if value.is_text:
        return Operation("!=", (value.or_value(EMPTY_TEXT), EMPTY_TEXT))
    if value.is_integer:
        return Operation("!=", (value.or_value(Literal(0)), Literal(0)))
    if value.is_list:
        return Operation(">", (size(value.or_value(EMPTY_LIST)), Literal(0)))
    if value.is_mapping:
        return Operation(">", (size(value.or_value(EMPTY_MAP)), Literal(0)))
    if value.type == "port":
        port = value.or_value(Literal(0))
        return negation(Operation("||", (equal(port, Literal(0)), equal(port, EMPTY_TEXT))))
    raise CannotSayError("its type is not known, and so not when it is true: compare it with something")


def document_text(value: Value) -> Expression:
    """The value inside text of a document: booleans as YAML has them, nothing for null."""
    if isinstance(value.expression, Literal):
        known = value.expression.value
        if isinstance(known, bool) or known is None:
            return Literal({True: "true", False: "false", None: ""}[known])
        return Literal(known if isinstance(known, str) else str(known))
    if value.type == BOOLEAN:
        text = choice(value.or_value(FALSE), Literal("true"), Literal("false"))
        return text if value.optional is None else _unless_absent(value, text)
    return _as_text(value, EMPTY_TEXT)


def python_text(value: Value) -> Expression:
    """The value as text of an expression, such as `a ~ b` makes: `True`, `None`."""
    if isinstance(value.expression, Literal):
        return Literal(str(value.expression.value))
    if value.type == BOOLEAN:
        text = choice(value.or_value(FALSE), Literal("True"), Literal("False"))
        return text if value.optional is None else _unless_absent(value, text, Literal("None"))
    return _as_text(value, Literal("None"))


def _as_text(value: Value, absent: Literal) -> Expression:
    if value.is_text:
        return value.or_value(absent)
    if value.is_integer or value.type == "port":
        text = Call("string", (value.or_value(Literal(0)),))
        return text if value.optional is None else _unless_absent(value, text, absent)
    raise CannotSayError(f"a value of type {value.type} inside text would be written otherwise than Python writes it")


def _unless_absent(value: Value, text: Expression, absent: Literal = EMPTY_TEXT) -> Expression:
    return choice(Call("hasValue", (), value.optional), text, absent)


def either(test: Expression, chosen: Value, otherwise: Value) -> Value:
    """`chosen` where the test holds, else `otherwise`."""
    if test in (TRUE, FALSE):
        return chosen if test == TRUE else otherwise
    types = {chosen.type, otherwise.type} - {NOTHING}
    kind = types.pop() if len(types) == 1 else ANY
    is_plain = chosen.is_plain and otherwise.is_plain
    if not may_be_absent(chosen) and not may_be_absent(otherwise):
        same = kind != ANY and not kind.startswith(("[", "{"))
        parts = (each.expression if same else Call("dyn", (each.expression,)) for each in (chosen, otherwise))
        return Value(choice(test, *parts), kind, is_plain=is_plain)
    optional = choice(test, _optional(chosen), _optional(otherwise))
    return replace(absent_or(optional, kind), is_plain=is_plain)


def may_be_absent(value: Value) -> bool:
    """Whether the value may be null, which leaves out what holds it."""
    return value.optional is not None or value.expression == NULL


def _optional(value: Value) -> Expression:
    if value.expression == NULL:
        return Call("none", (), Name("optional"))
    return (
        Call("of", (Call("dyn", (value.expression,)),), Name("optional")) if value.optional is None else value.optional
    )
