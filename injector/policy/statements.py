"""The statements of a template, one after the other: the text that they write, under what, and what they refuse."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jinja2 import nodes

from injector.core.render.limits import COUNTED, SPENT
from injector.policy.annotation_types import Check
from injector.policy.cel import (
    EMPTY_LIST,
    FALSE,
    TRUE,
    Comprehension,
    Expression,
    Index,
    Literal,
    Name,
    Operation,
    conjunction,
    equal,
    macro,
    method,
    negation,
    size,
)
from injector.policy.expressions import Expressions, Reads
from injector.policy.outline import Condition, Guards, Loop, Source
from injector.policy.source import shown
from injector.policy.values import INTEGER, TEXT, CannotSayError, Value, either, may_be_absent

_FORBIDDEN: Mapping[type[nodes.Node], str] = {
    nodes.Break: "break",
    nodes.Continue: "continue",
    nodes.Import: "an import of a library",
    nodes.FromImport: "an import of a library",
    nodes.Include: "include",
    nodes.CallBlock: "call",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """When a pod is refused, and the message: both can be looked at outside of the loops of the template."""

    test: Expression
    message: Expression


@dataclass(slots=True)
class Statements:
    """What was made of a template: its text, what it asks the pod for, and what it refuses."""

    source: Source = field(default_factory=Source)
    reads: Reads = field(default_factory=Reads)
    refused: list[Refused] = field(default_factory=list)


def statements_of(tree: nodes.Template, constants: Mapping[str, Any]) -> Statements:
    """What the statements of an evaluated tree say. Raises CannotSayError."""
    return _Walk(constants).walked(tree.body)


class _Walk:
    """Goes through the statements of a template in order."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self._statements = Statements()
        self._expressions = Expressions(constants, self._statements.reads, self._check)
        self._guards: Guards = ()
        self._loops = 0

    def walked(self, body: Iterable[nodes.Node]) -> Statements:
        self._block(body)
        return self._statements

    def _block(self, body: Iterable[nodes.Node]) -> None:
        for statement in body:
            try:
                self._statement(statement)
            except CannotSayError as error:
                if error.line:
                    raise
                raise CannotSayError(error.why, statement.lineno, error.shown) from error

    def _statement(self, node: nodes.Node) -> None:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    self._output(part)
            case nodes.If():
                self._if(node)
            case nodes.For():
                self._for(node)
            case nodes.Assign():
                self._assign(node)
            case nodes.With():
                self._with(node)
            case nodes.ExprStmt():
                self._do(_expression(node.node))
            case nodes.Macro():
                # Its calls are expanded already; one that is left is refused where it is.
                return
            case _:
                word = _FORBIDDEN.get(type(node), type(node).__name__.lower())
                raise CannotSayError(f"CEL has nothing for {word}", node.lineno)

    def _output(self, node: nodes.Expr) -> None:
        if isinstance(node, nodes.TemplateData):
            self._statements.source.add_text(node.data, self._guards, node.lineno)
        elif not self._is_refusal(node):
            self._statements.source.add_value(self._expressions.value(node), self._guards, node.lineno)

    def _do(self, node: nodes.Expr) -> None:
        if isinstance(node, nodes.Filter) and node.name == SPENT:
            return
        if not self._is_refusal(node):
            raise CannotSayError("of `do` only refuse(…) is said", node.lineno, shown(node))

    def _is_refusal(self, node: nodes.Expr) -> bool:
        while isinstance(node, nodes.Filter) and " " in node.name and node.node is not None:
            node = node.node
        if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name) or node.node.name != "refuse":
            return False
        argument = node.args[0] if node.args else next(each.value for each in node.kwargs)
        message = self._expressions.value(argument)
        if not message.is_text or may_be_absent(message):
            raise CannotSayError("the message must be text", node.lineno, shown(node))
        self._refuse(TRUE, message.expression)
        return True

    def _check(self, check: Check, when: Expression) -> None:
        """A declared annotation is read here: where it is not valid the pod is refused."""
        self._refuse(conjunction(when, check.is_invalid), check.message)

    def _refuse(self, test: Expression, message: Expression) -> None:
        """Under the guards that are around; of the items of a loop the first one has its message said."""
        for guard in reversed(self._guards):
            if isinstance(guard, Condition):
                test = conjunction(guard.test, test)
            else:
                message = Index(_over(_where(guard, test), guard, message), Literal(0))
                test = Operation(">", (size(_where(guard, test)), Literal(0)))
        refused = Refused(test, message)
        if refused not in self._statements.refused:
            self._statements.refused.append(refused)

    def _if(self, node: nodes.If) -> None:
        group = self._new_group(0)
        names = self._expressions.names
        before, prior, outcomes = dict(names), list[Expression](), list[tuple[Expression, dict[str, Any]]]()
        for number, branch in enumerate((node, *node.elif_)):
            holds = self._expressions.truth(_expression(branch.test))
            test = conjunction(*prior, holds)
            outcomes.append((test, self._branch(branch.body, Condition(group, number, test), before)))
            prior.append(negation(holds))
        otherwise = Condition(group, len(prior), conjunction(*prior))
        outcomes.append((TRUE, self._branch(node.else_, otherwise, before)))
        self._statements.source.branches[group] = len(prior) + 1
        names.clear()
        names.update(_merged(outcomes))

    def _branch(self, body: list[nodes.Node], guard: Condition, before: Mapping[str, Any]) -> dict[str, Any]:
        """Walk a branch; the names in scope behind it."""
        names = self._expressions.names
        names.clear()
        names.update(before)
        if guard.test != FALSE:
            self._under(guard, lambda: self._block(body))
        return dict(names)

    def _under(self, guard: Condition | Loop, walk: Callable[[], None]) -> None:
        around, self._guards = self._guards, (*self._guards, guard)
        try:
            walk()
        finally:
            self._guards = around

    def _new_group(self, branches: int) -> int:
        group = len(self._statements.source.branches)
        self._statements.source.branches[group] = branches
        return group

    def _for(self, node: nodes.For) -> None:
        if node.else_:
            raise CannotSayError("CEL has nothing for the `else` of a loop", node.lineno)
        group = self._new_group(2)
        self._loops += 1
        item, place = Name(f"item{self._loops}"), Name(f"place{self._loops}")
        around = dict(self._expressions.names)
        source, names = self._iterated(node, item)
        self._expressions.names.update(names)
        if node.test is not None:
            kept = self._expressions.truth(_expression(node.test))
            source = macro(source, "filter", item.name, lambda _: kept)
        last = Operation("-", (size(source), Literal(1)))
        self._expressions.names["loop"] = {
            "index0": Value(place, INTEGER),
            "index": Value(Operation("+", (place, Literal(1))), INTEGER),
            "length": Value(size(source), INTEGER),
            "first": Value(equal(place, Literal(0)), "boolean"),
            "last": Value(equal(place, last), "boolean"),
        }
        self._under(Loop(group, source, item, place), lambda: self._block(node.body))
        self._expressions.names.clear()
        self._expressions.names.update(around)

    def _iterated(self, node: nodes.For, item: Name) -> tuple[Expression, dict[str, Value]]:
        """The list that a loop goes over, and what its target names stand for."""
        iterated = _expression(node.iter)
        pairs = next(self._expressions.pairs(iterated), None)
        if pairs is not None:
            if not isinstance(node.target, nodes.Tuple) or len(node.target.items) != 2:  # noqa: PLR2004
                raise CannotSayError("items() gives a key and a value", node.lineno)
            keys = method(macro(pairs.expression, "map", "key", lambda key: key), "sort")
            key, value = (target.name for target in node.target.items if isinstance(target, nodes.Name))
            return keys, {
                key: Value(item, TEXT, is_plain=True),
                value: Value(Index(pairs.expression, item), pairs.item_type, is_plain=pairs.is_plain),
            }
        if isinstance(iterated, nodes.Filter) and iterated.name == COUNTED and iterated.node is not None:
            iterated = iterated.node
        found = self._expressions.value(iterated)
        if not found.is_list or not isinstance(node.target, nodes.Name):
            raise CannotSayError("a loop goes over a list, or over items()", node.lineno, shown(iterated))
        if found.optional is not None:
            # As Python has it: a template that loops over null fails, and so refuses the pod.
            self._refuse(negation(method(found.optional, "hasValue")), Literal("'NoneType' object is not iterable"))
        named = Value(item, found.item_type, is_plain=found.is_plain)
        return found.or_value(EMPTY_LIST), {node.target.name: named}

    def _assign(self, node: nodes.Assign) -> None:
        if not isinstance(node.target, nodes.Name):
            raise CannotSayError("one name is set at a time", node.lineno)
        self._expressions.names[node.target.name] = self._expressions.value(_expression(node.node))

    def _with(self, node: nodes.With) -> None:
        around = dict(self._expressions.names)
        values = [self._expressions.value(value) for value in node.values]
        for target, value in zip(node.targets, values, strict=True):
            if not isinstance(target, nodes.Name):
                raise CannotSayError("one name is set at a time", node.lineno)
            self._expressions.names[target.name] = value
        self._block(node.body)
        self._expressions.names.clear()
        self._expressions.names.update(around)


def _expression(node: nodes.Node) -> nodes.Expr:
    """The node, which Jinja's types call any node where it is an expression."""
    return cast("nodes.Expr", node)


def _where(loop: Loop, test: Expression) -> Expression:
    """The items of a loop for which a test holds; it may look at their places."""
    return Comprehension(loop.source, "transformList", (loop.place.name, loop.item.name), (test, loop.item))


def _over(items: Expression, loop: Loop, body: Expression) -> Expression:
    return macro(items, "map", loop.item.name, lambda _: body)


def _merged(outcomes: list[tuple[Expression, dict[str, Any]]]) -> dict[str, Any]:
    """The names behind an `if`: those that every branch knows, each with its value in the branch that is taken."""
    known = set.intersection(*(set(names) for _, names in outcomes))
    merged: dict[str, Any] = {}
    for name in known:
        values = [names[name] for _, names in outcomes]
        if all(value is values[0] for value in values):
            merged[name] = values[0]
            continue
        result = values[-1]
        for (test, _), value in zip(reversed(outcomes[:-1]), reversed(values[:-1]), strict=True):
            result = either(test, value, result)
        merged[name] = result
    return merged
