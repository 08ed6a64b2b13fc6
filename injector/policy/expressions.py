"""Expressions of a template as values of CEL.

A template sees the pod without its injection. So the fields of the pod that an injection changes are read from
variables of the policy, which leave out what policies have put there; see `records`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from injector.core.model import PROXY_CONTAINER
from injector.core.render.functions import go_text
from injector.core.render.limits import BOUNDED_FILTER, COMPARED, COUNTED
from injector.policy.annotation_types import Check, typed_annotation
from injector.policy.cel import (
    EMPTY_LIST,
    EMPTY_MAP,
    EMPTY_TEXT,
    NULL,
    Expression,
    Index,
    Literal,
    Name,
    Operation,
    choice,
    conjunction,
    disjunction,
    list_of,
    macro,
    map_of,
    method,
    negation,
    plus,
    size,
)
from injector.policy.cel import field as cel_field
from injector.policy.filters import FILTERS, METHODS, TESTS, Arguments, Row, compared, member
from injector.policy.scope import ANNOTATIONS, LABELS, POD, UNSAID, VIEW, WORKLOAD, variable
from injector.policy.source import shown
from injector.policy.values import (
    ANY,
    BOOLEAN,
    INTEGER,
    TEXT,
    CannotSayError,
    Value,
    absent_or,
    constant_value,
    either,
    field_type,
    may_be_absent,
    python_text,
    truth_of,
)

# The fields whose text the API server holds to names and the like: letters, digits and signs of ASCII.
_PLAIN_FIELDS = frozenset(("name", "namespace", "generateName", "serviceAccountName", "nodeName", "schedulerName"))


@dataclass(slots=True)
class Reads:
    """What a template asks the pod for, and the checks of the annotations that it declares."""

    annotations: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    # Fields of lists of the pod, such as `env` of containers; and whole maps, by their name.
    fields: set[str] = field(default_factory=set)


class Expressions:
    """Makes values of a template's expressions. `names` are those in scope beside the functions."""

    def __init__(self, constants: Mapping[str, Any], reads: Reads, check: Callable[[Check, Expression], None]) -> None:
        """`constants` are the names of the configuration; `check` gets each check, and when it is made."""
        self.names: dict[str, Value | Mapping[str, Value]] = {
            "pod": POD,
            "workload": WORKLOAD,
            "namespace": Value(Name("namespaceObject"), ANY),
        }
        self._constants = constants
        self._reads = reads
        self._check = check
        # Under what an expression is evaluated inside the expression around it: `a and b`, `b if a else c`.
        self._when: list[Expression] = []

    def value(self, node: nodes.Expr) -> Value:
        """The value of an expression. Raises CannotSayError, which names the innermost expression at fault."""
        try:
            return self._value(node)
        except CannotSayError as error:
            if not error.line:
                raise CannotSayError(error.why, node.lineno, shown(node)) from error
            raise

    def truth(self, node: nodes.Expr) -> Expression:
        """Whether an expression is true. Raises CannotSayError."""
        try:
            match node:
                case nodes.Not():
                    return negation(self.truth(node.node))
                case nodes.And() | nodes.Or():
                    left = self.truth(node.left)
                    with_right = left if isinstance(node, nodes.And) else negation(left)
                    right = self._under(with_right, lambda: self.truth(node.right))
                    return (conjunction if isinstance(node, nodes.And) else disjunction)(left, right)
            return truth_of(self.value(node))
        except CannotSayError as error:
            if not error.line:
                raise CannotSayError(error.why, node.lineno, shown(node)) from error
            raise

    def _under(self, test: Expression, evaluate: Callable[[], Any]) -> Any:
        self._when.append(test)
        try:
            return evaluate()
        finally:
            self._when.pop()

    def _value(self, node: nodes.Expr) -> Value:  # noqa: C901, PLR0911, PLR0912 -- one case a kind of expression
        match node:
            case nodes.Const() | nodes.TemplateData():
                return constant_value(node.value if isinstance(node, nodes.Const) else node.data)
            case nodes.Name():
                return self._name(node.name)
            case nodes.List() | nodes.Tuple():
                return self._list([self.value(item) for item in node.items])
            case nodes.Dict():
                pairs = {self.value(pair.key).constant: self.value(pair.value).expression for pair in node.items}
                return Value(map_of(pairs), "{any}")
            case nodes.Getattr() | nodes.Getitem():
                return self._step(node)
            case nodes.Call():
                return self._call(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.Compare():
                return self._compare(node)
            case nodes.Not():
                return Value(self.truth(node), BOOLEAN)
            case nodes.And() | nodes.Or():
                return self._operand(node)
            case nodes.CondExpr():
                return self._chosen(node)
            case nodes.Concat():
                return self._concatenated(node)
            case nodes.Neg() | nodes.Add() | nodes.Sub() | nodes.Mul():
                return self._calculated(node)
        raise CannotSayError(f"CEL has nothing for {type(node).__name__.lower()}")

    def _name(self, name: str) -> Value:
        if name in self.names:
            found = self.names[name]
            if isinstance(found, Value):
                return found
            raise CannotSayError(f"{name!r} is said by its parts only")
        if name in self._constants and not callable(self._constants[name]):
            return constant_value(self._constants[name])
        raise CannotSayError(UNSAID.get(name, f"{name!r} is not known before there is a pod"))

    @staticmethod
    def _list(items: list[Value]) -> Value:
        kinds = {item.type for item in items}
        kind = kinds.pop() if len(kinds) == 1 else ANY
        plain = all(item.is_plain for item in items)
        return Value(list_of(item.expression for item in items), f"[{kind}]", is_plain=plain)

    def _step(self, node: nodes.Getattr | nodes.Getitem) -> Value:
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return self._slice(node, node.arg)
        if isinstance(node.node, nodes.Name) and isinstance(self.names.get(node.node.name), Mapping):
            return self._part(self.names[node.node.name], node)
        owner = self.value(node.node)
        if owner.is_list:
            index = self.value(node.arg) if isinstance(node, nodes.Getitem) else None
            if index is None or not index.is_integer:
                raise CannotSayError("an item of a list is taken by its number")
            return Value(Index(owner.expression, index.expression), owner.item_type, is_plain=owner.is_plain)
        if may_be_absent(owner):
            raise CannotSayError("a key of what may be absent: give a default")
        key = self.value(node.arg) if isinstance(node, nodes.Getitem) else constant_value(node.attr)
        return self._entry(owner, key)

    def _part(self, parts: Any, node: nodes.Getattr | nodes.Getitem) -> Value:
        name = node.attr if isinstance(node, nodes.Getattr) else self.value(node.arg).constant
        if name not in parts:
            raise CannotSayError(f"there is no {name!r}")
        return parts[name]  # type: ignore[no-any-return]

    def _entry(self, owner: Value, key: Value) -> Value:
        """`owner.key`, which fails where it is absent."""
        if isinstance(key.expression, Literal):
            name = str(key.expression.value)
            found = VIEW.get(Index(owner.expression, key.expression))
            if found is not None:
                self._reads.fields.add(name)
                return found
            kind = field_type(owner.type, name)
        else:
            name, kind = "", owner.item_type
        self._note(owner.expression, key.expression, name)
        is_plain = owner.is_plain if owner.type[:1] == "{" else name in _PLAIN_FIELDS
        strict, optional = (Index(owner.expression, key.expression, optional=flag) for flag in (False, True))
        return Value(strict, kind, is_plain=is_plain, key=optional)

    def _note(self, owner: Expression, key: Expression, name: str) -> None:
        known = str(key.value) if isinstance(key, Literal) else ""
        if owner == ANNOTATIONS:
            self._reads.annotations.add(known)
        elif owner == LABELS:
            self._reads.labels.add(known)
        elif name:
            self._reads.fields.add(name)

    def _slice(self, node: nodes.Getitem, part: nodes.Slice) -> Value:
        subject = self.value(node.node)
        end = self.value(part.stop).constant if part.stop else None
        if part.start is not None or part.step is not None or not isinstance(end, int) or end < 0:
            raise CannotSayError("of slices only [:n] is said")
        if not (subject.is_text or subject.is_list) or may_be_absent(subject):
            raise CannotSayError("a slice of text or of a list is said")
        cut = method(subject.expression, "substring" if subject.is_text else "slice", Literal(0), Literal(end))
        longer = Operation(">", (size(subject.expression), Literal(end)))
        return Value(choice(longer, cut, subject.expression), subject.type, is_plain=subject.is_plain)

    def _call(self, node: nodes.Call) -> Value:
        if node.dyn_args or node.dyn_kwargs:
            raise CannotSayError("arguments that are unpacked")
        arguments = Arguments(
            tuple(self.value(each) for each in node.args),
            {str(each.key): self.value(each.value) for each in node.kwargs},
        )
        if isinstance(node.node, nodes.Getattr):
            return self._method(node.node, arguments)
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        match name:
            case "annotation":
                return self._annotation(arguments)
            case "label":
                return self._looked_up(LABELS, arguments, is_plain=True)
            case "first_nonempty":
                return self._first_of(list(arguments.positional))
            case "application_containers":
                self._reads.fields.add("containers")
                applications = macro(
                    variable("containers"),
                    "filter",
                    "item",
                    lambda item: Operation("!=", (cel_field(item, "name"), Literal(PROXY_CONTAINER))),
                )
                names = macro(applications, "map", "item", lambda item: cel_field(item, "name"))
                return Value(names, f"[{TEXT}]", is_plain=True)
            case "refuse":
                raise CannotSayError("refuse(…) is said as a statement: {% do refuse(…) %} or alone on its line")
        raise CannotSayError(UNSAID.get(name, f"CEL has no function {name!r}"))

    def _method(self, node: nodes.Getattr, arguments: Arguments) -> Value:
        owner = self.value(node.node)
        if node.attr == "get" and owner.is_mapping:
            return self._got(owner, arguments)
        if node.attr in ("keys", "values", "items") and owner.is_mapping:
            raise CannotSayError(f"{node.attr}() is said of what a loop goes over")
        return self._said(METHODS, "method", node.attr, owner, arguments)

    def _got(self, owner: Value, arguments: Arguments) -> Value:
        """`mapping.get(key, default)`: of a field that the pod lacks the default, which is null where none is given."""
        if may_be_absent(owner):
            owner = Value(owner.or_value(map_of({})), owner.type, is_plain=owner.is_plain)
        entry = self._entry(owner, arguments.positional[0])
        if entry.expression in (view.expression for view in VIEW.values()):
            return entry
        optional = Index(owner.expression, arguments.positional[0].expression, optional=True)
        found = absent_or(optional, entry.type, is_plain=entry.is_plain)
        if len(arguments.positional) == 1:
            return found
        return self._or_default(found, arguments.positional[1])

    @staticmethod
    def _or_default(found: Value, default: Value) -> Value:
        if found.optional is None or default.expression == NULL:
            return found
        if may_be_absent(default):
            present = method(found.optional, "hasValue")
            return either(present, found, default)
        is_plain = found.is_plain and default.is_plain
        same = found.type in (default.type, ANY)
        return Value(
            found.or_value(default.expression), default.type if same else _common(found, default), None, is_plain
        )

    def _annotation(self, arguments: Arguments) -> Value:
        named = arguments.named or {}
        kind = arguments.positional[2] if len(arguments.positional) > 2 else named.get("type")  # noqa: PLR2004
        if kind is None:
            return self._looked_up(ANNOTATIONS, arguments)
        name = arguments.positional[0].constant
        self._reads.annotations.add(name)
        default = arguments.positional[1] if len(arguments.positional) > 1 else named.get("default")
        value, checks = typed_annotation(name, kind, default)
        for check in checks:
            self._check(check, conjunction(*self._when))
        return value

    def _looked_up(self, owner: Expression, arguments: Arguments, *, is_plain: bool = False) -> Value:
        """`annotation(name, default)`: the text, else the default as text, or null where that is null."""
        name = (*arguments.positional, *((arguments.named or {}).get(key) for key in ("name",)))[0]
        if name is None:
            raise CannotSayError("it needs a name")
        self._note(owner, name.expression, "")
        default = arguments.positional[1] if len(arguments.positional) > 1 else (arguments.named or {}).get("default")
        found = absent_or(Index(owner, name.expression, optional=True), TEXT, is_plain=is_plain)
        if default is None:
            return Value(found.or_value(EMPTY_TEXT), TEXT, is_plain=is_plain)
        if default.expression == NULL:
            return found
        if isinstance(default.expression, Literal):
            default = constant_value(go_text(default.expression.value))
        if not default.is_text and not default.is_integer:
            raise CannotSayError("a default that is no text")
        text = Value(python_text(default), TEXT, is_plain=default.is_plain)
        return self._or_default(found, default if may_be_absent(default) else text)

    @staticmethod
    def _first_of(values: list[Value]) -> Value:
        found = constant_value("")
        for value in reversed(values):
            found = either(truth_of(value), value, found)
        return found

    def _filter(self, node: nodes.Filter) -> Value:
        if node.name in (BOUNDED_FILTER, COMPARED, COUNTED) or node.name.startswith("placed"):
            return self.value(_subject(node))
        if node.name == "default":
            return self._with_default(node)
        return self._said(FILTERS, "filter", node.name, self.value(_subject(node)), self._arguments(node))

    def _arguments(self, node: nodes.Filter | nodes.Test) -> Arguments:
        if node.dyn_args or node.dyn_kwargs:
            raise CannotSayError("arguments that are unpacked")
        positional = tuple(self.value(each) for each in node.args)
        return Arguments(positional, {str(each.key): self.value(each.value) for each in node.kwargs})

    def _with_default(self, node: nodes.Filter) -> Value:
        arguments = self._arguments(node)
        default = arguments.positional[0] if arguments.positional else constant_value("")
        subject = self.value(_subject(node))
        if arguments.flag(1, "boolean"):
            return either(truth_of(subject), subject, default)
        if subject.key is None:
            return subject
        return self._or_default(absent_or(subject.key, subject.type, is_plain=subject.is_plain), default)

    @staticmethod
    def _said(rows: Mapping[str, Row], what: str, name: str, subject: Value, arguments: Arguments) -> Value:
        row = rows.get(name)
        if row is None:
            raise CannotSayError(f"CEL has nothing for the {what} {name!r}")
        if row.say is None:
            raise CannotSayError(row.note)
        return row.say(subject, arguments)

    def _test(self, node: nodes.Test) -> Value:
        return self._said(TESTS, "test", node.name, self.value(_subject(node)), self._arguments(node))

    def _compare(self, node: nodes.Compare) -> Value:
        tests, left = list[Expression](), self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            tests.append(_compared(operand.op, left, right))
            left = right
        return Value(conjunction(*tests), BOOLEAN)

    def _operand(self, node: nodes.And | nodes.Or) -> Value:
        left = self.value(node.left)
        test = truth_of(left)
        is_and = isinstance(node, nodes.And)
        right = self._under(test if is_and else negation(test), lambda: self.value(node.right))
        return either(test, right, left) if is_and else either(test, left, right)

    def _chosen(self, node: nodes.CondExpr) -> Value:
        test, otherwise_node = self.truth(node.test), node.expr2
        if otherwise_node is None:
            raise CannotSayError("it gives nothing without an 'else', which is an error in a template")
        chosen = self._under(test, lambda: self.value(node.expr1))
        otherwise = self._under(negation(test), lambda: self.value(otherwise_node))
        return either(test, chosen, otherwise)

    def _concatenated(self, node: nodes.Concat) -> Value:
        parts = [self.value(part) for part in node.nodes]
        return Value(plus(*map(python_text, parts)), TEXT, is_plain=all(part.is_plain for part in parts))

    def _calculated(self, node: nodes.Neg | nodes.BinExpr) -> Value:
        operands = [node.node] if isinstance(node, nodes.Neg) else [node.left, node.right]
        values = [self.value(operand) for operand in operands if operand is not None]
        if isinstance(node, nodes.Add) and _are_joined(values):
            kinds = {value.type for value in values}
            plain = all(value.is_plain for value in values)
            kind = kinds.pop() if len(kinds) == 1 else "[any]"
            return Value(plus(*(value.expression for value in values)), kind, is_plain=plain)
        if not all(value.is_integer for value in values):
            raise CannotSayError("numbers are whole numbers here")
        return Value(Operation(node.operator, tuple(value.expression for value in values)), INTEGER)

    def pairs(self, node: nodes.Expr) -> Iterator[Value]:
        """The mapping of `mapping.items()`; nothing for any other expression."""
        if isinstance(node, nodes.Filter) and node.name == COUNTED and node.node is not None:
            node = node.node
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "items":
            owner = self.value(node.node.node)
            if not owner.is_mapping or may_be_absent(owner):
                raise CannotSayError("items() is said of mappings that are there", node.lineno, shown(node))
            self._note(owner.expression, EMPTY_TEXT, "")
            yield owner


def _subject(node: nodes.Filter | nodes.Test) -> nodes.Expr:
    if node.node is None:
        raise CannotSayError("a filter block")
    return node.node


def _are_joined(values: list[Value]) -> bool:
    """Whether `+` joins the values: texts, or lists."""
    are_there = not any(map(may_be_absent, values))
    return are_there and (all(value.is_text for value in values) or all(value.is_list for value in values))


def _common(found: Value, default: Value) -> str:
    if found.is_text and default.is_text:
        return TEXT
    if found.is_integer and default.is_integer:
        return INTEGER
    return found.type if default.expression in (EMPTY_LIST, EMPTY_MAP) else ANY


def _compared(operator: str, left: Value, right: Value) -> Expression:
    if operator in ("in", "notin"):
        found = member(left, right).expression
        return found if operator == "in" else negation(found)
    sign = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}[operator]
    return compared(sign, left, right).expression
