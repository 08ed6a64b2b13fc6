"""Filters, tests and methods of the template language in CEL, or why CEL has no word for them: one table each.

A filter is in its table with what it needs to be said. What is said gives for every value what Jinja gives; what comes
only near is not said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from injector.policy.cel import (
    EMPTY_TEXT,
    NULL,
    TRUE,
    Call,
    Expression,
    Index,
    Literal,
    Name,
    Operation,
    choice,
    conjunction,
    contains,
    field,
    macro,
    method,
    negation,
    size,
)
from injector.policy.values import (
    ANY,
    BOOLEAN,
    INTEGER,
    TEXT,
    CannotSayError,
    Value,
    field_type,
    may_be_absent,
    python_text,
    truth_of,
)

# What Python's `strip` takes away. CEL's `trim` leaves U+001C to U+001F.
_BLANKS = r"\s\x0b\x1c-\x1f\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_TRIMMED = f"[^{_BLANKS}](?s:.*[^{_BLANKS}])?"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What stands between the parentheses of a filter, test or method."""

    positional: tuple[Value, ...] = ()
    named: Mapping[str, Value] | None = None

    def constant(self, index: int, name: str, default: Any) -> Any:
        """The argument at a place or of a name, which has to be known. Raises CannotSayError where it is not."""
        given = self.positional[index] if index < len(self.positional) else (self.named or {}).get(name)
        return default if given is None else given.constant

    def flag(self, index: int, name: str) -> bool:
        """Whether an argument is given and true. Raises CannotSayError where it is not known."""
        return bool(self.constant(index, name, default=False))


Say = Callable[[Value, Arguments], Value]


@dataclass(frozen=True, slots=True)
class Row:
    """A filter, test or method: `say` makes it of a value, or None; `note` is what it needs, or why it is not said."""

    say: Say | None
    note: str = ""


def trimmed(text: Expression) -> Expression:
    """Text without blanks at its ends, as Python takes them away."""
    return method(text, "find", Literal(_TRIMMED))


def _text(subject: Value) -> Expression:
    if not subject.is_text:
        raise CannotSayError(f"it needs text, and gets a value of type {subject.type}")
    if may_be_absent(subject):
        raise CannotSayError("it needs text, and gets a value that may be absent: give a default")
    return subject.expression


def _plain(subject: Value) -> Expression:
    text = _text(subject)
    if not subject.is_plain:
        raise CannotSayError(
            "CEL changes the case of ASCII letters only: it is said of labels and names, not of annotations"
        )
    return text


def _list(subject: Value) -> Expression:
    if not subject.is_list:
        raise CannotSayError(f"it needs a list, and gets a value of type {subject.type}")
    return subject.expression


def _lower(subject: Value, _: Arguments) -> Value:
    return Value(method(_plain(subject), "lowerAscii"), TEXT, is_plain=True)


def _upper(subject: Value, _: Arguments) -> Value:
    return Value(method(_plain(subject), "upperAscii"), TEXT, is_plain=True)


def _trim(subject: Value, arguments: Arguments) -> Value:
    if arguments.positional or arguments.named:
        raise CannotSayError("CEL only trims blanks")
    return Value(trimmed(_text(subject)), TEXT, is_plain=subject.is_plain)


def _length(subject: Value, _: Arguments) -> Value:
    if not (subject.is_text or subject.is_list or subject.is_mapping) or may_be_absent(subject):
        raise CannotSayError(f"the length of a value of type {subject.type}, or of one that may be absent")
    return Value(size(subject.expression), INTEGER)


def _join(subject: Value, arguments: Arguments) -> Value:
    attribute, items = arguments.constant(1, "attribute", None), _list(subject)
    item = Value(Name("word"), subject.item_type)
    if attribute is not None:
        item = Value(field(item.expression, attribute), field_type(subject.item_type, attribute))
    if item.expression != Name("word") or not item.is_text:
        items = macro(items, "map", "word", lambda _: python_text(item))
    separator = arguments.positional[0] if arguments.positional else (arguments.named or {}).get("d")
    return Value(
        method(items, "join", EMPTY_TEXT if separator is None else python_text(separator)),
        TEXT,
        is_plain=subject.is_plain and (separator is None or separator.is_plain),
    )


def _replace(subject: Value, arguments: Arguments) -> Value:
    if arguments.constant(2, "count", None) is not None:
        raise CannotSayError("CEL replaces every occurrence, not so many")
    old, new = arguments.positional[:2]
    if old.constant == "":
        raise CannotSayError("an empty text is replaced otherwise")
    return Value(method(python_text(subject), "replace", python_text(old), python_text(new)), TEXT)


def _first(subject: Value, _: Arguments) -> Value:
    return Value(Index(_list(subject), Literal(0)), subject.item_type, is_plain=subject.is_plain)


def _last(subject: Value, _: Arguments) -> Value:
    last = Call("value", (), method(_list(subject), "last"))
    return Value(last, subject.item_type, is_plain=subject.is_plain)


def _string(subject: Value, _: Arguments) -> Value:
    return Value(python_text(subject), TEXT, is_plain=subject.is_plain)


def _list_filter(subject: Value, _: Arguments) -> Value:
    return Value(_list(subject), subject.type, is_plain=subject.is_plain)


def _int(subject: Value, _: Arguments) -> Value:
    if not subject.is_integer:
        raise CannotSayError("Python reads more as a number than CEL: declare the annotation with type='integer'")
    return subject


def _abs(subject: Value, _: Arguments) -> Value:
    number = _int(subject, Arguments()).expression
    negative = Operation("<", (number, Literal(0)))
    return Value(choice(negative, Operation("-", (number,)), number), INTEGER)


def _map(subject: Value, arguments: Arguments) -> Value:
    attribute = arguments.constant(9, "attribute", None)
    if attribute is None or arguments.positional:
        raise CannotSayError("only map(attribute='…') is said")
    kind = field_type(subject.item_type, attribute)
    items = macro(_list(subject), "map", "item", lambda item: field(item, attribute))
    return Value(items, f"[{kind}]", is_plain=_is_name(attribute))


def _is_name(attribute: str) -> bool:
    return attribute == "name"


def _selected(*, keep: bool, attribute: bool) -> Say:
    def say(subject: Value, arguments: Arguments) -> Value:
        given = list(arguments.positional)
        item = Value(Name("item"), subject.item_type, is_plain=subject.is_plain)
        if attribute:
            name = given.pop(0).constant
            item = Value(field(item.expression, name), field_type(subject.item_type, name), is_plain=_is_name(name))
            key = Index(Name("item"), Literal(name), optional=True)
            item = replace(item, key=key)
        test = _test_of(given, item)
        return Value(
            macro(_list(subject), "filter", "item", lambda _: test if keep else negation(test)),
            subject.type,
            is_plain=subject.is_plain,
        )

    return say


def _test_of(given: list[Value], item: Value) -> Expression:
    if not given:
        return truth_of(item)
    row = TESTS.get(str(given[0].constant))
    if row is None or row.say is None:
        raise CannotSayError(f"the test {given[0].constant!r} is not said")
    return row.say(item, Arguments(tuple(given[1:]))).expression


def _sort(subject: Value, arguments: Arguments) -> Value:
    if not (subject.is_plain or subject.item_type == INTEGER or arguments.flag(1, "case_sensitive")):
        raise CannotSayError("CEL sorts by case: say sort(case_sensitive=true)")
    if arguments.flag(0, "reverse") or arguments.constant(2, "attribute", None) is not None:
        raise CannotSayError("only sort() and sort(case_sensitive=true) are said")
    return Value(method(_list(subject), "sort"), subject.type, is_plain=subject.is_plain)


def _unique(subject: Value, arguments: Arguments) -> Value:
    if not (subject.item_type == INTEGER or arguments.flag(0, "case_sensitive")):
        raise CannotSayError("CEL tells texts apart by case: say unique(case_sensitive=true)")
    return Value(method(_list(subject), "distinct"), subject.type, is_plain=subject.is_plain)


def _reverse(subject: Value, _: Arguments) -> Value:
    return Value(method(_list(subject), "reverse"), subject.type, is_plain=subject.is_plain)


def _of_integers(function: str) -> Say:
    def say(subject: Value, _: Arguments) -> Value:
        if subject.item_type not in ("int32", INTEGER):
            raise CannotSayError("it is said of lists of whole numbers")
        return Value(method(_list(subject), function), INTEGER)

    return say


def _to_argument(subject: Value, _: Arguments) -> Value:
    escaped = method(_text(subject), "replace", Literal("$"), Literal("$$"))
    return Value(method(escaped, "replace", Literal("$$(HOST_IP)"), Literal("$(HOST_IP)")), TEXT)


def _directory_of(subject: Value, _: Arguments) -> Value:
    text = _text(subject)
    end = Operation("+", (method(text, "lastIndexOf", Literal("/")), Literal(1)))
    return Value(method(text, "substring", Literal(0), end), TEXT, is_plain=subject.is_plain)


def _unchanged(subject: Value, _: Arguments) -> Value:
    # A pod that an API server hands on has no nulls, nor a field that would be empty without them.
    return subject


def _default(_subject: Value, _: Arguments) -> Value:
    raise CannotSayError("it is said of what may be missing")


_NO_JSON = "CEL has no JSON"
_NO_YAML = "CEL has no YAML"

FILTERS: Mapping[str, Row] = {
    "abs": Row(_abs, "of whole numbers"),
    "canonical_name": Row(None, "CEL counts characters, not bytes"),
    "default": Row(_default, "of keys that may be missing, and of what may be empty"),
    "dictsort": Row(None, "CEL has no order of pairs: loop over `items()`, which are sorted by key"),
    "directory_of": Row(_directory_of),
    "first": Row(_first, "of lists"),
    "float": Row(None, "CEL writes fractions otherwise"),
    "from_json": Row(None, _NO_JSON),
    "int": Row(_int, "of whole numbers: text that is one needs a declared type"),
    "items": Row(None, "say `mapping.items()` in a loop"),
    "join": Row(_join, "of lists of text and whole numbers"),
    "last": Row(_last, "of lists"),
    "length": Row(_length),
    "list": Row(_list_filter, "of lists"),
    "lower": Row(_lower, "of labels and names: CEL changes the case of ASCII letters only"),
    "map": Row(_map, "as `map(attribute='…')`"),
    "max": Row(_of_integers("max"), "of whole numbers"),
    "min": Row(_of_integers("min"), "of whole numbers"),
    "reject": Row(_selected(keep=False, attribute=False)),
    "rejectattr": Row(_selected(keep=False, attribute=True)),
    "replace": Row(_replace, "of every occurrence"),
    "reverse": Row(_reverse, "of lists"),
    "round": Row(None, "CEL of Kubernetes has no rounding"),
    "select": Row(_selected(keep=True, attribute=False)),
    "selectattr": Row(_selected(keep=True, attribute=True)),
    "sort": Row(_sort, "of names and whole numbers, or with `case_sensitive=true`"),
    "string": Row(_string, "of text, whole numbers and booleans"),
    "sum": Row(_of_integers("sum"), "of whole numbers"),
    "title": Row(None, "CEL has no title case"),
    "to_argument": Row(_to_argument),
    "to_json": Row(None, _NO_JSON),
    "to_proxy_config": Row(None, _NO_YAML),
    "trim": Row(_trim, "of blanks"),
    "unique": Row(_unique, "of whole numbers, or with `case_sensitive=true`"),
    "upper": Row(_upper, "of labels and names: CEL changes the case of ASCII letters only"),
    "with_fields": Row(None, "a policy has no use for a mapping of which not all keys are known"),
    "without_nulls": Row(_unchanged, "nothing in a pod is null"),
}


def _compared(operator: str) -> Say:
    def say(subject: Value, arguments: Arguments) -> Value:
        return compared(operator, subject, arguments.positional[0])

    return say


def compared(operator: str, left: Value, right: Value) -> Value:
    """`left operator right`, one of `==`, `!=`, `<`, `<=`, `>`, `>=`."""
    if operator in ("==", "!="):
        sides = [each.expression if each.optional is None else each.or_value(NULL) for each in (left, right)]
        if {left.type, right.type} == {BOOLEAN, INTEGER}:
            raise CannotSayError("Python takes 1 and true for equal, CEL does not")
        same = left.type == right.type and not (may_be_absent(left) or may_be_absent(right))
        parts = sides if same else [Call("dyn", (side,)) for side in sides]
        return Value(Operation(operator, tuple(parts)), BOOLEAN)
    both_text, both_numbers = left.is_text and right.is_text, left.is_integer and right.is_integer
    if not (both_text or both_numbers) or may_be_absent(left) or may_be_absent(right):
        raise CannotSayError(f"{operator!r} of values of types {left.type} and {right.type}, or that may be absent")
    return Value(Operation(operator, (left.expression, right.expression)), BOOLEAN)


def member(item: Value, collection: Value) -> Value:
    """`item in collection`: part of a text, item of a list, key of a mapping."""
    if may_be_absent(collection):
        raise CannotSayError("'in' of what may be absent: give a default")
    if collection.is_text:
        return Value(method(collection.expression, "contains", _text(item)), BOOLEAN)
    if collection.is_list or collection.is_mapping:
        return Value(contains(collection.expression, item.expression), BOOLEAN)
    raise CannotSayError(f"'in' of a value of type {collection.type}")


def _is_null(subject: Value, _: Arguments) -> Value:
    if subject.optional is None:
        return Value(Literal(subject.expression == NULL), BOOLEAN)
    return Value(negation(Call("hasValue", (), subject.optional)), BOOLEAN)


def _is_defined(subject: Value, _: Arguments) -> Value:
    return Value(TRUE if subject.key is None else Call("hasValue", (), subject.key), BOOLEAN)


def _is_undefined(subject: Value, arguments: Arguments) -> Value:
    return Value(negation(_is_defined(subject, arguments).expression), BOOLEAN)


def _of_type(*kinds: str) -> Say:
    def say(subject: Value, _: Arguments) -> Value:
        if subject.type == ANY or may_be_absent(subject):
            raise CannotSayError("the type is not known, or the value may be absent")
        is_kind = {"string": subject.is_text, "mapping": subject.is_mapping, "list": subject.is_list}
        return Value(Literal(any(is_kind.get(kind, subject.type == kind) for kind in kinds)), BOOLEAN)

    return say


_NUMBERS = "CEL cannot tell it of a value whose type is not known"

TESTS: Mapping[str, Row] = {
    **{name: Row(_compared("==")) for name in ("eq", "==", "equalto")},
    **{name: Row(_compared("!=")) for name in ("ne", "!=")},
    **{name: Row(_compared("<")) for name in ("lt", "<", "lessthan")},
    **{name: Row(_compared(">")) for name in ("gt", ">", "greaterthan")},
    **{name: Row(_compared("<=")) for name in ("le", "<=")},
    **{name: Row(_compared(">=")) for name in ("ge", ">=")},
    "in": Row(lambda item, arguments: member(item, arguments.positional[0])),
    "defined": Row(_is_defined),
    "undefined": Row(_is_undefined),
    "none": Row(_is_null, "of what may be absent"),
    "string": Row(_of_type("string"), "of values of known type"),
    "mapping": Row(_of_type("mapping"), "of values of known type"),
    "boolean": Row(_of_type(BOOLEAN), "of values of known type"),
    "true": Row(lambda subject, _: Value(conjunction(truth_of(subject)), BOOLEAN), "of booleans"),
    **dict.fromkeys(
        "callable divisibleby escaped even false filter float integer iterable lower number odd sameas sequence test "
        "upper".split(),
        Row(None, _NUMBERS),
    ),
}


def _split(subject: Value, arguments: Arguments) -> Value:
    separator = arguments.constant(0, "sep", None)
    if separator in (None, "") or len(arguments.positional) > 1:
        raise CannotSayError("only split('…'), with text between the parts, is said")
    return Value(method(_text(subject), "split", Literal(separator)), f"[{TEXT}]", is_plain=subject.is_plain)


def _asks(function: str) -> Say:
    def say(subject: Value, arguments: Arguments) -> Value:
        if len(arguments.positional) != 1:
            raise CannotSayError(f"{function} is said with one text")
        return Value(method(_text(subject), function, _text(arguments.positional[0])), BOOLEAN)

    return say


def _without(function: str) -> Say:
    def say(subject: Value, arguments: Arguments) -> Value:
        text, affix = _text(subject), _text(arguments.positional[0])
        has = method(text, "startsWith" if function == "removeprefix" else "endsWith", affix)
        rest = (
            method(text, "substring", size(affix))
            if function == "removeprefix"
            else method(text, "substring", Literal(0), Operation("-", (size(text), size(affix))))
        )
        return Value(choice(has, rest, text), TEXT, is_plain=subject.is_plain)

    return say


def _text_join(subject: Value, arguments: Arguments) -> Value:
    return _join(arguments.positional[0], Arguments((subject,)))


METHODS: Mapping[str, Row] = {
    "endswith": Row(_asks("endsWith")),
    "join": Row(_text_join, "of lists of text and whole numbers"),
    "lower": Row(_lower, "of labels and names"),
    "removeprefix": Row(_without("removeprefix")),
    "removesuffix": Row(_without("removesuffix")),
    "replace": Row(_replace, "of every occurrence"),
    "split": Row(_split, "with text between the parts"),
    "startswith": Row(_asks("startsWith")),
    "strip": Row(_trim, "of blanks"),
    "upper": Row(_upper, "of labels and names"),
}
